"""What a follower finds wrong: it says so, and mends what it can."""

import asyncio
from pathlib import Path

import httpx
import pytest
from feed_server import (
    ASK,
    CHAIN,
    OTHER_CHAIN,
    TOKEN,
    answer,
    follow,
    http,
    serving,
    state,
)

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.digest import record_digest, record_key, to_bytes
from domicile.model.feed import Ask, Begin, WorkerNote, decode_ask, encode_answer
from domicile.model.zone_records import Zone
from domicile.replica.faults import DamagedReplica
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica

SNAPSHOT = Begin(0, 7, OTHER_CHAIN, snapshot=True)


async def test_a_write_into_garbled_pages_ends_in_a_new_copy(
    folder: Path, replica: Replica, owner, garble
) -> None:
    first = [owner(n, f"owner-{n}") for n in range(1, 500)]
    replica.apply(first, 499, CHAIN)
    garble()
    feed, follower = await follow(replica, http(answer(SNAPSHOT, owner(6, "bob"))))
    assert [ask.after for ask in feed.asks] == [0, 7]
    assert state(replica) == (7, OTHER_CHAIN, ["bob"])
    assert (follower.resyncs, follower.trouble, follower.behind) == (1, "", False)


async def test_damage_that_a_view_of_ours_met_is_mended(
    replica: Replica, owner, rot
) -> None:
    replica.apply([owner(1, "alice")], 1, CHAIN)
    replica.freshness.stamp()
    rot(b"alice\xa4zone", b"alicf\xa4zone")
    with replica.view() as view, pytest.raises(DamagedReplica):
        view.owner("alice")
    feed, follower = await follow(replica, http(answer(SNAPSHOT, owner(6, "alice"))))
    assert [ask.after for ask in feed.asks] == [0, 7]
    assert state(replica) == (7, OTHER_CHAIN, ["alice"])
    assert follower.resyncs == 1


async def test_damage_that_a_worker_met_is_said_and_mended_once(
    replica: Replica, owner
) -> None:
    """Its note may still tell of the copy that was replaced: that is healed."""
    replica.apply([owner(1, "alice")], 1, CHAIN)
    replica.freshness.stamp()
    notes = {"worker-1": WorkerNote(7, damaged=replica.current_name())}
    idle = Follower(replica, Source("", TOKEN), ASK, Readers(notes=lambda: notes))
    assert idle.behind
    assert idle.trouble.startswith("worker-1 found copy-")
    feed, follower = await follow(
        replica,
        http(answer(SNAPSHOT, owner(6, "bob"))),
        http(answer(Begin(7, 7, OTHER_CHAIN))),
        notes=lambda: notes,
    )
    assert [ask.after for ask in feed.asks] == [0, 7, 7]
    assert state(replica)[2] == ["bob"]
    assert (follower.resyncs, follower.trouble, idle.trouble) == (1, "", "")


async def test_a_damaged_copy_is_said_as_long_as_no_other_comes(
    replica: Replica, owner, garble
) -> None:
    replica.apply([owner(n, f"owner-{n}") for n in range(1, 500)], 499, CHAIN)
    replica.freshness.stamp()
    garble()
    feed, follower = await follow(replica, http(b"", status="503 Not now"))
    assert [ask.after for ask in feed.asks] == [0, 0]
    assert follower.behind
    assert follower.trouble
    assert follower.resyncs == 1


async def test_a_digest_is_asked_for_at_the_start_and_held_against_the_replica(
    replica: Replica, owner
) -> None:
    """One that differs has all asked for anew, and looked at again."""
    change = owner(1, "alice")
    assert change.value is not None
    part = record_digest(record_key(change.kind, change.key), change.value)
    right, wrong = to_bytes(part), to_bytes(part - 1)
    snapshot = Begin(0, 1, CHAIN, snapshot=True)
    replies = [
        encode_answer(Begin(0, 1, CHAIN), [change], wrong),
        encode_answer(snapshot, [change]),
        encode_answer(Begin(1, 1, CHAIN), [], right),
        encode_answer(Begin(1, 1, CHAIN), []),
    ]
    asks: list[Ask] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asks.append(decode_ask(request.content))
        return httpx.Response(200, content=b"".join(replies[len(asks) - 1]))

    follower = Follower(replica, Source("http://feed", TOKEN), ASK)
    transport = httpx.MockTransport(reply)
    async with httpx.AsyncClient(transport=transport, base_url="http://feed") as client:
        while len(asks) < len(replies):
            await follower.step(client)
            await follower._audit.end()
    asked = [(ask.after, ask.verify) for ask in asks]
    assert asked == [(0, True), (0, False), (1, True), (1, False)]
    assert follower.audits == 2
    assert follower.trouble == ""
    assert replica.damage() == ("", "")


async def test_what_it_does_not_understand_is_kept_told_of_and_stops_nothing(
    replica: Replica, owner
) -> None:
    strange = Change(2, "comet", "halley", "", b"\x01", NO_CHAIN)
    feed, follower = await follow(
        replica,
        http(answer(Begin(0, 1, CHAIN), owner(1, "alice"))),
        http(answer(Begin(1, 2, CHAIN), strange)),
        http(answer(Begin(2, 3, OTHER_CHAIN), owner(3, "bob"))),
    )
    assert state(replica) == (3, OTHER_CHAIN, ["alice", "bob"])
    assert follower.trouble.startswith("1 records are of a form")
    assert feed.asks[-1].trouble == follower.trouble
    assert not follower.behind


async def test_what_is_held_back_is_said_with_the_next_question(
    replica: Replica, change_of, monkeypatch
) -> None:
    monkeypatch.setattr("domicile.replica.follower._HELD_BACK_SECONDS", 0.0)
    zone = change_of(1, Zone("apps.test", {}))
    empty = http(answer(Begin(0, 9, OTHER_CHAIN, snapshot=True)))
    feed, follower = await follow(
        replica, http(answer(Begin(0, 1, CHAIN), zone)), empty, empty
    )
    assert [ask.after for ask in feed.asks] == [0, 1, 1, 1]
    assert feed.asks[1].trouble == ""
    assert "1 of 1 zones would go" in feed.asks[2].trouble
    assert follower.trouble.startswith("HeldBack")
    assert not list(replica._folder.glob("next"))


async def test_the_troubles_of_those_who_follow_it_are_told_with_its_own(
    replica: Replica,
) -> None:
    async with serving([]) as (feed, url):
        readers = Readers(troubles=lambda: ["proxy-1: no room"])
        follower = Follower(replica, Source(url, TOKEN), ASK, readers)
        task = asyncio.create_task(follower.run())
        await feed.exhausted.wait()
        task.cancel()
        await asyncio.wait([task])
    (ask,) = feed.asks
    assert (ask.trouble, ask.behind) == ("proxy-1: no room", True)


async def test_a_reader_that_reads_on_and_on_is_told_of(
    replica: Replica, owner, caplog, monkeypatch
) -> None:
    """The copy grows meanwhile."""
    monkeypatch.setattr("domicile.replica.follower._MOST_READER_LAG", 2)
    replica.apply([owner(1, "alice")], 1, CHAIN)
    assert replica.serial() == 1
    with replica.view():
        for serial in (2, 3, 4):
            replica.apply([owner(serial, "alice")], serial, CHAIN)
        _, follower = await follow(replica)
    assert follower.reader_lag == 3
    assert "as of 3 writes ago" in caplog.text
