"""What happens to apps: planned here, carried out by the mover.

Each function is one transaction; what it refuses it refuses whole.
"""

from collections import Counter
from collections.abc import Container

import msgspec

from domicile.directory import journal
from domicile.directory.hosts import give_up_names, hosts_of_app
from domicile.directory.plans import sleep_seconds_of
from domicile.errors import DomicileError
from domicile.model.ids import looks_like_id, new_id
from domicile.model.moves import Lodging, Move, Step, records_of
from domicile.model.names import check_app_name
from domicile.model.placement import accepts, choose_cluster
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Owner,
    Placement,
    Release,
    Residence,
    app_key,
    name_key,
)
from domicile.store.transaction import Reading, StaleGeneration, Transaction


class NotFound(DomicileError):
    """There is no such thing in the directory."""


class AlreadyThere(DomicileError):
    """The name is taken, or what was asked for is so already."""


class MoveInProgress(DomicileError):
    """Another move of the app has not ended."""


class NotLive(DomicileError):
    """The app lives nowhere, so this cannot be done with it."""


class ClusterLost(DomicileError):
    """No app goes to a cluster that an operator has declared lost."""


class Wanted(msgspec.Struct, frozen=True):
    """What a deployment asks for: the blob, how to run it, and where."""

    digest: str
    command: str
    environment: dict[str, str] = {}
    size: int = 0
    to: str = ""


async def find_app(reading: Reading, name_or_id: str) -> App:
    """Find an app by `hello.ada` or its id; raises NotFound."""
    app = None
    if looks_like_id(name_or_id):
        app = await reading.get(App, name_or_id)
    else:
        name, _, owner = name_or_id.partition(".")
        app = await reading.find(App, name_key(owner, name))
    if app is None:
        raise no_app(name_or_id)
    return app


def no_app(name_or_id: str) -> NotFound:
    return NotFound(
        f"no app {name_or_id!r}: name it as <app>.<owner>, such as hello.ada, "
        "or by its id"
    )


async def plan_deployment(
    tx: Transaction,
    owner_name: str,
    name: str,
    wanted: Wanted,
    heard: Container[str] = (),
) -> Move:
    """Plan the first deployment of a new app: a move without a source.

    `heard` are the clusters whose managers are there.
    """
    check_app_name(name)
    owner = await tx.get(Owner, owner_name)
    if owner is None:
        raise NotFound(f"no owner {owner_name!r}: add it with `domicile owner add`")
    existing = await tx.find(App, name_key(owner_name, name))
    if existing is not None and existing.state is AppState.DELETED:
        await _give_up_name(tx, existing)
    elif existing is not None:
        raise AlreadyThere(
            f"{name}.{owner_name} exists already, with id {existing.id}: "
            "choose another name, or delete it first"
        )
    cluster = await _cluster_for(tx, owner.plan, wanted.to, heard)
    app_id = new_id()
    release = Release(
        new_id(),
        app_id,
        wanted.digest,
        wanted.command,
        wanted.environment,
        size=wanted.size,
    )
    state = AppState.DEPLOYING
    app = App(app_id, name, owner_name, owner.zone, 0, state, release.id)
    await tx.put(release)
    return await begin_move(tx, app, source="", target=cluster.name)


async def plan_move(
    tx: Transaction, app: App, target: str, seen: int | None = None
) -> Move:
    """Plan a move: a generation is taken. `seen` is the one its asker saw, if any.

    A move that is scheduled for the app is withdrawn by it.
    """
    placement = await check_move(tx, app, target, seen)
    await withdraw_schedule(tx, app, f"it was moved to {target} before")
    return await begin_move(tx, app, placement.cluster, target)


async def check_move(
    tx: Reading, app: App, target: str, seen: int | None = None
) -> Placement:
    """Give where the app lives, if it may move to the target; raises what keeps it."""
    if seen is not None and seen != app.generation:
        raise StaleGeneration(
            f"{app.name}.{app.owner} is at generation {app.generation}, not {seen}: "
            "read it again"
        )
    placement = await tx.get(Placement, app.id)
    await _target(tx, target)
    await refuse_open_move(tx, app)
    if placement is None or app.state in {AppState.DELETED, AppState.FAILED}:
        raise NotLive(f"{app.name}.{app.owner} is {app.state}: only a live app moves")
    if placement.cluster == target:
        raise AlreadyThere(
            f"{app.name}.{app.owner} lives in {target} already"
            + await _if_alone(tx, ", and there is no other cluster")
        )
    return placement


async def withdraw_schedule(tx: Transaction, app: App, why: str) -> Move | None:
    """Have an app stay that was to move at some time; None where it was not."""
    for entry in await journal.scheduled_moves(tx, app.id):
        move = entry.move
        return await end_schedule(tx, move, Step.WITHDRAWN, why)
    return None


