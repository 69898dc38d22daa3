"""What a plan means is told to the apps of its owners, wherever they live."""

import msgspec
import pytest

from domicile.directory import apps, lifecycle
from domicile.directory.plans import settle_plans
from domicile.model.moves import Step, records_of
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Owner,
    Placement,
    Plan,
    Release,
    Residence,
    ResidenceState,
)

ID, OTHER = "i" * 26, "j" * 26
HERE, AWAY = ResidenceState.HERE, ResidenceState.AWAY
RELEASE = Release("r", ID, "0" * 64, "python app.py")


@pytest.fixture
async def tx(store):
    async with store.transaction() as tx:
        for record in (
            Plan("free", 900.0),
            Owner("ada", "apps.test", "free"),
            Owner("bob", "apps.test", "pro"),
            Cluster("amber", (), ()),
            Cluster("birch", (), ()),
            RELEASE,
            App(ID, "hello", "ada", "apps.test", 2, AppState.RUNNING, "r"),
            App(OTHER, "hello", "bob", "apps.test", 1, AppState.RUNNING, "r"),
            Residence(ID, "amber", 2, HERE, release=RELEASE, sleep_seconds=900.0),
            Residence(ID, "birch", 2, AWAY, "amber"),
            Residence(OTHER, "amber", 1, HERE, release=RELEASE),
        ):
            await tx.put(record)
        yield tx


async def seconds(tx, app=ID, cluster="amber"):
    return (await tx.get(Residence, f"{cluster}/{app}")).sleep_seconds


@pytest.mark.parametrize(
    ("plans", "then"),
    [([Plan("free", 60.0)], 60.0), ([Plan("free")], 0.0), ([], 0.0)],
)
async def test_a_plan_that_is_configured_otherwise_is_told_to_its_apps(tx, plans, then):
    await settle_plans(tx, plans)
    assert await tx.all(Plan) == plans
    here = await tx.get(Residence, f"amber/{ID}")
    assert (here.sleep_seconds, here.generation, here.release) == (then, 2, RELEASE)
    assert await seconds(tx, cluster="birch") == 0, "nothing runs there"
    assert await seconds(tx, OTHER) == 0


async def test_what_is_configured_as_before_writes_nothing(tx):
    before = tx.serial
    await settle_plans(tx, [Plan("free", 900.0)])
    assert tx.serial == before


async def test_a_new_app_takes_its_plan_along(tx):
    await settle_plans(tx, [Plan("free", 60.0), Plan("pro", 7.0)])
    planned = await apps.plan_deployment(tx, "bob", "new", apps.Wanted("0" * 64, "run"))
    app = await tx.get(App, planned.app)
    preparing = msgspec.structs.replace(planned, step=Step.PREPARING)
    (here,) = records_of(preparing, app, await apps.lodging_of(tx, app, planned))
    assert here.sleep_seconds == 7.0


async def test_a_stopped_app_that_is_started_sleeps_as_before_and_a_deleted_one_never(
    tx,
):
    app = await tx.get(App, ID)
    await tx.put(Placement(ID, "amber", 2))
    await lifecycle.stop_app(tx, app)
    await settle_plans(tx, [Plan("free", 60.0)])
    await lifecycle.start_app(tx, app)
    assert await seconds(tx) == 60.0
    await lifecycle.delete_app(tx, app)
    assert await seconds(tx) == 0
