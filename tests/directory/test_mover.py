"""Moves over a real store; the test reports as the managers would."""

import asyncio

import msgspec
import pytest
from sqlalchemy import select

from domicile.directory import apps, journal
from domicile.directory.settings import STEP_SECONDS
from domicile.model.moves import Report, Status, Step
from domicile.model.names import BadName
from domicile.model.placement import NoRoom
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Owner,
    Release,
    Residence,
    ResidenceState,
)
from domicile.store.schema import reports
from domicile.store.transaction import StaleGeneration

WANTED = apps.Wanted("0" * 64, "python app.py", {"SECRET": "s"})
HERE, AWAY, GONE = ResidenceState.HERE, ResidenceState.AWAY, ResidenceState.GONE


async def test_a_deployment_is_placed_once_it_serves(hosting):
    move = await hosting.plan(apps.plan_deployment, "ada", "hello", WANTED)
    await hosting.settle()
    assert await hosting.residences(move.app) == {"amber": (HERE, "", 1)}
    assert await hosting.placement(move.app) is None
    await hosting.report(move, "amber", Status.SERVING)
    await hosting.settle()
    assert await hosting.placement(move.app) == ("amber", 1)
    assert (await hosting.app()).state is AppState.RUNNING
    assert await hosting.step(move) is Step.FINISHED


async def test_a_move_leaves_a_tombstone_and_ends_when_the_source_settled(hosting):
    first = await hosting.deploy()
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    assert (await hosting.residences(first.app))["amber"] == (HERE, "", 1)
    await hosting.report(move, "birch", Status.SERVING)
    await hosting.settle()
    assert await hosting.residences(first.app) == {
        "amber": (AWAY, "birch", 2),
        "birch": (HERE, "", 2),
    }
    assert await hosting.placement(first.app) == ("birch", 2)
    assert await hosting.step(move) is Step.SETTLING
    await hosting.report(move, "amber", Status.SETTLED)
    await hosting.settle()
    assert await hosting.step(move) is Step.FINISHED


async def test_a_move_ends_only_when_the_name_servers_know(hosting):
    await hosting.deploy()
    hosting.acknowledged = False
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    await hosting.report(move, "birch", Status.SERVING)
    await hosting.report(move, "amber", Status.SETTLED)
    await hosting.settle()
    assert await hosting.step(move) is Step.SETTLING
    hosting.acknowledged = True
    await hosting.settle()
    assert await hosting.step(move) is Step.FINISHED


async def test_a_target_that_fails_leaves_the_app_where_it_was(hosting):
    first = await hosting.deploy()
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    await hosting.report(move, "birch", Status.FAILED, detail="port 5000 is taken")
    await hosting.settle()
    # A tombstone that leads back would be followed by nobody before amber knows.
    assert await hosting.residences(first.app) == {
        "amber": (HERE, "", 3),
        "birch": (HERE, "", 2),
    }
    assert await hosting.placement(first.app) == ("amber", 3)
    undone = msgspec.structs.replace(move, generation=3)
    await hosting.report(undone, "amber", Status.SERVING)
    await hosting.settle()
    assert (await hosting.residences(first.app))["birch"] == (AWAY, "amber", 3)
    assert await hosting.step(move) is Step.CLEARING
    hosting.now += STEP_SECONDS + 1
    await hosting.settle()
    assert await hosting.step(move) is Step.FAILED
    app = await hosting.app()
    assert (app.state, app.generation) == (AppState.RUNNING, 3)
    assert app.detail == "port 5000 is taken"


async def test_a_silent_target_is_given_up_at_the_deadline(hosting):
    await hosting.deploy()
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    assert await hosting.step(move) is Step.PREPARING
    hosting.now += STEP_SECONDS + 1
    await hosting.settle()
    assert await hosting.step(move) is Step.UNDOING


async def test_a_silent_source_is_given_up_at_the_deadline_too(hosting):
    """Its target is told to let go then: a copy would run on there for ever."""
    first = await hosting.deploy()
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    await hosting.report(move, "birch", Status.FAILED)
    await hosting.settle()
    hosting.now += STEP_SECONDS + 1
    await hosting.settle()
    assert (await hosting.residences(first.app))["birch"] == (AWAY, "amber", 3)


async def test_another_mover_goes_on_where_one_was_killed(hosting):
    await hosting.deploy()
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.mover.look()
    hosting.mover = hosting.new_mover()
    await hosting.report(move, "birch", Status.SERVING)
    await hosting.report(move, "amber", Status.SETTLED)
    await hosting.settle()
    assert await hosting.step(move) is Step.FINISHED