async def end_schedule(tx: Transaction, move: Move, step: Step, why: str) -> Move:
    """Note how it ended that a move was scheduled, and have no answer depend on it."""
    ended = msgspec.structs.replace(move, step=step, error=why)
    placement = await tx.get(Placement, move.app)
    if placement is not None and placement.moves_at:
        await tx.put(msgspec.structs.replace(placement, moves_at=0.0))
    await journal.set_move(tx, ended, tx.serial)
    return ended


async def refuse_open_move(reading: Reading, app: App) -> None:
    """Go on only if the app does not move just now; raises MoveInProgress."""
    open_moves = await journal.open_moves(reading, app.id)
    if open_moves:
        raise MoveInProgress(
            f"{app.name}.{app.owner} is moving to {open_moves[0].move.target}: "
            "wait until that has ended"
        )


async def lodging_of(reading: Reading, app: App, move: Move) -> Lodging:
    """Give what the residences of a move have in common."""
    release = None
    if not move.stopped:
        release = await reading.get(Release, app.release)
        assert release is not None, "a release stays as long as its app"
    reports = await journal.reports_on(reading, app.id)
    port = reports[move.source].port if move.source in reports else 0
    hosts = await hosts_of_app(reading, app)
    return Lodging(hosts, release, port, await sleep_seconds_of(reading, app))


async def begin_move(
    tx: Transaction, app: App, source: str, target: str, scheduled: Move | None = None
) -> Move:
    """Take a generation for a move, which may be one that was scheduled."""
    residences = {
        each.cluster: each for each in await tx.find_all(Residence, app_key(app.id))
    }
    move = Move(
        scheduled.id if scheduled else new_id(),
        app.id,
        app.generation + 1,
        source,
        target,
        tuple(sorted(set(residences) - {source, target})),
        Step.PLANNED,
        stopped=bool(source) and residences[source].release is None,
        at=scheduled.at if scheduled else "",
    )
    for record in records_of(move, app, await lodging_of(tx, app, move)):
        await tx.put(record)
    if scheduled:
        await journal.set_move(tx, move, tx.serial)
    else:
        await journal.add_move(tx, move)
    return move


async def _give_up_name(tx: Transaction, app: App) -> None:
    """Let a deleted app's name go to another of its owner's."""
    await give_up_names(tx, app)
    await tx.put(msgspec.structs.replace(app, name=""))
    placement = await tx.get(Placement, app.id)
    if placement is not None:
        await tx.put(msgspec.structs.replace(placement, name=""))


async def _target(reading: Reading, name: str) -> Cluster:
    """Give a cluster that an app may go to; raises NotFound or ClusterLost."""
    cluster = await _cluster_named(reading, name)
    if cluster.lost:
        raise ClusterLost(
            f"{name} is declared lost: once it is back, say so by `domicile cluster "
            f"found {name}`"
        )
    return cluster


async def _cluster_named(reading: Reading, name: str) -> Cluster:
    cluster = await reading.get(Cluster, name)
    if cluster is None:
        known = (
            ", ".join(each.name for each in await reading.all(Cluster)) or "none yet"
        )
        alone = await _if_alone(reading, f"there is only {known}")
        raise NotFound(f"no cluster {name!r}: {alone or f'there are {known}'}")
    return cluster


async def _if_alone(reading: Reading, says: str) -> str:
    """Say, where there is one cluster only, how there will be another."""
    if len(await reading.all(Cluster)) != 1:
        return ""
    return f"{says}: `domicile cluster add` adds one"


async def _cluster_for(
    reading: Reading, plan: str, to: str, heard: Container[str]
) -> Cluster:
    """Choose by plan; an operator's choice wins, whatever the plan."""
    if to:
        return await _target(reading, to)
    apps = Counter(each.cluster for each in await reading.all(Placement))
    return choose_cluster(await reading.all(Cluster), plan, apps, heard)


async def note_on(reading: Reading, owner_name: str, target: str) -> str:
    """Give what is to be said of an operator's choice that goes against the plan."""
    owner = await reading.get(Owner, owner_name)
    cluster = await _cluster_named(reading, target)
    if owner is None or not overrides(cluster, owner.plan):
        return ""
    says = (
        f"prefers {', '.join(cluster.prefers)}"
        if accepts(cluster, owner.plan)
        else f"accepts only {', '.join(cluster.accepts)}"
    )
    return (
        f"{target} {says}, and the plan of {owner.name} is {owner.plan}: "
        "the operator's choice wins"
    )


def overrides(cluster: Cluster, plan: str) -> bool:
    """Whether an operator's choice goes against the plan, which is then said."""
    preferred = not cluster.prefers or plan in cluster.prefers
    return not (accepts(cluster, plan) and preferred)
