"""One holds a lease, and one that lost it is told before it writes."""

import asyncio

import pytest

from domicile.store.leases import LostLease, check_lease, release_lease, take_lease
from domicile.store.store import Store


@pytest.fixture
def wall():
    return [1000.0]


@pytest.fixture
async def store(path, wall):
    store = await Store.open(path, lambda: wall[0])
    yield store
    await store.close()


async def take(store, holder, seconds=10):
    async with store.transaction() as tx:
        return await take_lease(tx, "moves", holder, seconds)


async def check(store, lease):
    async with store.transaction() as tx:
        await check_lease(tx, lease)


async def release(store, lease):
    async with store.transaction() as tx:
        await release_lease(tx, lease)


async def test_one_of_several_gets_the_lease(store):
    taken = await asyncio.gather(*(take(store, holder) for holder in "abcd"))
    assert sum(lease is not None for lease in taken) == 1


async def test_different_leases_do_not_meet(store):
    await take(store, "a")
    async with store.transaction() as tx:
        assert await take_lease(tx, "certificates", "b", 10)


async def test_its_holder_prolongs_it_under_the_same_fence(store, wall):
    first = await take(store, "a")
    wall[0] += 9
    second = await take(store, "a")
    assert (second.fence, second.expires) == (first.fence, 1019)
    wall[0] += 9
    assert await take(store, "b") is None


async def test_one_that_ran_out_goes_to_the_next_under_a_higher_fence(store, wall):
    first = await take(store, "a")
    wall[0] += 10
    second = await take(store, "b")
    assert second.fence > first.fence
    await check(store, second)
    with pytest.raises(LostLease, match="lease moves of a"):
        await check(store, first)


async def test_one_that_ran_out_and_that_nobody_took_still_holds(store, wall):
    lease = await take(store, "a")
    wall[0] += 100
    await check(store, lease)


async def test_one_that_ran_out_is_taken_anew_even_by_its_holder(store, wall):
    first = await take(store, "a")
    wall[0] += 10
    second = await take(store, "a")
    assert second.fence > first.fence
    with pytest.raises(LostLease):
        await check(store, first)


async def test_one_that_is_given_back_is_free_at_once(store):
    first = await take(store, "a")
    await release(store, first)
    with pytest.raises(LostLease):
        await check(store, first)
    second = await take(store, "b")
    assert second.fence > first.fence


async def test_nobody_gives_back_what_another_holds(store, wall):
    first = await take(store, "a")
    wall[0] += 10
    second = await take(store, "b")
    with pytest.raises(LostLease):
        await release(store, first)
    await check(store, second)


async def test_a_lease_outlives_the_process(path, store):
    lease = await take(store, "a")
    other = await Store.open(path, lambda: 1001.0)
    assert await take(other, "b") is None
    await check(other, lease)
    await other.close()


async def test_leases_are_no_changes(store):
    await take(store, "a")
    assert (await store.head()).serial == 0
