"""How everything is: what an operator looks at first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

import msgspec

from domicile.directory import journal
from domicile.directory.access import Role
from domicile.directory.ailing import Health, health_of
from domicile.directory.rotation import unaware
from domicile.directory.service import Directory
from domicile.directory.shown import state_of
from domicile.model import keyroll
from domicile.model.records import App, AppState, Cluster, Placement
from domicile.model.zone_records import ZoneKey

# A move that goes well is over by then, its drain included.
SLOW_MOVE_SECONDS = 120.0


class FollowerStatus(msgspec.Struct, frozen=True):
    """How far a follower is: changes that it has not acknowledged, seconds of silence.

    `trouble` is what is wrong with it, by its own word.
    """

    name: str
    serial: int
    lag: int
    silent: float
    behind: bool
    trouble: str


class ClusterStatus(msgspec.Struct, frozen=True):
    """A cluster, with the number of apps that live there.

    Of its `addresses` those that are `withdrawn` are answered no more.
    """

    name: str
    addresses: tuple[str, ...]
    apps: int
    followed: bool
    withdrawn: tuple[str, ...] = ()
    lost: bool = False


class OpenMove(msgspec.Struct, frozen=True):
    """A move that has not ended, and for how many seconds it is at its step."""

    id: str
    app: str
    source: str
    target: str
    generation: int
    step: str
    seconds: float


class Status(msgspec.Struct, frozen=True):
    """What there is; `problems` are sentences, the worst of it."""

    serial: int
    problems: tuple[str, ...]
    clusters: tuple[ClusterStatus, ...]
    followers: tuple[FollowerStatus, ...]
    apps: dict[str, int]
    moves: tuple[OpenMove, ...]


async def status_of(directory: Directory) -> Status:
    async with directory.store.reading() as reading:
        serial = (await reading.head()).serial
        clusters = await reading.all(Cluster)
        placements = {each.app: each for each in await reading.all(Placement)}
        asleep = await journal.asleep(reading)
        apps = {app.id: app for app in await reading.all(App)}
        entries = await journal.open_moves(reading)
        keys = await reading.all(ZoneKey)
        health = await health_of(reading, clusters, directory.clock())
    followers = _followers(directory, serial)
    cluster_rows = _clusters(clusters, placements.values(), followers)
    moves = tuple(
        _open_move(entry, apps[entry.move.app], directory.clock()) for entry in entries
    )
    problems = (
        *_of_followers(followers, cluster_rows),
        *_of_clusters(clusters, health),
        *_of_apps(apps.values()),
        *_of_moves(moves),
        *await _of_authority(directory),
        *_of_zones(keys),
    )
    states = dict(
        Counter(state_of(app, placements.get(app.id), asleep) for app in apps.values())
    )
    return Status(serial, problems, cluster_rows, followers, states, moves)


def _followers(directory: Directory, serial: int) -> tuple[FollowerStatus, ...]:
    feed = directory.feed
    return tuple(
        FollowerStatus(
            each.name,
            each.serial,
            max(0, serial - each.serial),
            feed.silence_of(each),
            feed.is_behind(each),
            each.trouble,
        )
        for each in sorted(feed.followers, key=lambda each: each.name)
    )


def _clusters(
    clusters: Iterable[Cluster],
    placements: Iterable[Placement],
    followers: Sequence[FollowerStatus],
) -> tuple[ClusterStatus, ...]:
    apps = Counter(each.cluster for each in placements)
    return tuple(
        ClusterStatus(
            each.name,
            each.addresses,
            apps[each.name],
            _is_followed(each, followers),
            each.withdrawn,
            each.lost,
        )
        for each in clusters
    )


def _is_followed(cluster: Cluster, followers: Iterable[FollowerStatus]) -> bool:
    prefix = f"{Role.CLUSTER}/{cluster.name}/"
    return any(each.name.startswith(prefix) and not each.behind for each in followers)


def _open_move(entry: journal.Entry, app: App, now: float) -> OpenMove:
    return OpenMove(
        entry.move.id,
        _name_of(app),
        entry.move.source,
        entry.move.target,
        entry.move.generation,
        entry.move.step.value,
        max(0.0, now - entry.since),
    )


def _of_followers(
    followers: Sequence[FollowerStatus], clusters: Iterable[ClusterStatus]
) -> Iterable[str]:
    for cluster in clusters:
        if not cluster.followed:
            yield f"cluster {cluster.name}: no manager of it asks the directory"
    prefix = f"{Role.NAMESERVER}/"
    if not any(each.name.startswith(prefix) for each in followers):
        yield "no name server has ever asked the directory"
    for each in followers:
        if each.behind:
            yield f"{each.name} is behind: nothing new for {each.silent:.0f} s"
        if each.trouble:
            yield f"{each.name} says: {each.trouble}"


def _of_clusters(clusters: Iterable[Cluster], health: Health) -> Iterable[str]:
    for cluster in clusters:
        if cluster.lost:
            leads = ", ".join(cluster.fallback)
            yield f"cluster {cluster.name} is declared lost" + (
                f": its apps' names lead to {leads}" if leads else ""
            )
        for each in health.get(cluster.name, ()):
            state = (
                f"is withdrawn since {each.since}"
                if each.withdrawn
                else "is ill, and answered still: no more than half is withdrawn"
            )
            yield f"cluster {cluster.name}: {each.address} {state} ({each.said})"


def _of_apps(apps: Iterable[App]) -> Iterable[str]:
    for app in apps:
        if app.state is AppState.FAILED:
            yield f"app {_name_of(app)} failed: {app.detail}"


def _of_moves(moves: Iterable[OpenMove]) -> Iterable[str]:
    for move in moves:
        if move.seconds > SLOW_MOVE_SECONDS:
            yield (
                f"the move of {move.app} to {move.target} is {move.step} for "
                f"{move.seconds:.0f} s: see `domicile app show {move.app}` for whom it "
                "waits"
            )


async def _of_authority(directory: Directory) -> Iterable[str]:
    pending = directory.authority.pending
    waited_for = await unaware(directory.store, directory.feed) if pending else []
    return [f"the links' CA of epoch {pending} waits for {name}" for name in waited_for]


def _of_zones(keys: Iterable[ZoneKey]) -> Iterable[str]:
    for zone, of_zone in groupby(keys, attrgetter("zone")):
        if keyroll.waits_for_parent(list(of_zone)):
            yield (
                f"zone {zone} waits for its parent zone: see `domicile zone show {zone}` "
                "for the DS record that it is to have"
            )


def _name_of(app: App) -> str:
    return f"{app.name}.{app.owner}" if app.name else app.id
