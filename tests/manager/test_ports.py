"""A port belongs to one app until every proxy knows that it does no more (promise 9)."""

import pytest

from domicile.config import Address
from domicile.manager import ledger
from domicile.manager.ports import left_by_others, others_ports
from domicile.manager.resident import Resident
from domicile.model.feed import Ask
from domicile.model.moves import Status
from domicile.model.records import EndpointState, Residence, ResidenceState
from domicile.runtime.ports import free_port
from domicile.store.feed import LOST_SECONDS, SILENT_SECONDS, Feed
from domicile.store.store import Store

APP, OTHER = "i" * 26, "o" * 26
HERE = Residence(APP, "amber", 1, ResidenceState.HERE, name="hello.ada", hosts=("h",))
AWAY = Residence(APP, "amber", 2, ResidenceState.AWAY, "birch", hosts=("h",))
FIRST, SECOND = Address("127.0.0.1", 20001), Address("127.0.0.1", 20002)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def store(tmp_path, monkeypatch):
    monkeypatch.setattr("domicile.store.feed.POLL_SECONDS", 0.0)
    store = await Store.open(tmp_path / "ports.db")
    yield store
    await store.close()


@pytest.fixture
async def feed(store, clock):
    return await Feed.open(store, clock)


async def ask(feed, store, name="proxy-1"):
    head = await store.head()
    async for _ in feed.answer(Ask(name, ("endpoint",), head.serial, head.chain)):
        pass


async def addresses(store, feed, app=OTHER):
    return [left.address for left in await left_by_others(store, feed, app)]


async def test_who_leaves_a_port_has_it_until_every_proxy_knows(store, feed):
    await ask(feed, store)
    await ask(feed, store, "proxy-2")
    await ledger.settle_in(store, HERE, FIRST)
    assert await addresses(store, feed) == []
    await ledger.withdraw(store, AWAY)
    # Before it is stopped: another may be there the moment that it lets go.
    assert await addresses(store, feed) == [FIRST]
    await ledger.forget_endpoint(store, AWAY)
    assert await addresses(store, feed) == [FIRST]
    await ask(feed, store)
    (left,) = await left_by_others(store, feed, OTHER)
    assert left.unaware == ("proxy-2",)
    await ask(feed, store, "proxy-2")
    assert await addresses(store, feed) == []


async def test_a_silent_proxy_keeps_it_and_one_that_is_lost_does_not(
    store, feed, clock
):
    await ask(feed, store)
    await ledger.settle_in(store, HERE, FIRST)
    await ledger.wait_in(store, HERE, EndpointState.STARTING)
    clock.now += 100 * SILENT_SECONDS
    assert await feed.forget_lost() == []
    assert await addresses(store, feed) == [FIRST]
    clock.now += LOST_SECONDS
    assert await feed.forget_lost() == ["proxy-1"]
    assert await addresses(store, feed) == []


async def test_where_an_app_is_no_other_goes(store):
    await ledger.settle_in(store, HERE, FIRST)
    assert await others_ports(store, OTHER) == {FIRST.port}
    assert await others_ports(store, APP) == set()
    await ledger.wait_in(store, HERE, EndpointState.STARTING)
    assert await others_ports(store, OTHER) == set()


async def test_an_app_that_was_started_again_leaves_where_it_was(store, feed):
    await ask(feed, store)
    await ledger.settle_in(store, HERE, FIRST)
    await ledger.settle_in(store, HERE, SECOND)
    assert await addresses(store, feed) == [FIRST]
    assert await addresses(store, feed, app=APP) == []


async def test_the_next_manager_knows_it_too(store, feed, clock):
    await ask(feed, store)
    await ledger.settle_in(store, HERE, FIRST)
    await ledger.wait_in(store, HERE, EndpointState.STOPPED)
    again = await Feed.open(store, clock)
    assert await addresses(store, again) == [FIRST]


async def test_an_app_that_opens_the_port_of_another_is_refused(
    site, told, here, monkeypatch
):
    """Whatever it was told; and it serves once the silent proxy has heard."""
    monkeypatch.setattr("domicile.store.feed.POLL_SECONDS", 0.0)
    monkeypatch.setattr("domicile.manager.resident._BACK_OFF", (0.1,))
    port = free_port()
    before = Residence(OTHER, "amber", 1, ResidenceState.HERE, hosts=("o",))
    gone = Residence(OTHER, "amber", 2, ResidenceState.GONE, hosts=("o",))
    await ask(site.feed, site.store)
    await ledger.settle_in(site.store, before, Address("127.0.0.1", port))
    await ledger.withdraw(site.store, gone)
    await ledger.forget_endpoint(site.store, gone)
    monkeypatch.setattr("domicile.store.feed.SILENT_SECONDS", 0.0)
    resident = Resident(APP, site)
    resident.wish(here(1, f"exec python app.py {port}"))
    report = await told.get()
    assert report.status is Status.FAILED
    assert f"port {port}, which was another app's, and proxy-1 may not" in report.detail
    await ask(site.feed, site.store)
    resident.wish(here(2, f"exec python app.py {port}"))
    assert (await told.get()).status is Status.SERVING
    await resident.close(stop=True)
