"""One holds a lease, and one that lost it is told before it writes."""

import asyncio

import pytest

from domicile.store.leases import (
    LostLease,
    check_lease,
    look_at_lease,
    release_lease,
    take_lease,
)
from domicile.store.store import Store


async def take(store, holder, stale=None):
    async with store.transaction() as tx:
        return await take_lease(tx, "moves", holder, stale)


async def look(store):
    async with store.reading() as reading:
        return await look_at_lease(reading, "moves")


async def check(store, lease):
    async with store.transaction() as tx:
        await check_lease(tx, lease)


async def release(store, lease):
    async with store.transaction() as tx:
        await release_lease(tx, lease)


async def test_one_of_several_gets_the_lease(store):
    assert await look(store) is None
    taken = await asyncio.gather(*(take(store, holder) for holder in "abcd"))
    assert sum(lease is not None for lease in taken) == 1


async def test_different_leases_do_not_meet(store):
    await take(store, "a")
    async with store.transaction() as tx:
        assert await take_lease(tx, "certificates", "b")


async def test_its_holder_prolongs_it_under_the_same_fence(store):
    first = await take(store, "a")
    second = await take(store, "a")
    assert second.fence == first.fence
    assert second.beat > first.beat
    await check(store, first)
    assert await take(store, "b") is None


async def test_one_without_a_beat_goes_to_the_next_under_a_higher_fence(store):
    first = await take(store, "a")
    second = await take(store, "b", stale=await look(store))
    assert second.fence > first.fence
    await check(store, second)
    with pytest.raises(LostLease, match="lease moves of a"):
        await check(store, first)


async def test_one_that_has_had_a_beat_meanwhile_is_not_taken(store):
    await take(store, "a")
    seen = await look(store)
    lease = await take(store, "a")
    assert await take(store, "b", stale=seen) is None
    await check(store, lease)


async def test_one_that_is_given_back_is_free_at_once(store):
    first = await take(store, "a")
    await release(store, first)
    with pytest.raises(LostLease):
        await check(store, first)
    second = await take(store, "b")
    assert second.fence > first.fence


async def test_who_gave_it_back_takes_it_under_a_higher_fence(store):
    first = await take(store, "a")
    await release(store, first)
    assert (await take(store, "a")).fence > first.fence


async def test_nobody_gives_back_what_another_holds(store):
    first = await take(store, "a")
    second = await take(store, "b", stale=first)
    with pytest.raises(LostLease):
        await release(store, first)
    await check(store, second)


async def test_a_lease_outlives_the_process(path, store):
    lease = await take(store, "a")
    other = await Store.open(path)
    assert await take(other, "b") is None
    await check(other, lease)
    await other.close()


async def test_leases_are_no_changes(store):
    await take(store, "a")
    assert (await store.head()).serial == 0
