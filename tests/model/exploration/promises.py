"""What must hold: in each state, across each step, and once nothing is left to do.

`in_state`, `across` and `when_quiet` give the promise that is broken and how, or None.
A request is asked for everywhere it might come: from outside to each cluster, and over
the link with each generation that was ever taken, for it may be on its way while all
else changes.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from domicile.model import moves, resolution, routing
from domicile.model.moves import Report, Status, Step
from domicile.model.records import Residence, ResidenceState
from domicile.model.routing import (
    Forward,
    Gone,
    Hold,
    HoldReason,
    Hop,
    Outcome,
    ToUpstream,
    Unknown,
)
from exploration.steps import has_ended, lives_here, named
from exploration.world import (
    APP,
    CLUSTERS,
    HOSTS,
    ClusterView,
    Directory,
    DirectoryView,
    Ledger,
    NameServer,
    Phase,
    Proxy,
    Site,
    World,
)


class Broken(NamedTuple):
    promise: int
    how: str


class Stay(NamedTuple):
    """Where a request has come, and what the proxy there does with it."""

    cluster: str
    outcome: Outcome


# Each cluster has one residence, and follows it once: no higher generation leads back.
MOST_HOPS = len(CLUSTERS)


def in_state(world: World) -> Broken | None:
    return next(_broken_in(world), None)


def _broken_in(world: World) -> Iterator[Broken]:
    for cluster, site in zip(CLUSTERS, world.sites, strict=True):
        yield from _broken_at(world, cluster, site)
    yield from _broken_by_walks(world)
    yield from _broken_placement(world)


# Promises 1, 3 and, in small, 9: wherever a request comes, and with whatever hop.


def _broken_at(world: World, cluster: str, site: Site) -> Iterator[Broken]:
    if world.request == cluster and not site.process:
        yield Broken(1, f"{cluster} stopped the app with a request in flight")
    outside = way(site.proxy, None)
    if isinstance(outside, Unknown) and site.proxy.silent:
        yield Broken(5, f"{cluster} is behind, and says a confident no")
    if isinstance(outside, Unknown) and leads_to(world.name_server) == cluster:
        yield Broken(1, f"{cluster} does not know the app whose name leads there")
    if not isinstance(outside, Unknown):
        yield from _broken_outcome(world, cluster, site, outside, 0)
    for generation in range(1, world.directory.generation + 1):
        outcome = way(site.proxy, generation)
        yield from _broken_outcome(world, cluster, site, outcome, generation)


def _broken_outcome(
    world: World, cluster: str, site: Site, outcome: Outcome, generation: int
) -> Iterator[Broken]:
    match outcome:
        case ToUpstream(port=port):
            # What a fault has killed, and who is not waited for, is counted apart.
            excused = port in site.killed or site.proxy.silent
            if port != site.process and not excused:
                yield Broken(1, f"{cluster} asks at a port where the app was stopped")
            # Sleep is nobody's wish: who is silent may serve on (promise 5).
            if site.manager.phase is Phase.ASLEEP and port not in site.killed:
                yield Broken(5, f"{cluster} asks for an app that was let sleep")
        case Forward():
            if outcome.generation <= generation:
                yield Broken(3, f"{cluster} forwards with no higher generation")
        case Unknown():
            yield Broken(1, f"{cluster} does not know the app of a hop")
        case Gone() if world.directory.placement is not None:
            yield Broken(1, f"{cluster} says that the app is gone")


def _broken_by_walks(world: World) -> Iterator[Broken]:
    for start in CLUSTERS:
        if world.site(start).proxy.copy.residence is None:
            continue
        hops = walk(world, start)
        if len(hops) > MOST_HOPS + 1:
            yield Broken(3, f"a request to {start} is forwarded without end")
        if not world.faults and _waits(world, hops[-1].outcome):
            yield Broken(1, f"a request to {start} waits, and nothing went wrong")


def _waits(world: World, outcome: Outcome) -> bool:
    """Whether a request waits that has no sleeping app to wait for."""
    if not isinstance(outcome, Hold):
        return False
    may_wait = {HoldReason.ASLEEP, HoldReason.STARTING} if world.may_sleep else set()
    return outcome.reason not in may_wait


def walk(world: World, start: str) -> list[Stay]:
    """Follow a request from hop to hop, to one more than there may be."""
    stays: list[Stay] = []
    cluster, generation = start, None
    while len(stays) <= MOST_HOPS + 1:
        outcome = way(world.site(cluster).proxy, generation)
        stays.append(Stay(cluster, outcome))
        if not isinstance(outcome, Forward):
            break
        cluster, generation = outcome.cluster, outcome.generation
    return stays


@cache
def way(proxy: Proxy, generation: int | None) -> Outcome:
    """Route a request from outside, or one over the link with a generation."""
    hop = None if generation is None else Hop(APP.id, generation, "c", "http", "r")
    return routing.route(ClusterView(proxy), HOSTS[0], hop)


@cache
def leads_to(name_server: NameServer) -> str:
    """Give the cluster that the app's name stands for."""
    labels = tuple(HOSTS[0].split("."))
    found = resolution.resolve(DirectoryView(name_server), labels)
    return found.cluster.name if isinstance(found, resolution.InCluster) else ""


