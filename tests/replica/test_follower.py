"""A follower's replica is exact, whatever the feed and the network do."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

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
from domicile.model.feed import Begin, End, Entry, WorkerNote, encode_frame
from domicile.replica.copy import Copy
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica


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


def test_the_token_is_in_no_text() -> None:
    assert TOKEN not in repr(Source("http://127.0.0.1:1", TOKEN))
