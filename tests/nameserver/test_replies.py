"""Batches of replies, also out of a replica that is damaged."""

from functools import partial
from pathlib import Path

import dns.message
import pytest
from structlog.testing import capture_logs

from domicile.dns.client import Client, Transport
from domicile.dns.rdata import Rcode
from domicile.dns.zonefile import read_zone
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.zone_records import Zone
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.replies import Own, Replies
from domicile.replica.faults import DamagedReplica
from domicile.replica.replica import Replica

APP = "k" * 26
RECORDS = [
    Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)}),
    Owner("ada", "apps.test", "free"),
    Placement(APP, "amber", 2, "hello", "ada", "apps.test"),
    Cluster("amber", ("127.0.0.11",), ()),
]
UDP = Client(Transport.UDP, bytes((192, 0, 2, 1)))
QUERY = dns.message.make_query("hello.ada.apps.test", "A").to_wire()


def rcode_of(reply) -> int:
    return dns.message.from_wire(reply).rcode()


def test_a_batch_answers_from_the_replica(replies):
    with replies.batch() as reply:
        found = dns.message.from_wire(reply(QUERY, UDP))
        assert str(found.answer[0][0]) == "127.0.0.11"
        assert reply(b"too short", UDP) is None


def test_an_empty_replica_knows_no_zone(tmp_path: Path):
    replica = Replica.open(tmp_path / "empty", writable=True)
    with Replies(replica).batch() as reply:
        assert rcode_of(reply(QUERY, UDP)) == Rcode.REFUSED
    replica.close()


class Damaged:
    """A replica whose view, or whose every record, is damaged."""

    behind = False
    number = 1
    open_name = "copy"

    def __init__(self, *, at_once):
        self.at_once = at_once

    def view(self):
        return self.zone("") if self.at_once else self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def zone(self, name):
        raise DamagedReplica("page 3 is torn")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_damaged_replica_fails_each_query_and_says_so_once(at_once):
    replies = Replies(Damaged(at_once=at_once))
    with capture_logs() as logs:
        for _ in range(2):
            with replies.batch() as reply:
                assert rcode_of(reply(QUERY, UDP)) == Rcode.SERVFAIL
    assert [line["event"] for line in logs] == ["cannot_answer"]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_file_has_at_a_name_is_answered_without_any_records(at_once):
    """And nothing else: what it does not have may be an app's."""
    text = "@ 60 SOA a b 1 2 3 4 5\nmail 60 A 192.0.2.25\n* 60 A 192.0.2.26\n"
    zone = read_zone("apps.test", text)
    replies = Replies(Damaged(at_once=at_once), own=Own({zone.apex: zone}))
    with capture_logs(), replies.batch() as reply:
        for name, rcode, found in (
            ("mail.apps.test", Rcode.NOERROR, 1),
            ("any.apps.test", Rcode.SERVFAIL, 0),
            ("mail.else.test", Rcode.SERVFAIL, 0),
            ("apps.test", Rcode.SERVFAIL, 0),
        ):
            answer = dns.message.from_wire(
                reply(dns.message.make_query(name, "A").to_wire(), UDP)
            )
            assert (answer.rcode(), len(answer.answer)) == (rcode, found)


@pytest.mark.parametrize(
    "zone",
    [
        Zone("apps.test", {}, landing=("192.0.2.1",), ttl=2**40),
        Zone("apps.test", {"x" * 64 + ".apps.test": ()}),
        Zone("apps.test", {"ns1.apps.test": ()}, landing=("nowhere",)),
    ],
)
def test_a_zone_that_no_answer_can_bear_fails_its_queries_alone(tmp_path, zone):
    replica = Replica.open(tmp_path / "replica", writable=True)
    change = Change(1, zone.kind, zone.key, zone.scope, encode(zone), NO_CHAIN)
    replica.replace([change], 1, NO_CHAIN)
    replies = Replies(replica)
    apex = dns.message.make_query("apps.test", "A").to_wire()
    elsewhere = dns.message.make_query("else.test", "A").to_wire()
    with capture_logs() as logs, replies.batch() as reply:
        assert rcode_of(reply(apex, UDP)) == Rcode.SERVFAIL
        assert rcode_of(reply(apex, UDP)) == Rcode.SERVFAIL
        assert rcode_of(reply(elsewhere, UDP)) == Rcode.REFUSED
        # Nor does a good answer between two bad ones make it a line for each.
        assert rcode_of(reply(apex, UDP)) == Rcode.SERVFAIL
    assert [line["event"] for line in logs] == ["cannot_answer"]
    replica.close()


# One is answered out of pieces, the other again as it was.
KNOWN = [QUERY, dns.message.make_query("apps.test", "AAAA").to_wire()]


def find(replies, query):
    found = replies.plain.find(query)
    return replies.remembered.find(query) if found is None else found


def remembered(replies):
    """Answer as a worker does, and tell whether that was remembered."""
    replies.begin()
    with replies.batch() as reply:
        found = [find(replies, query) for query in KNOWN]
        for query, known in zip(KNOWN, found, strict=True):
            assert known in (None, reply(query, UDP))
    replies.end()
    assert len(set(map(type, found))) == 1
    return found[0] is not None