async def test_a_clock_that_is_set_gives_no_step_up(hosting):
    """A step's patience is counted from when it was seen, whatever the time of day is."""
    hosting.store._clock = lambda: hosting.now - 400 * 86_400
    move = await hosting.plan(apps.plan_deployment, "ada", "hello", WANTED)
    await hosting.settle()
    hosting.now += STEP_SECONDS - 1
    await hosting.settle()
    assert await hosting.step(move) is Step.PREPARING
    hosting.now += 2
    await hosting.settle()
    assert await hosting.step(move) is not Step.PREPARING


async def test_two_movers_enter_a_step_once(hosting):
    """Each step is compared with the journal in the transaction that writes it."""
    move = await hosting.plan(apps.plan_deployment, "ada", "hello", WANTED)
    async with hosting.store.reading() as reading:
        (entry,) = await journal.open_moves(reading)
    other = hosting.new_mover()
    assert await hosting.mover._advance(entry)
    assert not await other._advance(entry)
    assert await hosting.step(move) is Step.PREPARING


async def test_a_report_of_an_older_generation_is_not_kept(hosting):
    first = await hosting.deploy()
    async with hosting.store.transaction() as tx:
        older = Report(first.app, "amber", 0, Status.FAILED)
        assert not await journal.take_report(tx, older)


async def test_a_late_report_is_not_kept_but_that_of_a_store_that_began_anew_is(
    hosting,
):
    first = await hosting.deploy()

    async def take(status, serial, at):
        report = Report(first.app, "amber", 1, status, serial=serial)
        hosting.store._clock = lambda: at
        async with hosting.store.transaction() as tx:
            return await journal.take_report(tx, report)

    assert await take(Status.ASLEEP, 9, at=2e9)
    assert not await take(Status.SERVING, 8, at=2e9 + 60)
    assert await take(Status.SERVING, 2, at=2e9 + 200)


async def test_the_trouble_of_one_move_is_not_that_of_the_others(hosting):
    bad = await hosting.plan(apps.plan_deployment, "ada", "bad", WANTED)
    good = await hosting.plan(apps.plan_deployment, "ada", "hello", WANTED)
    async with hosting.store.transaction() as tx:
        release = (await tx.get(App, bad.app)).release
        await tx.delete(Release, release)
    await hosting.settle()
    assert await hosting.step(bad) is Step.PLANNED
    assert await hosting.step(good) is Step.PREPARING
    assert bad.id in hosting.mover.trouble
    async with hosting.store.transaction() as tx:
        await tx.put(Release(release, bad.app, "0" * 64, "run"))
    await hosting.settle()
    assert await hosting.step(bad) is Step.PREPARING
    assert hosting.mover.trouble == ""


async def test_a_store_that_cannot_be_read_is_looked_at_again(hosting, monkeypatch):
    move = await hosting.plan(apps.plan_deployment, "ada", "hello", WANTED)
    running = asyncio.create_task(hosting.mover.run())
    async with asyncio.timeout(20):
        with monkeypatch.context() as patch:
            patch.setattr(hosting.mover, "_store", None)
            while "cannot be read" not in hosting.mover.trouble:
                await asyncio.sleep(0.05)
        while await hosting.step(move) is not Step.PREPARING:
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait([running])


async def test_a_report_that_says_nothing_new_is_not_written_again(hosting):
    move = await hosting.deploy()
    before = await report_times(hosting)
    hosting.now += 60
    await hosting.report(move, "amber", Status.SERVING)
    assert await report_times(hosting) == before
    await hosting.report(move, "amber", Status.SERVING, detail="news")
    assert await report_times(hosting) == [hosting.now]


async def report_times(hosting):
    async with hosting.store.reading() as reading:
        return (await reading.execute(select(reports.c.at))).scalars().all()


async def test_the_port_an_app_insists_on_reaches_the_target(hosting):
    first = await hosting.deploy()
    await hosting.report(first, "amber", Status.SERVING, port=5000)
    await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    async with hosting.store.reading() as reading:
        wanted = await reading.get(Residence, f"birch/{first.app}")
    assert wanted.port == 5000


async def test_an_app_is_found_by_name_and_by_id(hosting):
    move = await hosting.deploy()
    async with hosting.store.reading() as reading:
        assert (await apps.find_app(reading, move.app)).name == "hello"
        for nothing in ("other.ada", "hello", "a" * 26, ""):
            with pytest.raises(apps.NotFound, match="such as"):
                await apps.find_app(reading, nothing)


