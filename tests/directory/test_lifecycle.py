"""Stopped, started, deleted and forgotten; the test reports as the managers would."""

import asyncio

import pytest
from sqlalchemy import select

from domicile.directory import apps, journal, lifecycle
from domicile.directory.apps import AlreadyThere, MoveInProgress, NotLive
from domicile.model.moves import Move, Report, Status, Step
from domicile.model.names import hosts_of
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Owner,
    Placement,
    Release,
    Residence,
    ResidenceState,
)
from domicile.store.schema import deletions

ID = "i" * 26
HOSTS = hosts_of("hello", "ada", ID, "apps.test")
RELEASE = Release("r", ID, "0" * 64, "python app.py")
WANTED = apps.Wanted("0" * 64, "python app.py")
AWAY, GONE, HERE = ResidenceState.AWAY, ResidenceState.GONE, ResidenceState.HERE


@pytest.fixture
async def tx(store):
    """An app that moved from birch to amber."""
    store._clock = lambda: 1000.0
    async with store.transaction() as tx:
        for record in (
            Owner("ada", "apps.test", "free"),
            Cluster("amber", (), ()),
            Cluster("birch", (), ()),
            RELEASE,
            App(ID, "hello", "ada", "apps.test", 2, AppState.RUNNING, "r"),
            Placement(ID, "amber", 2, "hello", "ada", "apps.test", 2000.0),
            Residence(ID, "amber", 2, HERE, hosts=HOSTS, release=RELEASE, port=80),
            Residence(ID, "birch", 2, AWAY, "amber", HOSTS),
        ):
            await tx.put(record)
        yield tx


async def app(tx, app_id=ID):
    return await tx.get(App, app_id)


async def change(tx, what):
    await what(tx, await app(tx))


async def residence(tx, cluster="amber"):
    return await tx.get(Residence, f"{cluster}/{ID}")


async def report(tx, status, generation=2, cluster="amber"):
    await lifecycle.learn(tx, Report(ID, cluster, generation, status))
    return (await app(tx)).state


async def test_a_stopped_app_stays_where_it_is_and_runs_nothing(tx):
    await change(tx, lifecycle.stop_app)
    here = await residence(tx)
    assert (here.state, here.generation, here.release) == (HERE, 2, None)
    assert here.port == 80
    assert (await app(tx)).state is AppState.RUNNING


async def test_its_state_follows_what_its_cluster_reports(tx):
    assert await report(tx, Status.STOPPED) is AppState.RUNNING
    await change(tx, lifecycle.stop_app)
    assert await report(tx, Status.SERVING) is AppState.RUNNING
    assert await report(tx, Status.STOPPED, generation=1) is AppState.RUNNING
    assert await report(tx, Status.STOPPED, cluster="birch") is AppState.RUNNING
    assert await report(tx, Status.STOPPED) is AppState.STOPPED


async def test_a_started_app_has_its_release_again_and_runs_once_it_serves(tx):
    await change(tx, lifecycle.stop_app)
    await report(tx, Status.STOPPED)
    await change(tx, lifecycle.start_app)
    assert (await residence(tx)).release == RELEASE
    assert await report(tx, Status.STOPPED) is AppState.STOPPED
    assert await report(tx, Status.SERVING) is AppState.RUNNING


@pytest.mark.parametrize("state", [AppState.MOVING, AppState.DELETED, AppState.FAILED])
async def test_other_states_are_not_the_clusters_to_change(tx, state):
    await tx.put(App(ID, "hello", "ada", "apps.test", 2, state, "r"))
    assert await report(tx, Status.SERVING) is state


@pytest.mark.parametrize("what", [lifecycle.stop_app, lifecycle.start_app])
async def test_what_is_so_already_is_no_change(tx, what):
    await change(tx, what)
    serial = tx.serial
    await change(tx, what)
    assert tx.serial == serial