def change(replica, serial, record):
    written = Change(
        serial, record.kind, record.key, record.scope, encode(record), NO_CHAIN
    )
    replica.apply([written], serial, NO_CHAIN)


def test_a_reply_is_remembered_until_the_serial_changes(replica, replies):
    assert not remembered(replies)
    assert remembered(replies)
    serial = replies.serial()
    assert remembered(replies)
    change(replica, serial + 1, Cluster("amber", ("127.0.0.99",), ()))
    assert replies.serial() == serial + 1
    assert not remembered(replies)
    assert remembered(replies)


def test_a_view_of_a_newer_serial_is_enough_to_forget(replica, replies):
    remembered(replies)
    change(replica, replies.serial() + 1, Cluster("amber", ("127.0.0.99",), ()))
    assert not remembered(replies)


def test_another_copy_of_the_same_serial_is_another(replica, replies):
    remembered(replies)
    serial = replies.serial()
    record = Zone("apps.test", {}, landing=("192.0.2.1",))
    written = Change(serial, record.kind, record.key, "", encode(record), NO_CHAIN)
    replica.replace([written], serial, NO_CHAIN)
    assert replies.serial() == serial
    assert not remembered(replies)


def test_nothing_older_follows_on_what_another_copy_said(replica, replies):
    """A view sees a new copy at once; the next glance sees no older one then."""
    remembered(replies)
    replies.begin()
    record = Zone("apps.test", {}, landing=("192.0.2.1",))
    written = Change(9, record.kind, record.key, "", encode(record), NO_CHAIN)
    replica.replace([written], 9, NO_CHAIN)
    with replies.batch() as reply:
        assert rcode_of(reply(QUERY, UDP)) == Rcode.NXDOMAIN
    replies.end()
    replies.begin()
    assert rcode_of(find(replies, QUERY)) == Rcode.NXDOMAIN
    replies.end()


class Racing:
    """A replica at which something happens just before it is viewed."""

    def __init__(self, replica):
        self._replica = replica
        self.meanwhile = None

    def view(self):
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            happens()
        return self._replica.view()

    def __getattr__(self, name):
        return getattr(self._replica, name)


BIRCH = Cluster("birch", ("127.0.0.22",), ())
MOVED = Placement(APP, "birch", 3, "hello", "ada", "apps.test")


def move(replica):
    change(replica, 10, MOVED)


def move_in_another_copy(replica):
    records = [*RECORDS[:2], *RECORDS[3:], BIRCH, MOVED]
    written = [
        Change(serial, each.kind, each.key, each.scope, encode(each), NO_CHAIN)
        for serial, each in enumerate(records, 10)
    ]
    replica.replace(written, 20, NO_CHAIN)


@pytest.mark.parametrize("happens", [move, move_in_another_copy])
def test_what_happens_between_a_glance_and_its_view_is_answered_at_once(
    replica, happens
):
    """Nor does the table of hosts keep what was so before."""
    racing = Racing(replica)
    replies = Replies(racing)
    change(replica, 8, BIRCH)
    remembered(replies)
    assert remembered(replies)
    while replies.take_census():
        pass
    change(replica, 9, Owner("bob", "apps.test", "free"))
    replies.serial()
    racing.meanwhile = partial(happens, replica)
    remembered(replies)
    assert racing.meanwhile is None
    assert remembered(replies)
    for _ in range(2):
        replies.begin()
        found = dns.message.from_wire(find(replies, QUERY))
        replies.end()
        assert str(found.answer[0][0]) == "127.0.0.22"
        while replies.take_census():
            pass


def test_who_falls_behind_and_who_catches_up_forgets(tmp_path):
    now = [100.0]
    replica = Replica.open(tmp_path / "other", writable=True, clock=lambda: now[0])
    written = [
        Change(serial, each.kind, each.key, each.scope, encode(each), NO_CHAIN)
        for serial, each in enumerate(RECORDS, start=1)
    ]
    replica.replace(written, len(written), NO_CHAIN)
    replica.freshness.stamp()
    replies = Replies(replica)
    assert [remembered(replies) for _ in range(2)] == [False, True]
    now[0] += 60
    assert [remembered(replies) for _ in range(2)] == [False, True]
    replica.freshness.stamp()
    assert [remembered(replies) for _ in range(2)] == [False, True]
    replica.close()


def test_of_a_damaged_replica_nothing_is_remembered(replica, replies):
    remembered(replies)
    replica.view()._copy.damage = "page 3 is torn"
    assert not remembered(replies)


def test_who_has_files_alone_remembers_what_they_say():
    zone = read_zone("filed.test", "@ 60 SOA a b 1 2 3 4 5\n@ 60 A 192.0.2.9\n")
    replies = Replies(NoRecords(), own=Own({zone.apex: zone}))
    query = dns.message.make_query("filed.test", "A").to_wire()
    with replies.batch() as reply:
        expected = reply(query, UDP)
    assert find(replies, query) == expected