def forget_answers() -> None:
    """Forget what was answered before a bug was planted, or taken out."""
    way.cache_clear()
    leads_to.cache_clear()


# Promise 2: one live placement.


def _broken_placement(world: World) -> Iterator[Broken]:
    directory = world.directory
    move = directory.move
    for cluster, site, report in zip(
        CLUSTERS, world.sites, directory.reports, strict=True
    ):
        # Who was given up at a deadline may not have heard of it yet.
        settled = report is not None and report.status is Status.SETTLED
        if site.process and settled and cluster not in {move.source, move.target}:
            yield Broken(2, f"a third copy runs, in {cluster}")
    yield from _broken_switch(world, directory)
    if move.step is Step.FINISHED and move.source:
        left = world.site(move.source)
        if left.process or not _is_at(left, ResidenceState.AWAY, move.generation):
            yield Broken(2, f"the move has ended, and {move.source} has not let go")
    if move.step is Step.FINISHED and not named(world):
        yield Broken(1, "the move has ended, and the name server does not know")


def _broken_switch(world: World, directory: Directory) -> Iterator[Broken]:
    placement, move = directory.placement, directory.move
    if placement is None:
        return
    wanted = directory.wanted[CLUSTERS.index(placement.cluster)]
    if wanted is None or (wanted.state, wanted.generation) != (
        ResidenceState.HERE,
        placement.generation,
    ):
        yield Broken(2, f"the app is placed in {placement.cluster}, and not wanted")
    site = world.site(placement.cluster)
    residence = site.store.residence
    if residence is None or residence.state is not ResidenceState.HERE:
        yield Broken(2, f"the app is placed in {placement.cluster}, which has it not")
    elif move.step in {Step.SETTLING, Step.FINISHED} and not _is_at(
        site, ResidenceState.HERE, move.generation
    ):
        yield Broken(2, f"{placement.cluster} has not the generation of the switch")


def _is_at(site: Site, state: ResidenceState, generation: int) -> bool:
    residence = site.store.residence
    return residence is not None and (residence.state, residence.generation) == (
        state,
        generation,
    )


# Promise 4: stale writers lose.


def across(before: World, after: World) -> Broken | None:
    return next(_broken_across(before, after), None)


def _broken_across(before: World, after: World) -> Iterator[Broken]:
    if before.directory is not after.directory:
        yield from _broken_directory(before.directory, after.directory)
    if _is_older(after.name_server.placement, before.name_server.placement):
        yield Broken(4, "the name server's placement goes back")
    for cluster, old, new in zip(CLUSTERS, before.sites, after.sites, strict=True):
        if old is new:
            continue
        if _goes_back(old.store.residence, new.store.residence):
            yield Broken(4, f"the residence in {cluster} goes back")
        if lives_here(new) and not _has_its_endpoint(new.store):
            yield Broken(4, f"{cluster} has the app without its endpoint")
        # A lost replica starts anew.
        copy = new.proxy.copy.residence
        if copy is not None and _goes_back(old.proxy.copy.residence, copy):
            yield Broken(4, f"the residence at the proxy of {cluster} goes back")


