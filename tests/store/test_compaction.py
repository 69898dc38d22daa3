"""Changes are forgotten once nobody will ask for them."""

import pytest
from sqlalchemy import func, select

from domicile.model.feed import Ask, FrameReader
from domicile.model.records import Owner
from domicile.store.compaction import compact
from domicile.store.feed import SILENT_SECONDS, Feed
from domicile.store.schema import changes
from domicile.store.transaction import Head

CHANGES = 30


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def feed(store, clock):
    return await Feed.open(store, clock)


@pytest.fixture
async def heads(store):
    """Write changes; gives serial and chain after each."""
    heads = [await store.head()]
    for number in range(CHANGES):
        async with store.transaction() as tx:
            await tx.put(Owner(f"o{number % 7}", "apps.test", str(number)))
        heads.append(await store.head())
    return heads


async def begin_of_answer(feed, head, name="ns/1"):
    asked = Ask(name, ("owner",), head.serial, head.chain)
    reader = FrameReader()
    frames = [f async for piece in feed.answer(asked) for f in reader.feed(piece)]
    return frames[0]


async def oldest(store):
    async with store.reading() as reading:
        query = select(func.min(changes.c.serial))
        return (await reading.execute(query)).scalar_one()


async def test_so_many_changes_stay(store, feed, heads):
    forgotten = await compact(store, feed, kept=10)
    assert (forgotten, await oldest(store)) == (19, 20)
    assert await compact(store, feed, kept=10) == 0


async def test_who_has_what_stays_goes_on_and_others_get_a_snapshot(store, feed, heads):
    await compact(store, feed, kept=10)
    assert not (await begin_of_answer(feed, heads[20])).snapshot
    assert (await begin_of_answer(feed, heads[19])).snapshot
    assert (await begin_of_answer(feed, heads[0])).snapshot


async def test_what_a_follower_has_not_acknowledged_stays(store, feed, heads):
    await begin_of_answer(feed, heads[5])
    await compact(store, feed, kept=10)
    assert await oldest(store) == 5
    assert not (await begin_of_answer(feed, heads[5])).snapshot


async def test_nobody_waits_for_a_silent_one_or_for_one_too_far_behind(
    store, feed, clock, heads
):
    await begin_of_answer(feed, heads[5])
    await compact(store, feed, kept=10, most=20)
    assert await oldest(store) == 10
    clock.now += SILENT_SECONDS
    await compact(store, feed, kept=10, most=20)
    assert await oldest(store) == 20


async def test_it_goes_batch_by_batch(store, feed, heads, monkeypatch):
    monkeypatch.setattr("domicile.store.compaction._BATCH", 4)
    assert await compact(store, feed, kept=0) == CHANGES - 1
    assert await oldest(store) == CHANGES


async def test_the_serials_of_new_changes_go_on(store, feed, heads):
    await compact(store, feed, kept=0)
    async with store.transaction() as tx:
        await tx.put(Owner("new", "apps.test", "free"))
    head = await store.head()
    assert head.serial == CHANGES + 1
    assert await begin_of_answer(feed, Head(*heads[-1])) == (
        await begin_of_answer(feed, heads[-1], "ns/2")
    )
    assert not (await begin_of_answer(feed, heads[-1])).snapshot


async def test_an_empty_store_has_nothing_to_forget(store, feed):
    assert await compact(store, feed) == 0
