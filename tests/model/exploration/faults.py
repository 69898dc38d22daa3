"""What may come at any time: wishes of people, requests, deadlines, and faults.

A fault is a crash, a loss, a deadline that passes, or somebody so slow that another is
put in his place: what the slow one has in hand is `late`, and comes at any time later,
or never. Bounded are the plans and the faults; all else comes as often as it likes.
"""

from collections.abc import Iterator
from typing import NamedTuple

from domicile.model.moves import Move, Report, Status, Step
from domicile.model.records import Endpoint, EndpointState, Residence, ResidenceState
from exploration import steps
from exploration.steps import Next, at, has_ended, lives_here, told, words_of
from exploration.world import (
    CLUSTERS,
    Ledger,
    Manager,
    Phase,
    Proxy,
    Site,
    World,
    endpoint_at,
)


class LateDecision(NamedTuple):
    """A mover has decided, and not yet written it."""

    seen: Move
    after: Move
    expired: bool


class LateReport(NamedTuple):
    """A report is on its way; its manager believes it lost and sends it again."""

    report: Report


class LateWrite(NamedTuple):
    """A manager is about to write; without an endpoint it withdraws."""

    wish: Residence
    endpoint: Endpoint | None


class LateForgetting(NamedTuple):
    """A manager is about to forget the endpoint."""

    wish: Residence


class Bounds(NamedTuple):
    """How many plans and how many faults there may be."""

    plans: int
    faults: int


def chances(world: World, bounds: Bounds) -> Iterator[Next]:
    """Give what may come, whatever else happens next."""
    if world.plans < bounds.plans:
        yield from _plans(world)
    yield from _requests(world)
    if world.may_sleep:
        yield from _naps(world)
    yield from _recoveries(world)
    if world.late is not None:
        yield from _late(world, world.late)
    if world.faults < bounds.faults:
        yield from _faults(world._replace(faults=world.faults + 1))


def _plans(world: World) -> Iterator[Next]:
    placement = world.directory.placement
    if not has_ended(world):
        return
    if placement is None and world.directory.generation:
        return  # What failed to deploy does not move.
    for target in _targets(world):
        yield from steps.plan(world, target)


def _targets(world: World) -> tuple[str, ...]:
    """Where it may go: clusters that have never seen the app are all the same."""
    placement = world.directory.placement
    new = [
        cluster
        for cluster, wanted in zip(CLUSTERS, world.directory.wanted, strict=True)
        if wanted is None and world.site(cluster) == Site()
    ]
    return tuple(
        cluster
        for cluster in CLUSTERS
        if (placement is None or cluster != placement.cluster)
        and (cluster not in new[1:])
    )


def _requests(world: World) -> Iterator[Next]:
    """A request reaches an app that is about to leave: the last moment says all."""
    for cluster, site in zip(CLUSTERS, world.sites, strict=True):
        wish, copy = site.manager.wish, site.proxy.copy
        if (
            not world.request
            and site.process
            and not site.proxy.silent
            and wish is not None
            and (wish.state is not ResidenceState.HERE or _misses_nap(site))
            and copy.residence is not None
            and copy.residence.state is ResidenceState.HERE
        ):
            yield (
                f"{cluster}: a request is in flight",
                world._replace(request=cluster),
            )


def _misses_nap(site: Site) -> bool:
    """Whether its proxy does not know yet that the app is about to fall asleep."""
    copied = site.proxy.copy.endpoint
    running = copied is not None and copied.state is EndpointState.RUNNING
    return site.manager.phase is Phase.DOZING and running


def _naps(world: World) -> Iterator[Next]:
    """Nobody asks for long, or somebody comes who waits."""
    for cluster, site in zip(CLUSTERS, world.sites, strict=True):
        wish, phase = site.manager.wish, site.manager.phase
        if site.manager.down or wish is None or wish.state is not ResidenceState.HERE:
            continue
        if phase is Phase.TOLD and site.process and world.naps:
            idle = world._replace(naps=world.naps - 1)
            yield (
                f"{cluster}: the app is idle",
                idle.with_site(cluster, steps.dozing(site, wish)),
            )
        if phase is Phase.BEGUN and site.process and steps.is_asleep(site):
            yield (
                f"{cluster}: a nap that was begun is ended",
                world.with_site(cluster, steps.dozing(site, wish)),
            )
        if phase is Phase.DOZING and site.process:
            yield (
                f"{cluster}: the app is woken before it sleeps",
                world.with_site(cluster, at(site, Phase.BEGUN)),
            )
        if phase is Phase.ASLEEP:
            starting = steps.written(site, wish, endpoint_at(wish, 0))
            woken = at(starting, Phase.STARTING)
            yield f"{cluster}: the app is woken", world.with_site(cluster, woken)


def _deadlines(world: World) -> Iterator[Next]:
    after = steps.decide(world, expired=True)
    if after is not None and after != steps.decide(world, expired=False):
        yield from _expired(world, world.directory.move, after)


def _expired(world: World, seen: Move, after: Move) -> Iterator[Next]:
    if seen.step is Step.UNDOING:
        world = world._replace(given_up=seen.generation)
    for what, then in steps.entered(world, seen, after):
        yield f"a deadline passes; {what}", then