@pytest.mark.parametrize(
    ("owner", "name", "wanted", "error"),
    [
        ("ada", "hello", WANTED, apps.AlreadyThere),
        ("eve", "hello", WANTED, apps.NotFound),
        ("ada", "-", WANTED, BadName),
        ("ada", "x", apps.Wanted("0" * 64, "c", to="cedar"), apps.NotFound),
    ],
)
async def test_a_bad_deployment_is_refused_whole(hosting, owner, name, wanted, error):
    await hosting.deploy()
    before = await hosting.store.head()
    with pytest.raises(error):
        await hosting.plan(apps.plan_deployment, owner, name, wanted)
    assert await hosting.store.head() == before


@pytest.mark.parametrize(
    ("target", "seen", "error"),
    [
        ("cedar", None, apps.NotFound),
        ("amber", None, apps.AlreadyThere),
        ("birch", 7, StaleGeneration),
    ],
)
async def test_a_bad_move_is_refused(hosting, target, seen, error):
    await hosting.deploy()
    with pytest.raises(error):
        await hosting.plan(apps.plan_move, await hosting.app(), target, seen)


async def test_an_app_moves_once_at_a_time(hosting):
    await hosting.deploy()
    await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    with pytest.raises(apps.MoveInProgress, match="birch"):
        await hosting.plan(apps.plan_move, await hosting.app(), "birch")


async def test_an_app_that_failed_to_deploy_does_not_move(hosting):
    move = await hosting.plan(apps.plan_deployment, "ada", "hello", WANTED)
    await hosting.settle()
    await hosting.report(move, "amber", Status.FAILED, detail="opened no port")
    await hosting.settle()
    assert (await hosting.residences(move.app))["amber"] == (GONE, "", 2)
    hosting.now += STEP_SECONDS + 1
    await hosting.settle()
    with pytest.raises(apps.NotLive, match=r"hello\.ada is failed"):
        await hosting.plan(apps.plan_move, await hosting.app(), "birch")


async def test_plans_guide_placement_and_an_operator_overrides(hosting):
    async with hosting.store.transaction() as tx:
        await tx.put(Owner("bob", "apps.test", "pro"))
    by_plan = await hosting.plan(apps.plan_deployment, "bob", "chat", WANTED)
    assert by_plan.target == "birch"
    chosen = apps.Wanted("0" * 64, "c", to="amber")
    by_hand = await hosting.plan(apps.plan_deployment, "bob", "talk", chosen)
    assert by_hand.target == "amber"
    amber = Cluster("amber", (), (), ("free",))
    assert apps.overrides(amber, "pro")
    assert not apps.overrides(amber, "free")


async def test_without_room_nothing_is_planned(store):
    async with store.transaction() as tx:
        await tx.put(Owner("ada", "apps.test", "free"))
    with pytest.raises(NoRoom):
        async with store.transaction() as tx:
            await apps.plan_deployment(tx, "ada", "hello", WANTED)
    async with store.reading() as reading:
        assert await reading.all(App) == []


async def declare(hosting, cluster, *, lost):
    async with hosting.store.transaction() as tx:
        record = await tx.get(Cluster, cluster)
        await tx.put(msgspec.structs.replace(record, lost=lost))


async def test_an_app_leaves_a_lost_cluster_without_waiting_for_it(hosting):
    first = await hosting.deploy()
    await declare(hosting, "amber", lost=True)
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    await hosting.report(move, "birch", Status.SERVING)
    await hosting.settle()
    assert await hosting.step(move) is Step.FINISHED
    assert await hosting.placement(first.app) == ("birch", 2)
    # What the cluster is to do once it is back is wanted of it all the same.
    assert (await hosting.residences(first.app))["amber"] == (AWAY, "birch", 2)


async def test_a_move_that_waits_for_its_source_ends_once_that_is_declared_lost(
    hosting,
):
    await hosting.deploy()
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    await hosting.settle()
    await hosting.report(move, "birch", Status.SERVING)
    await hosting.settle()
    assert await hosting.step(move) is Step.SETTLING
    await declare(hosting, "amber", lost=True)
    await hosting.settle()
    assert await hosting.step(move) is Step.FINISHED


async def test_no_app_goes_to_a_lost_cluster(hosting):
    await hosting.deploy()
    await declare(hosting, "birch", lost=True)
    with pytest.raises(apps.ClusterLost, match="`domicile cluster found birch`"):
        await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    chosen = apps.Wanted("0" * 64, "c", to="birch")
    with pytest.raises(apps.ClusterLost):
        await hosting.plan(apps.plan_deployment, "ada", "other", chosen)
    await declare(hosting, "birch", lost=False)
    await declare(hosting, "amber", lost=True)
    by_plan = await hosting.plan(apps.plan_deployment, "ada", "other", WANTED)
    assert by_plan.target == "birch"
