"""Answers that come in time, and who has acknowledged what."""

import asyncio

import pytest

from domicile.clock import monotonic
from domicile.model.changes import CHAIN_SIZE, NO_CHAIN
from domicile.model.feed import Ask, Begin, End, Entry, FrameReader, WorkerNote
from domicile.model.records import Owner
from domicile.store.feed import Feed
from domicile.store.store import Store
from domicile.store.transaction import Head

NOTHING = Head(0, NO_CHAIN)


class Clock:
    """The real one, and then some."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return monotonic() + self.ahead


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def _brief_polls(monkeypatch):
    """Nobody shall wait a second here; that an answer waits at all, a test shows."""
    monkeypatch.setattr("domicile.store.feed.POLL_SECONDS", 0.02)


@pytest.fixture
async def feed(store, clock):
    return await Feed.open(store, clock)


async def put_owner(store, name="ada", plan="free"):
    async with store.transaction() as tx:
        await tx.put(Owner(name, "apps.test", plan))
    return await store.head()


async def ask(feed, after=NOTHING, follower="ns/1", **more):
    question = Ask(follower, ("owner",), after.serial, after.chain, **more)
    reader = FrameReader()
    return [
        frame async for piece in feed.answer(question) for frame in reader.feed(piece)
    ]


async def test_news_is_answered_whole(feed, store):
    head = await put_owner(store)
    begin, entry, end = await ask(feed)
    assert begin == Begin(0, 1, head.chain)
    assert isinstance(entry, Entry)
    assert (entry.change.serial, entry.change.key) == (1, "ada")
    assert end == End(1)


async def test_without_news_an_empty_range_comes_after_a_while(feed, store):
    head = await put_owner(store)
    assert await ask(feed, head) == [Begin(1, 1, head.chain), End(0)]


async def test_a_commit_is_answered_while_the_follower_waits(feed, store, monkeypatch):
    monkeypatch.setattr("domicile.store.feed.POLL_SECONDS", 60)
    head = await put_owner(store)
    waiting = asyncio.create_task(ask(feed, head))
    await _until(lambda: feed.followers)
    later = await put_owner(store, "bob")
    begin, entry, _ = await waiting
    assert begin == Begin(1, 2, later.chain)
    assert entry.change.key == "bob"


async def test_another_history_is_answered_at_once_with_a_snapshot(
    feed, store, monkeypatch
):
    monkeypatch.setattr("domicile.store.feed.POLL_SECONDS", 60)
    head = await put_owner(store)
    begin, _, end = await ask(feed, Head(1, b"?" * CHAIN_SIZE))
    assert begin == Begin(0, 1, head.chain, snapshot=True, count=1)
    assert end == End(1)


async def test_an_answer_of_any_size_comes_in_pieces(feed, store):
    async with store.transaction() as tx:
        for number in range(500):
            await tx.put(Owner(f"o{number}", "apps.test", "x" * 1000))
    question = Ask("ns/1", ("owner",))
    pieces = [piece async for piece in feed.answer(question)]
    assert len(pieces) > 2
    assert max(map(len, pieces)) < 128 * 1024
    reader = FrameReader()
    assert list(reader.feed(b"".join(pieces)))[-1] == End(500)


async def test_asking_acknowledges(feed, store):
    head = await put_owner(store)
    await ask(feed, NOTHING)
    waiting = asyncio.create_task(feed.acknowledged(1, "ns/", feed_time(60)))
    await asyncio.sleep(0)
    assert not waiting.done()
    await ask(feed, head)
    assert await waiting == set()


async def test_who_has_not_acknowledged_by_the_deadline_is_missing(feed, store):
    head = await put_owner(store)
    await ask(feed, head, "ns/1")
    await ask(feed, NOTHING, "ns/2")
    await ask(feed, NOTHING, "proxy/1")
    assert await feed.acknowledged(1, "ns/", feed_time(0.01)) == {"ns/2"}
    assert await feed.acknowledged(1, "", feed_time(0)) == {"ns/2", "proxy/1"}
    assert await feed.acknowledged(1, {"ns/1"}, feed_time(0)) == set()
    assert await feed.acknowledged(1, {"ns/1", "proxy/1"}, feed_time(0)) == {"proxy/1"}


async def test_without_followers_there_is_nobody_to_wait_for(feed, store):
    await put_owner(store)
    assert await feed.acknowledged(1, "", feed_time(60)) == set()


async def test_a_serial_of_another_history_acknowledges_nothing(feed, store):
    await put_owner(store)
    await ask(feed, Head(9, b"?" * CHAIN_SIZE))
    assert await feed.acknowledged(1, "", feed_time(0)) == {"ns/1"}


async def test_a_follower_acknowledges_no_more_than_its_slowest_worker(feed, store):
    await put_owner(store)
    head = await put_owner(store, "bob")
    notes = {"0": WorkerNote(2), "1": WorkerNote(1, {"app": 3})}
    await ask(feed, head, notes=notes, admin="127.0.0.1:9")
    assert await feed.acknowledged(1, "", feed_time(0)) == set()
    assert await feed.acknowledged(2, "", feed_time(0)) == {"ns/1"}
    (follower,) = feed.followers
    assert (follower.notes, follower.admin) == (notes, "127.0.0.1:9")


async def test_nobody_waits_for_one_that_was_silent_for_ten_seconds(feed, store, clock):
    await put_owner(store)
    await ask(feed)
    clock.ahead = 9
    assert await feed.acknowledged(1, "", clock()) == {"ns/1"}
    clock.ahead = 10
    assert await feed.acknowledged(1, "", clock() + 60) == set()


async def test_waiting_for_one_ends_when_it_falls_silent(feed, store, clock):
    await put_owner(store)
    await ask(feed)
    clock.ahead = 9.9
    assert await feed.acknowledged(1, "", clock() + 60) == set()


async def test_who_is_in_a_hurry_waits_shorter_for_the_silent(feed, store, clock):
    await put_owner(store)
    await ask(feed)
    clock.ahead = 4
    assert await feed.acknowledged(1, "", clock(), patience=5) == {"ns/1"}
    clock.ahead = 5
    assert await feed.acknowledged(1, "", clock() + 60, patience=5) == set()


async def test_a_follower_is_behind_after_five_seconds(feed, store, clock):
    await put_owner(store)
    await ask(feed)
    (follower,) = feed.followers
    assert not feed.is_behind(follower)
    clock.ahead = 5
    assert feed.is_behind(follower)


async def test_known_followers_are_waited_for_after_a_restart(path, clock):
    store = await Store.open(path)
    await put_owner(store)
    await ask(await Feed.open(store, clock))
    await store.close()
    clock.ahead = 1000
    store = await Store.open(path)
    feed = await Feed.open(store, clock)
    assert await feed.acknowledged(1, "", clock()) == {"ns/1"}
    clock.ahead = 1010
    assert await feed.acknowledged(1, "", clock() + 60) == set()
    await store.close()


async def test_a_forgotten_follower_is_waited_for_no_more(feed, store, clock):
    await put_owner(store)
    await ask(feed)
    waiting = asyncio.create_task(feed.acknowledged(1, "", clock() + 60))
    await asyncio.sleep(0)
    await feed.forget("ns/1")
    assert await waiting == set()
    assert (await Feed.open(store, clock)).followers == []


async def test_names_of_followers_are_no_changes(feed, store):
    head = await put_owner(store)
    await ask(feed)
    assert await store.head() == head


async def test_following_gives_exactly_the_records_of_the_store(feed, store):
    """While writers write, a follower's copy goes from state to state."""

    async def write():
        for number in range(30):
            async with store.transaction() as tx:
                await tx.put(Owner(f"o{number % 7}", "apps.test", str(number)))
                if number % 5 == 4:
                    await tx.delete(Owner, f"o{number % 3}")

    writing = asyncio.create_task(write())
    copy, at = {}, NOTHING
    while not writing.done() or at != await store.head():
        begin, *entries, end = await ask(feed, at)
        assert (begin.after, end.count) == (at.serial, len(entries))
        for entry in entries:
            copy[entry.change.key] = entry.change.value
        at = Head(begin.up_to, begin.chain)
    await writing
    async with store.reading() as reading:
        owners = {owner.key for owner in await reading.all(Owner)}
    assert {key for key, value in copy.items() if value is not None} == owners
    assert await feed.acknowledged(at.serial, "", feed_time(0)) in ({"ns/1"}, set())


def feed_time(seconds):
    return monotonic() + seconds


async def _until(happened):
    while not happened():
        await asyncio.sleep(0.001)
