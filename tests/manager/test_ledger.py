import pytest
from msgspec.structs import replace

from domicile.config import Address
from domicile.manager import ledger
from domicile.model import routing
from domicile.model.records import (
    Authority,
    Cluster,
    Endpoint,
    EndpointState,
    Release,
    Residence,
    ResidenceState,
)
from domicile.store.store import Store

APP = "i" * 26
RELEASE = Release("r", APP, "0" * 64, "run", {"SECRET": "canary"})
HERE = Residence(
    APP, "amber", 2, ResidenceState.HERE, hosts=("h",), release=RELEASE, port=5000
)
AWAY = Residence(APP, "amber", 3, ResidenceState.AWAY, "birch", hosts=("h",))
LISTENS = Address("127.0.0.11", 20001)


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "cluster.db")
    yield store
    await store.close()


async def held(store):
    async with store.reading() as reading:
        return (
            await reading.get(Residence, HERE.key),
            await reading.get(Endpoint, APP),
        )


async def test_proxies_see_residence_and_endpoint_at_once(store):
    serial = await ledger.settle_in(store, HERE, LISTENS)
    assert serial == (await store.head()).serial == 2
    residence, endpoint = await held(store)
    assert residence.generation == endpoint.generation == 2
    assert (endpoint.address, endpoint.port) == LISTENS


async def test_a_release_and_its_secrets_stop_at_the_manager(store, tmp_path):
    await ledger.settle_in(store, HERE, LISTENS)
    residence, _ = await held(store)
    assert residence.release is None
    await store.close()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"127.0.0.11" in files
    assert b"canary" not in files


async def test_saying_it_again_changes_nothing(store):
    serial = await ledger.settle_in(store, HERE, LISTENS)
    assert await ledger.settle_in(store, HERE, LISTENS) == serial
    assert (await store.head()).serial == serial


async def test_a_tombstone_keeps_the_endpoint_until_it_is_forgotten(store):
    await ledger.settle_in(store, HERE, LISTENS)
    await ledger.withdraw(store, AWAY)
    residence, endpoint = await held(store)
    assert residence.state is ResidenceState.AWAY
    assert endpoint.port == LISTENS.port
    await ledger.forget_endpoint(store, AWAY)
    assert (await held(store))[1] is None


async def test_who_is_late_does_not_forget_the_endpoint_of_a_newer_residence(store):
    """A manager hangs while it leaves, another takes over, and the app comes back."""
    await ledger.settle_in(store, HERE, LISTENS)
    await ledger.withdraw(store, AWAY)
    await ledger.settle_in(store, replace(HERE, generation=4), LISTENS)
    before = await store.head()
    assert await ledger.forget_endpoint(store, AWAY) == before.serial
    assert (await held(store))[1].generation == 4


async def test_a_stale_wish_is_not_written(store):
    await ledger.withdraw(store, AWAY)
    before = await store.head()
    assert await ledger.settle_in(store, HERE, LISTENS) == before.serial
    assert await store.head() == before


@pytest.mark.parametrize("state", [EndpointState.STARTING, EndpointState.STOPPED])
async def test_an_app_that_cannot_be_asked_is_here_all_the_same(store, state):
    await ledger.wait_in(store, HERE, state)
    residence, endpoint = await held(store)
    assert residence.state is ResidenceState.HERE
    assert endpoint.state is state
    assert routing.HoldReason(state.value) in routing.HOLD_SECONDS


async def test_what_all_clusters_share_is_copied_once(store):
    records = [Cluster("birch", ("127.0.0.12",), ()), Authority("link", 1, ("PEM",))]
    await ledger.copy_common(store, records)
    await ledger.copy_common(store, records)
    assert (await store.head()).serial == 2
