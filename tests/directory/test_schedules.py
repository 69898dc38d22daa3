"""Scheduled moves over a real store; the test sets the clock."""

import pytest

from domicile.directory import apps, journal, lifecycle
from domicile.directory.registry import declare_lost
from domicile.directory.schedules import WantedMove, schedule_move, withdraw_move
from domicile.model.moves import Status, Step
from domicile.model.records import AppState, Cluster, Placement
from domicile.model.schedules import BadTime

TO_BIRCH = WantedMove("birch", "+10m")


@pytest.fixture
async def hosting(hosting):
    await hosting.deploy()
    return hosting


async def schedule(hosting, wanted=TO_BIRCH):
    return await hosting.plan(schedule_move, await hosting.app(), wanted)


async def moves_at(hosting):
    app = await hosting.app()
    async with hosting.store.reading() as reading:
        return (await reading.get(Placement, app.id)).moves_at


async def found(hosting, move):
    async with hosting.store.reading() as reading:
        return (await journal.move_by_id(reading, move.id)).move


async def wait(hosting, seconds):
    hosting.now += seconds
    await hosting.settle()


async def test_a_move_begins_when_it_is_due_and_not_before(hosting):
    scheduled = await schedule(hosting)
    assert scheduled.at == "1970-01-01T00:26:40Z"
    assert await moves_at(hosting) == 1600.0
    await wait(hosting, 599)
    assert await hosting.step(scheduled) is Step.SCHEDULED
    await wait(hosting, 1)
    begun = await found(hosting, scheduled)
    assert (begun.step, begun.generation, begun.source) == (Step.PREPARING, 2, "amber")
    assert await moves_at(hosting) == 1600.0
    await hosting.report(begun, "birch", Status.SERVING)
    await hosting.settle()
    assert await moves_at(hosting) == 0.0
    await hosting.report(begun, "amber", Status.SETTLED)
    await hosting.settle()
    assert await hosting.step(scheduled) is Step.FINISHED
    assert await hosting.placement(begun.app) == ("birch", 2)


async def test_a_mover_that_was_killed_is_followed_by_one_that_begins_it(hosting):
    scheduled = await schedule(hosting)
    hosting.mover = hosting.new_mover()
    await wait(hosting, 3600)
    assert await hosting.step(scheduled) is Step.PREPARING


async def test_who_does_not_lead_begins_nothing(hosting):
    scheduled = await schedule(hosting)
    await hosting.leadership.resign()
    await wait(hosting, 3600)
    assert await hosting.step(scheduled) is Step.SCHEDULED


async def test_what_is_withdrawn_does_not_begin(hosting):
    scheduled = await schedule(hosting)
    withdrawn = await hosting.plan(withdraw_move, await hosting.app())
    assert (withdrawn.id, withdrawn.step) == (scheduled.id, Step.WITHDRAWN)
    assert await moves_at(hosting) == 0.0
    await wait(hosting, 3600)
    assert await found(hosting, scheduled) == withdrawn
    with pytest.raises(apps.NotLive, match=r"no move of hello\.ada is scheduled"):
        await hosting.plan(withdraw_move, await hosting.app())


async def test_a_move_by_hand_withdraws_what_was_scheduled(hosting):
    scheduled = await schedule(hosting)
    move = await hosting.plan(apps.plan_move, await hosting.app(), "birch")
    ended = await found(hosting, scheduled)
    assert (ended.step, ended.error) == (
        Step.WITHDRAWN,
        "it was moved to birch before",
    )
    assert move.generation == 2
    assert await moves_at(hosting) == 0.0


async def test_an_app_that_is_deleted_before_moves_no_more(hosting):
    scheduled = await schedule(hosting)
    app = await hosting.app()
    await hosting.plan(lifecycle.delete_app, app)
    ended = await found(hosting, scheduled)
    assert (ended.step, ended.error) == (Step.WITHDRAWN, "the app was deleted before")
    assert await moves_at(hosting) == 0.0
    await wait(hosting, 3600)
    assert (await hosting.app()).state is AppState.DELETED


async def test_an_app_that_is_stopped_moves_as_it_is(hosting):
    scheduled = await schedule(hosting)
    await hosting.plan(lifecycle.stop_app, await hosting.app())
    await wait(hosting, 600)
    begun = await found(hosting, scheduled)
    assert begun.stopped
    assert begun.step is Step.PREPARING


async def test_where_it_cannot_move_when_it_is_due_it_says_why_and_stays(hosting):
    scheduled = await schedule(hosting)
    async with hosting.store.transaction() as tx:
        await tx.delete(Cluster, "birch")
    await wait(hosting, 600)
    failed = await found(hosting, scheduled)
    assert failed.step is Step.FAILED
    assert failed.error.startswith("no cluster 'birch': there is only amber")
    assert await moves_at(hosting) == 0.0
    assert (await hosting.app()).state is AppState.RUNNING


async def test_a_move_that_is_undone_leaves_the_app_with_its_usual_ttl(hosting):
    scheduled = await schedule(hosting)
    await wait(hosting, 600)
    begun = await found(hosting, scheduled)
    await hosting.report(begun, "birch", Status.FAILED, detail="port 5000 is taken")
    await hosting.settle()
    assert await moves_at(hosting) == 0.0
    assert await hosting.placement(begun.app) == ("amber", 3)


async def test_an_app_has_one_scheduled_move(hosting):
    await schedule(hosting)
    with pytest.raises(apps.AlreadyThere, match=r"to birch at 1970-.*withdraw that"):
        await schedule(hosting, WantedMove("birch", "+20m"))


async def test_what_could_not_move_now_is_not_scheduled(hosting):
    with pytest.raises(apps.AlreadyThere, match="lives in amber already"):
        await schedule(hosting, WantedMove("amber", "+10m"))
    with pytest.raises(apps.NotFound, match="no cluster 'cedar'"):
        await schedule(hosting, WantedMove("cedar", "+10m"))
    with pytest.raises(BadTime, match="is over"):
        await schedule(hosting, WantedMove("birch", "1970-01-01T00:00:01Z"))
    assert await moves_at(hosting) == 0.0


async def test_into_a_cluster_that_was_lost_meanwhile_nothing_moves(hosting):
    scheduled = await schedule(hosting)
    async with hosting.store.transaction() as tx:
        await declare_lost(tx, "birch", [])
    await wait(hosting, 600)
    failed = await found(hosting, scheduled)
    assert failed.step is Step.FAILED
    assert failed.error.startswith("birch is declared lost")
    assert await moves_at(hosting) == 0.0