def _has_its_endpoint(store: Ledger) -> bool:
    residence, endpoint = store
    return (
        residence is not None
        and endpoint is not None
        and endpoint.generation == residence.generation
    )


def _broken_directory(old: Directory, new: Directory) -> Iterator[Broken]:
    if new.generation < old.generation or new.move.generation < old.move.generation:
        yield Broken(4, "the app's generation goes back")
    if _is_older(new.placement, old.placement):
        yield Broken(4, "the placement goes back")
    for cluster, was, wanted in zip(CLUSTERS, old.wanted, new.wanted, strict=True):
        if _goes_back(was, wanted):
            yield Broken(4, f"what is wanted in {cluster} goes back")
    for was, report in zip(old.reports, new.reports, strict=True):
        if was is not None and report.generation < was.generation:
            yield Broken(4, f"the report of {was.cluster} goes back")


def _is_older(new: object, old: object) -> bool:
    return old is not None and (new is None or new.generation < old.generation)


def _goes_back(old: Residence | None, new: Residence | None) -> bool:
    """Within one generation a residence says one thing."""
    if old is new or old is None:
        return False
    return _is_older(new, old) or (
        new.generation == old.generation and (new.state, new.to) != (old.state, old.to)
    )


# All of them: where nothing is left to do, the app is in one place, and every way leads
# there. Where a manager is down, what could be done without it is done.


def when_quiet(world: World) -> Broken | None:
    return next(_broken_when_quiet(world), None)


def _broken_when_quiet(world: World) -> Iterator[Broken]:
    if any(site.manager.down for site in world.sites):
        yield from _broken_without_managers(world)
    else:
        yield from _broken_at_rest(world)


def _broken_without_managers(world: World) -> Iterator[Broken]:
    """Promise 5: nobody's service waits for news that only a manager can bring.

    An app that crashed waits for its manager, and a proxy that lost its replica too.
    """
    behind = Hold(APP.id, HoldReason.BEHIND)
    for start in CLUSTERS:
        if world.site(start).proxy.copy.residence is not None:
            cluster, outcome = walk(world, start)[-1]
            excused = world.site(cluster).proxy.silent or _given_up(world, cluster)
            if outcome == behind and not excused:
                yield Broken(5, f"a request to {start} waits for {cluster}'s manager")


def _given_up(world: World, cluster: str) -> bool:
    """Whether a move was undone, and the source's deadline passed before it heard."""
    placement = world.directory.placement
    return placement is not None and (placement.cluster, placement.generation) == (
        cluster,
        world.given_up,
    )


def _broken_at_rest(world: World) -> Iterator[Broken]:
    directory = world.directory
    if not has_ended(world):
        yield Broken(1, f"a move waits in {directory.move.step} and nothing will come")
    running = [
        name
        for name in CLUSTERS
        if world.site(name).process or world.site(name).manager.phase is Phase.ASLEEP
    ]
    home = directory.placement.cluster if directory.placement else ""
    if running != ([home] if home else []):
        yield Broken(2, f"in the end the app lives in {home}, and runs in {running}")
    if leads_to(world.name_server) != home:
        yield Broken(1, f"in the end the name does not lead to {home}")
    for cluster, wanted, report in zip(
        CLUSTERS, directory.wanted, directory.reports, strict=True
    ):
        if wanted is None:
            continue
        if not moves.fulfils(report, wanted) and not _is_late(world, report):
            yield Broken(4, f"in the end {cluster} is not reported as it is wanted")
        if wanted.state is ResidenceState.AWAY and wanted.to != home:
            yield Broken(3, f"in the end a tombstone leads {cluster} to {wanted.to}")
        if home:
            end = walk(world, cluster)[-1]
            if end.cluster != home or not _serves(end.outcome):
                yield Broken(1, f"in the end {cluster} does not lead to {home}")


def _serves(outcome: Outcome) -> bool:
    """Whether it does, or would if somebody came."""
    return isinstance(outcome, ToUpstream) or outcome == Hold(APP.id, HoldReason.ASLEEP)


def _is_late(world: World, report: Report) -> bool:
    """Reports of one generation have no order: that of a start that failed may come
    after that of the next manager's, which did not.
    """
    return (
        report.status is Status.FAILED
        and world.site(report.cluster).manager.phase is Phase.TOLD
    )