def _recoveries(world: World) -> Iterator[Next]:
    """Who is down may stay so for long: nobody's service shall wait for it."""
    for cluster, site in zip(CLUSTERS, world.sites, strict=True):
        if site.manager.down:
            back = site._replace(manager=site.manager._replace(down=False))
            yield f"{cluster}: the manager is back", world.with_site(cluster, back)


def _late(world: World, late: object) -> Iterator[Next]:
    over = world._replace(late=None)
    match late:
        case LateDecision(seen, after, expired):
            enter = _expired if expired else steps.entered
            for what, then in enter(over, seen, after):
                yield f"late, {what}", then
        case LateReport(report):
            directory = steps.take_report(world.directory, report)
            yield (
                f"late, {report.cluster}'s report {words_of(report)}",
                over._replace(directory=directory),
            )
        case LateWrite(wish, endpoint):
            store = steps.write(world.site(wish.cluster).store, wish, endpoint)
            yield from _late_in_store(over, wish, store)
        case LateForgetting(wish):
            store = steps.forgotten(world.site(wish.cluster).store, wish)
            yield from _late_in_store(over, wish, store)


def _late_in_store(world: World, wish: Residence, store: Ledger) -> Iterator[Next]:
    """Within one generation nothing tells a manager from the one in its place."""
    site = world.site(wish.cluster)
    newest = site.store.residence
    if newest is not None and newest.generation > wish.generation:
        yield (
            f"late, {wish.cluster}'s old manager at {wish.state} {wish.generation}",
            world.with_site(wish.cluster, site._replace(store=store)),
        )


def _faults(world: World) -> Iterator[Next]:
    yield from _deadlines(world)
    for cluster, site in zip(CLUSTERS, world.sites, strict=True):
        if not site.manager.down:
            yield from _faults_of_manager(world, cluster, site)
            yield from _hangs(world, cluster, site)
        yield from _faults_of_app(world, cluster, site)
        yield from _faults_of_proxy(world, cluster, site)
    if not world.name_server.silent:
        silent = world.name_server._replace(silent=True)
        yield "the name server falls silent", world._replace(name_server=silent)
    yield from _hanging_movers(world)


def _hanging_movers(world: World) -> Iterator[Next]:
    for expired in (False, True):
        after = steps.decide(world, expired=expired)
        if after is not None and world.late is None:
            late = LateDecision(world.directory.move, after, expired)
            yield f"a mover hangs before {after.step}", world._replace(late=late)
            return


def _faults_of_manager(world: World, cluster: str, site: Site) -> Iterator[Next]:
    wish, report = site.manager.wish, site.manager.unsent
    crashed = site._replace(manager=Manager(wish, down=True))
    yield f"{cluster}: the manager crashes", world.with_site(cluster, crashed)
    if _would_start(site):
        failed = at(told(site, wish, Status.FAILED), Phase.GIVEN_UP)
        yield f"{cluster}: the app does not start", world.with_site(cluster, failed)
    if report is not None and world.late is None:
        yield (
            f"{cluster}: the report {words_of(report)} is late",
            world._replace(late=LateReport(report)),
        )


def _would_start(site: Site) -> bool:
    """Whether a start comes next; where it lived before it is tried again for ever."""
    wish = site.manager.wish
    return (
        wish is not None
        and wish.state is ResidenceState.HERE
        and site.manager.phase is Phase.BEGUN
        and not site.process
        and not lives_here(site)
    )


def _faults_of_app(world: World, cluster: str, site: Site) -> Iterator[Next]:
    if site.process:
        killed = site._replace(process=0, killed=site.killed | {site.process})
        request = "" if world.request == cluster else world.request
        yield (
            f"{cluster}: the app crashes",
            world.with_site(cluster, killed)._replace(request=request),
        )


def _faults_of_proxy(world: World, cluster: str, site: Site) -> Iterator[Next]:
    if site.proxy.silent:
        return
    # Of one that is behind nobody asks what it has in flight.
    request = "" if world.request == cluster else world.request
    for what, proxy in (
        ("falls silent", site.proxy._replace(silent=True)),
        ("loses its replica", Proxy(Ledger(), silent=True)),
    ):
        yield (
            f"{cluster}: the proxy {what}",
            world.with_site(cluster, site._replace(proxy=proxy))._replace(
                request=request
            ),
        )


def _hangs(world: World, cluster: str, site: Site) -> Iterator[Next]:
    """A manager hangs before it writes, and another is put in its place."""
    late = _in_hand(site)
    if late is not None and world.late is None:
        begun = site._replace(manager=Manager(site.manager.wish))
        yield (
            f"{cluster}: the manager hangs, and another takes over",
            world.with_site(cluster, begun)._replace(late=late),
        )


def _in_hand(site: Site) -> LateWrite | LateForgetting | None:
    wish, phase = site.manager.wish, site.manager.phase
    if wish is None:
        return None
    if wish.state is not ResidenceState.HERE:
        if phase is Phase.STOPPED:
            return LateForgetting(wish)
        return LateWrite(wish, None) if phase is Phase.BEGUN else None
    if phase is not Phase.BEGUN or not (site.process or lives_here(site)):
        return None
    return LateWrite(wish, endpoint_at(wish, site.process))