@pytest.mark.parametrize(
    "what", [lifecycle.stop_app, lifecycle.start_app, lifecycle.delete_app]
)
async def test_an_app_that_moves_is_left_alone(tx, what):
    await journal.add_move(tx, Move("m", ID, 3, "amber", "birch", (), Step.PREPARING))
    with pytest.raises(MoveInProgress, match="moving to birch"):
        await change(tx, what)


@pytest.mark.parametrize("what", [lifecycle.stop_app, lifecycle.start_app])
async def test_what_is_deleted_is_neither_stopped_nor_started(tx, what):
    await change(tx, lifecycle.delete_app)
    with pytest.raises(NotLive, match=r"hello\.ada is deleted"):
        await change(tx, what)
    with pytest.raises(NotLive, match="only a live app"):
        await apps.plan_move(tx, await app(tx), "birch")


async def test_a_stopped_app_moves_as_it_is(tx):
    await change(tx, lifecycle.stop_app)
    move = await apps.plan_move(tx, await app(tx), "birch")
    lodging = await apps.lodging_of(tx, await app(tx), move)
    assert (move.stopped, lodging.release) == (True, None)


async def test_a_deleted_app_is_gone_at_a_new_generation_wherever_it_has_been(tx):
    await change(tx, lifecycle.delete_app)
    for cluster in ("amber", "birch"):
        gone = await residence(tx, cluster)
        assert (gone.state, gone.generation, gone.to) == (GONE, 3, "")
        assert (gone.release, gone.port, gone.hosts) == (None, 0, HOSTS)
    deleted = await app(tx)
    assert (deleted.state, deleted.generation) == (AppState.DELETED, 3)
    assert deleted.deleted_at == 1000.0
    # Its name leads on to the page that says so, and moves no more.
    left = Placement(ID, "amber", 3, "hello", "ada", "apps.test")
    assert await tx.get(Placement, ID) == left


async def test_a_second_deletion_changes_nothing(tx):
    await change(tx, lifecycle.delete_app)
    serial = tx.serial
    await change(tx, lifecycle.delete_app)
    assert tx.serial == serial


async def test_the_owner_may_use_the_name_again_and_the_id_stays_gone(tx):
    with pytest.raises(AlreadyThere):
        await apps.plan_deployment(tx, "ada", "hello", WANTED)
    await change(tx, lifecycle.delete_app)
    move = await apps.plan_deployment(tx, "ada", "hello", WANTED)
    assert (await apps.find_app(tx, "hello.ada")).id == move.app != ID
    old = await app(tx)
    assert (old.name, old.state) == ("", AppState.DELETED)
    for cluster in ("amber", "birch"):
        gone = await residence(tx, cluster)
        assert (gone.state, gone.hosts) == (GONE, (f"{ID}.apps.test",))
    assert await tx.get(Placement, ID) == Placement(
        ID, "amber", 3, "", "ada", "apps.test"
    )


async def test_after_a_week_the_names_lead_nowhere(tx):
    await change(tx, lifecycle.delete_app)
    tx.now += lifecycle.FAREWELL_SECONDS
    assert await lifecycle.forget_deleted(tx) == 0
    tx.now += 1
    assert await lifecycle.forget_deleted(tx) == 1
    assert await tx.get(Placement, ID) is None
    assert (await app(tx)).name == "hello"
    assert (await tx.execute(select(deletions))).all() == []
    assert await lifecycle.forget_deleted(tx) == 0


async def test_what_was_deleted_long_ago_is_forgotten_by_itself(store):
    async with store.transaction() as tx:
        await tx.put(App(ID, "hello", "ada", "apps.test", 2, AppState.RUNNING))
        await tx.put(Placement(ID, "amber", 2))
        tx.now -= lifecycle.FAREWELL_SECONDS + 1
        await lifecycle.delete_app(tx, await app(tx))
    head = await store.head()
    async with lifecycle.forgetting(store), asyncio.timeout(20):
        await store.changed(head.serial, 20)
    async with store.reading() as reading:
        assert await reading.get(Placement, ID) is None
