"""A replica is held against the store's digest: what differs is followed anew."""

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.digest import add_up, record_digest, record_key, to_bytes
from domicile.model.records import Owner, encode
from domicile.replica.audit import EVERY_SECONDS, Audit
from domicile.replica.replica import Replica

CHAIN = b"c" * 16
ADA, BOB = (Owner(name, "apps.test", "free") for name in ("ada", "bob"))


def digest_of(*records):
    parts = (record_digest(record_key(r.kind, r.key), encode(r)) for r in records)
    return to_bytes(add_up(*parts))


@pytest.fixture
def now():
    return [5000.0]


@pytest.fixture
def audit(replica, now):
    return Audit(replica, lambda: now[0])


@pytest.fixture
def held(replica, change_of):
    replica.apply([change_of(1, ADA), change_of(2, BOB)], 2, CHAIN)
    return replica


async def look(audit, digest):
    audit.begin(digest)
    await audit.end()


async def test_what_is_the_same_is_left_alone(audit, held):
    await look(audit, digest_of(BOB, ADA))
    assert held.damage() == ("", "")
    assert (audit.trouble, audit.done) == ("", 1)


async def test_a_record_that_is_kept_and_not_read_counts_too(audit, replica):
    replica.apply([Change(1, "comet", "k", "", b"\xff", NO_CHAIN)], 1, CHAIN)
    part = record_digest(record_key("comet", "k"), b"\xff")
    again = Replica.open(replica._folder, writable=False)
    assert again.unreadable == 0  # who has just started does not know yet
    await look(audit, to_bytes(part))
    assert replica.damage() == ("", "")
    assert replica.unreadable == 1


@pytest.mark.parametrize("expected", [[ADA], [], [ADA, BOB, Owner("eve", "z", "p")]])
async def test_what_differs_is_damage_and_serves_on_as_behind(audit, held, expected):
    held.freshness.stamp()
    await look(audit, digest_of(*expected))
    assert "differs from the store's records as of 2" in held.damage()[1]
    with held.view() as view:
        assert view.behind
        assert view.owner("ada") == ADA


async def test_where_a_new_copy_does_not_help_it_is_said_and_not_done_for_ever(
    audit, held, change_of
):
    await look(audit, digest_of(ADA))
    held.replace([change_of(1, ADA), change_of(2, BOB)], 2, CHAIN)
    await look(audit, digest_of(ADA))
    assert held.damage() == ("", "")
    assert "also when followed anew" in audit.trouble
    await look(audit, digest_of(ADA, BOB))
    assert audit.trouble == ""
    await look(audit, digest_of(ADA))
    assert held.damage()[1]


async def test_what_is_replaced_meanwhile_is_not_blamed(audit, held, change_of):
    audit.begin(digest_of(ADA))
    held.replace([change_of(1, ADA)], 3, CHAIN)
    await audit.end()
    assert held.damage() == ("", "")


async def test_a_garbled_value_is_found_that_nobody_asked_for(audit, held, rot):
    rot(b"apps.test", b"apps.tset")
    await look(audit, digest_of(ADA, BOB))
    assert "is not what was written" in held.damage()[1]


async def test_it_is_due_at_the_start_and_within_the_hour(audit, held, now):
    assert audit.due
    await look(audit, digest_of(ADA, BOB))
    assert not audit.due
    now[0] += EVERY_SECONDS
    assert audit.due


async def test_what_is_new_is_looked_at_soon(audit, held):
    await look(audit, digest_of(ADA, BOB))
    audit.soon()
    assert audit.due
    audit.begin(digest_of(ADA, BOB))
    assert not audit.due
    await audit.end()
