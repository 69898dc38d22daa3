"""A follower's replica is exact, whatever the feed and the network do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.digest import record_digest, record_key, to_bytes
from domicile.model.feed import (
    Ask,
    Begin,
    End,
    Entry,
    WorkerNote,
    decode_ask,
    encode_answer,
    encode_frame,
)
from domicile.model.records import Owner
from domicile.model.zone_records import Zone
from domicile.replica.copy import Copy
from domicile.replica.faults import DamagedReplica
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica

CHAIN = b"c" * 16
OTHER_CHAIN = b"d" * 16
ASK = Ask("ns1", ("owner",), cluster="amber")
TOKEN = "secret-token"

Reply = bytes | None


def http(body: bytes, *, status: str = "200 OK", missing: int = 0) -> bytes:
    """Give a response; `missing` bytes are announced and never come."""
    length = len(body) + missing
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode() + body


class FeedServer:
    """Answers each question with the next reply, and the last one never."""

    def __init__(self, replies: Iterable[bytes]) -> None:
        self._replies = list(replies)
        self.asks: list[Ask] = []
        self.heads: list[bytes] = []
        self.exhausted = asyncio.Event()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next(x for x in lines if x.startswith(b"content-length:"))
                body = await reader.readexactly(int(length.split(b":")[1]))
                self.heads.append(head)
                self.asks.append(decode_ask(body))
                if not self._replies:
                    self.exhausted.set()
                    await reader.read()
                    break
                reply = self._replies.pop(0)
                writer.write(reply)
                await writer.drain()
                announced, _, sent = reply.partition(b"\r\n\r\n")
                if int(announced.split(b":")[1]) != len(sent):
                    break
        writer.close()


@asynccontextmanager
async def serving(replies: Iterable[bytes]) -> AsyncIterator[tuple[FeedServer, str]]:
    feed = FeedServer(replies)
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield feed, f"http://127.0.0.1:{port}"


async def follow(
    replica: Replica,
    *replies: bytes,
    on_change: Callable[[], None] = lambda: None,
    notes: Callable[[], dict[str, WorkerNote]] = dict,
) -> tuple[FeedServer, Follower]:
    """Follow until all replies were taken in and the next question was asked."""
    async with serving(replies) as (feed, url):
        follower = Follower(replica, Source(url, TOKEN), ASK, Readers(on_change, notes))
        task = asyncio.create_task(follower.run())
        async with asyncio.timeout(30):
            await feed.exhausted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    return feed, follower


@pytest.fixture
def owner(change_of) -> Callable[[int, str], Change]:
    def make(serial: int, name: str) -> Change:
        return change_of(serial, Owner(name, "apps.test", "free"))

    return make


def answer(begin: Begin, *changes: Change) -> bytes:
    return b"".join(encode_answer(begin, changes))


def state(replica: Replica) -> tuple[int, bytes, list[str]]:
    with replica.view() as view:
        return view.serial, view.chain, [owner.name for owner in view.all(Owner)]


async def test_ranges_are_applied_one_after_the_other(replica: Replica, owner) -> None:
    seen: list[int] = []
    feed, follower = await follow(
        replica,
        http(answer(Begin(0, 2, CHAIN), owner(1, "alice"))),
        http(answer(Begin(2, 2, CHAIN))),
        http(answer(Begin(2, 9, OTHER_CHAIN), owner(5, "bob"))),
        http(answer(Begin(9, 12, CHAIN))),
        on_change=lambda: seen.append(state(replica)[0]),
    )
    assert state(replica) == (12, CHAIN, ["alice", "bob"])
    assert seen == [2, 9, 12]
    asked = [(ask.after, ask.chain) for ask in feed.asks]
    assert asked == [
        (0, NO_CHAIN), (2, CHAIN), (2, CHAIN), (9, OTHER_CHAIN), (12, CHAIN),
    ]  # fmt: skip
    assert not follower.behind
    assert follower.trouble == ""


async def test_it_says_who_asks_for_what(replica: Replica) -> None:
    note = {"worker-1": WorkerNote(4, {"app": 2})}
    feed, _ = await follow(replica, notes=lambda: note)
    (ask,) = feed.asks
    assert (ask.follower, ask.kinds, ask.cluster) == ("ns1", ("owner",), "amber")
    assert ask.notes == note


async def test_the_question_after_a_change_says_that_the_workers_have_seen_it(
    replica: Replica, owner
) -> None:
    """A moment later than the follower: else it would be told only a second later."""
    notes = {"worker-1": WorkerNote(0)}

    def look_soon() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, notes.update, {"worker-1": WorkerNote(2)})

    feed, _ = await follow(
        replica,
        http(answer(Begin(0, 2, CHAIN), owner(1, "alice"))),
        on_change=look_soon,
        notes=lambda: dict(notes),
    )
    assert [ask.notes["worker-1"].serial for ask in feed.asks] == [0, 2]
    assert feed.heads[0].startswith(b"POST /v1/feed HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret-token\r\n" in feed.heads[0]


async def test_a_restarted_follower_resumes_from_disk(
    folder: Path, replica: Replica, owner
) -> None:
    await follow(replica, http(answer(Begin(0, 3, CHAIN), owner(3, "alice"))))
    replica.close()
    again = Replica.open(folder, writable=True)
    feed, _ = await follow(
        again, http(answer(Begin(3, 4, OTHER_CHAIN), owner(4, "bob")))
    )
    assert (feed.asks[0].after, feed.asks[0].chain) == (3, CHAIN)
    assert state(again) == (4, OTHER_CHAIN, ["alice", "bob"])
    again.close()


async def test_a_snapshot_replaces_what_was(replica: Replica, owner) -> None:
    replica.apply([owner(1, "alice")], 90, CHAIN)
    changes = [owner(40 - n % 7, f"owner-{n:05}") for n in range(5000)]
    seen: list[int] = []
    await follow(
        replica,
        http(answer(Begin(0, 40, OTHER_CHAIN, snapshot=True), *changes)),
        on_change=lambda: seen.append(state(replica)[0]),
    )
    names = [f"owner-{n:05}" for n in range(5000)]
    assert state(replica) == (40, OTHER_CHAIN, names)
    assert seen == [40]


async def test_who_is_cancelled_while_a_copy_is_written_waits_for_it(
    replica: Replica, owner, monkeypatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    of = Copy.flush

    def flush(self):
        begun.set()
        go_on.wait(30)
        of(self)

    monkeypatch.setattr(Copy, "flush", flush)
    whole = http(answer(Begin(0, 30, CHAIN, snapshot=True), owner(1, "alice")))
    async with serving([whole]) as (_, url):
        follower = Follower(replica, Source(url, TOKEN), ASK)
        task = asyncio.create_task(follower.run())
        # The loop goes on meanwhile, or this never ended.
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        await asyncio.wait([task])
    assert state(replica) == (30, CHAIN, ["alice"])


@pytest.mark.parametrize("missing", [0, 500])
@pytest.mark.parametrize("snapshot", [False, True])
async def test_an_answer_that_is_cut_off_counts_for_nothing(
    folder: Path, replica: Replica, owner, missing: int, snapshot: bool
) -> None:
    replica.apply([owner(1, "alice")], 1, CHAIN)
    cut = encode_frame(Begin(1, 9, OTHER_CHAIN, snapshot=snapshot))
    cut += encode_frame(Entry(owner(2, "bob")))
    feed, follower = await follow(replica, http(cut, missing=missing))
    assert state(replica) == (1, CHAIN, ["alice"])
    assert feed.asks[-1].after == 1
    assert follower.trouble
    assert follower.behind
    assert len(list(folder.glob("copy-*"))) == 1


async def test_a_doubled_answer_is_not_applied_twice(replica: Replica, owner) -> None:
    """What does not join is discarded, and everything asked for anew."""
    first = http(answer(Begin(0, 2, CHAIN), owner(1, "alice")))
    snapshot = http(answer(Begin(0, 7, OTHER_CHAIN, snapshot=True), owner(6, "bob")))
    seen: list[int] = []
    feed, follower = await follow(
        replica, first, first, snapshot, on_change=lambda: seen.append(1)
    )
    assert [ask.after for ask in feed.asks] == [0, 2, 0, 7]
    assert feed.asks[2].chain == NO_CHAIN
    assert state(replica) == (7, OTHER_CHAIN, ["bob"])
    assert len(seen) == 2
    assert follower.resyncs == 1
    assert follower.trouble == ""


async def test_a_range_from_the_start_is_as_good_as_a_snapshot(
    replica: Replica, owner
) -> None:
    replica.apply([owner(1, "alice")], 5, CHAIN)
    await follow(
        replica,
        http(answer(Begin(8, 9, CHAIN), owner(9, "skipped"))),
        http(answer(Begin(0, 3, OTHER_CHAIN), owner(1, "bob"))),
    )
    assert state(replica) == (3, OTHER_CHAIN, ["bob"])


async def test_a_range_that_skips_is_refused_even_when_all_was_asked_for(
    replica: Replica, owner
) -> None:
    replica.apply([owner(1, "alice")], 5, CHAIN)
    skipping = http(answer(Begin(8, 9, CHAIN), owner(9, "skipped")))
    late = http(answer(Begin(5, 6, CHAIN), owner(6, "late")))
    feed, _ = await follow(replica, skipping, late)
    assert [ask.after for ask in feed.asks] == [5, 0, 0]
    assert state(replica) == (5, CHAIN, ["alice"])


def bad_answers(owner: Callable[[int, str], Change]) -> dict[str, bytes]:
    begin = encode_frame(Begin(1, 5, OTHER_CHAIN))
    entry = encode_frame(Entry(owner(2, "bob")))
    return {
        "nothing": http(b""),
        "no begin": http(entry + encode_frame(End(1))),
        "two begins": http(begin + begin + encode_frame(End(0))),
        "wrong count": http(begin + entry + encode_frame(End(2))),
        "doubled entry": http(begin + entry + entry + encode_frame(End(2))),
        "beyond": http(answer(Begin(1, 5, OTHER_CHAIN), owner(6, "bob"))),
        "before": http(answer(Begin(1, 5, OTHER_CHAIN), owner(1, "bob"))),
        "other format": http(answer(Begin(1, 5, OTHER_CHAIN, format=2))),
        "no frames": http(b"<html>" * 20),
        "refused": http(b"", status="401 Unauthorized"),
        "failed": http(answer(Begin(1, 2, CHAIN)), status="503 Unavailable"),
    }


@pytest.mark.parametrize("name", list(bad_answers(lambda *_: None)))  # type: ignore[arg-type,return-value]
async def test_a_bad_answer_changes_nothing_and_is_told(
    replica: Replica, owner, name: str
) -> None:
    replica.apply([owner(1, "alice")], 1, CHAIN)
    feed, follower = await follow(replica, bad_answers(owner)[name])
    assert state(replica) == (1, CHAIN, ["alice"])
    assert [ask.after for ask in feed.asks] == [1, 1]
    assert follower.trouble
    assert TOKEN not in follower.trouble
    assert follower.behind


async def test_it_goes_on_after_bad_answers(replica: Replica, owner) -> None:
    _, follower = await follow(
        replica,
        http(b"", status="500 Oops"),
        http(b"x", missing=4),
        http(answer(Begin(0, 1, CHAIN), owner(1, "alice"))),
    )
    assert state(replica) == (1, CHAIN, ["alice"])
    assert follower.trouble == ""
    assert follower.lag < 60


async def test_an_absent_feed_leaves_the_replica_serving(
    replica: Replica, owner, unused_tcp_port: int
) -> None:
    replica.apply([owner(1, "alice")], 1, CHAIN)
    source = Source(f"http://127.0.0.1:{unused_tcp_port}", TOKEN)
    asked = asyncio.Event()
    tries = 0

    def count() -> dict[str, WorkerNote]:
        nonlocal tries
        tries += 1
        if tries == 3:
            asked.set()
        return {}

    task = asyncio.create_task(
        Follower(replica, source, ASK, Readers(notes=count)).run()
    )
    async with asyncio.timeout(30):
        await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert state(replica) == (1, CHAIN, ["alice"])


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


def test_the_token_is_in_no_text() -> None:
    assert TOKEN not in repr(Source("http://127.0.0.1:1", TOKEN))


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
