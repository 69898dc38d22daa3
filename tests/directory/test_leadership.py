"""Of several directory services one leads."""

import pytest

from domicile.directory.leadership import LEASE_SECONDS, Leadership, leading
from domicile.store.leases import LostLease


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def two(store, clock):
    return Leadership(store, "one", clock), Leadership(store, "two", clock)


async def demand(store, leadership):
    async with store.transaction() as tx:
        await leadership.demand(tx)


async def test_the_first_leads_and_goes_on_leading(two, clock):
    one, other = two
    for _ in range(5):
        await one.look()
        await other.look()
        assert (one.leads, other.leads) == (True, False)
        clock.now += LEASE_SECONDS / 2


async def test_who_hears_nothing_of_the_store_leads_no_more_and_another_does(
    two, clock, store
):
    one, other = two
    await one.look()
    await other.look()
    clock.now += LEASE_SECONDS - 0.1
    assert not one.leads
    await other.look()
    assert not other.leads
    clock.now += 0.2
    await other.look()
    assert other.leads
    await demand(store, other)
    with pytest.raises(LostLease):
        await demand(store, one)


async def test_the_time_of_day_makes_no_difference(two, clock, store):
    one, other = two
    await one.look()
    for days in (400, -400):
        store._clock = lambda days=days: days * 86400.0
        for _ in range(3):
            await other.look()
            await one.look()
            assert (one.leads, other.leads) == (True, False)
            clock.now += LEASE_SECONDS / 2


async def test_who_resigns_is_followed_at_once(two, store):
    one, other = two
    await one.look()
    await one.resign()
    assert not one.leads
    await other.look()
    assert other.leads
    with pytest.raises(LostLease, match="another directory service leads"):
        await demand(store, one)


async def test_it_leads_during_a_block_and_not_after_it(store):
    async with leading(store) as leadership:
        await leadership.look()
        assert leadership.leads
    other = Leadership(store, "other")
    await other.look()
    assert other.leads
