"""Batches of replies, also out of a replica that is damaged."""

from pathlib import Path

import dns.message
import pytest
from structlog.testing import capture_logs

from domicile.dns.rdata import Rcode
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Zone, encode
from domicile.nameserver.replies import Replies
from domicile.replica.faults import DamagedReplica
from domicile.replica.replica import Replica

QUERY = dns.message.make_query("hello.ada.apps.test", "A").to_wire()


def rcode_of(reply) -> int:
    return dns.message.from_wire(reply).rcode()


def test_a_batch_answers_from_the_replica(replies):
    with replies.batch() as reply:
        found = dns.message.from_wire(reply(QUERY))
        assert str(found.answer[0][0]) == "127.0.0.11"
        assert reply(b"too short") is None


def test_an_empty_replica_knows_no_zone(tmp_path: Path):
    replica = Replica.open(tmp_path / "empty", writable=True)
    with Replies(replica).batch() as reply:
        assert rcode_of(reply(QUERY)) == Rcode.REFUSED
    replica.close()


class Damaged:
    """A replica whose view, or whose every record, is damaged."""

    behind = False

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
                assert rcode_of(reply(QUERY)) == Rcode.SERVFAIL
    assert [line["event"] for line in logs] == ["cannot_answer"]


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
        assert rcode_of(reply(apex)) == Rcode.SERVFAIL
        assert rcode_of(reply(apex)) == Rcode.SERVFAIL
        assert rcode_of(reply(elsewhere)) == Rcode.REFUSED
        # Nor does a good answer between two bad ones make it a line for each.
        assert rcode_of(reply(apex)) == Rcode.SERVFAIL
    assert [line["event"] for line in logs] == ["cannot_answer"]
    replica.close()
