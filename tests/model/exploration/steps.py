"""What each part does next, where nothing goes wrong.

    operator    plan ─┐
    directory         └─> advance, records_of: a step and its records in one transaction
    manager     hear the wish; here: start, write, wait for the proxies, say SERVING
                away: write, wait for the proxies, drain, stop, forget, say SETTLED
                idle: write, wait for all proxies; nobody came: stop, say ASLEEP
    proxy, name server    copy what their store says, and so acknowledge it

Each is as short as it can be and in the order of the code that it stands for: the mover,
the journal, the resident and the ledger. Who is asked for the next steps gives each as
its words and the world after it.
"""

from collections.abc import Iterator
from itertools import count

import msgspec

from domicile.model import moves
from domicile.model.moves import ENDS, Facts, Move, Report, Status
from domicile.model.record import Record
from domicile.model.records import (
    App,
    Endpoint,
    EndpointState,
    Placement,
    Residence,
    ResidenceState,
)
from exploration.world import (
    APP,
    CLUSTERS,
    LODGING,
    Directory,
    Ledger,
    Manager,
    Phase,
    Site,
    World,
    asleep_at,
    endpoint_at,
    told_to_proxies,
)

Next = tuple[str, World]


def steps(world: World) -> Iterator[Next]:
    """Give what may happen next if nothing goes wrong and nobody asks for anything."""
    yield from directory_steps(world)
    for cluster, site in zip(CLUSTERS, world.sites, strict=True):
        if not site.manager.down:
            yield from manager_steps(world, cluster, site)
            yield from proxy_steps(world, cluster, site)
    yield from other_steps(world)


# The directory: one transaction each.


def directory_steps(world: World) -> Iterator[Next]:
    after = decide(world, expired=False)
    if after is not None:
        yield from entered(world, world.directory.move, after)


def decide(world: World, *, expired: bool) -> Move | None:
    """Look at the facts as the mover does."""
    facts = Facts(world.directory.reported(), named(world), expired)
    after = moves.advance(world.directory.move, facts)
    return after and msgspec.structs.replace(after, error="")


def named(world: World) -> bool:
    """Whether the name server has what the step wrote, or is not waited for."""
    server = world.name_server
    return server.silent or server.placement == world.directory.placement


def entered(world: World, seen: Move, after: Move) -> Iterator[Next]:
    """Enter a step, unless another mover was faster or a record would go back."""
    directory = world.directory
    if not is_unchanged(directory, seen):
        return
    app = msgspec.structs.replace(APP, generation=directory.generation)
    directory = directory._replace(move=after)
    for record in moves.records_of(after, app, LODGING):
        if is_stale(directory, record):
            return
        directory = put(directory, record)
    yield (
        f"directory: the move to {after.target} is {after.step} at {after.generation}",
        world._replace(directory=directory),
    )


def is_unchanged(directory: Directory, seen: Move) -> bool:
    return directory.move == seen


def is_stale(directory: Directory, record: Record) -> bool:
    match record:
        case Residence(cluster=cluster):
            stored = directory.wanted[CLUSTERS.index(cluster)]
        case Placement():
            stored = directory.placement
        case _:
            return record.generation < directory.generation
    return stored is not None and record.generation < stored.generation


def put(directory: Directory, record: Record) -> Directory:
    match record:
        case App(generation=generation):
            return directory._replace(generation=generation)
        case Placement():
            return directory._replace(placement=record)
        case Residence(cluster=cluster):
            wanted = replaced(directory.wanted, CLUSTERS.index(cluster), record)
            return directory._replace(wanted=wanted)
    raise AssertionError(record)


def replaced(row: tuple, place: int, value: object) -> tuple:
    return (*row[:place], value, *row[place + 1 :])


def plan(world: World, target: str) -> Iterator[Next]:
    """Plan a deployment where the app lives nowhere, and else a move."""
    directory = world.directory
    source = directory.placement.cluster if directory.placement else ""
    homes = {each.cluster for each in directory.wanted if each}
    generation = directory.generation + 1
    others = tuple(sorted(homes - {source, target}))
    move = Move(str(generation), APP.id, generation, source, target, others)
    yield from entered(world._replace(plans=world.plans + 1), directory.move, move)


def take_report(directory: Directory, report: Report) -> Directory:
    """Keep a report, unless a newer generation's is there."""
    place = CLUSTERS.index(report.cluster)
    stored = directory.reports[place]
    if stored is not None and stored.generation > report.generation:
        return directory
    return directory._replace(reports=replaced(directory.reports, place, report))


# A manager: what it does next with its wish, and the reports that it has to bring.


def manager_steps(world: World, cluster: str, site: Site) -> Iterator[Next]:
    manager = site.manager
    wanted = world.directory.wanted[CLUSTERS.index(cluster)]
    if wanted != manager.wish:
        heard = site._replace(manager=Manager(wanted, Phase.BEGUN, manager.unsent))
        yield (
            f"{cluster}: hears {wanted.state} at {wanted.generation}",
            world.with_site(cluster, heard),
        )
    if manager.unsent is not None:
        directory = take_report(world.directory, manager.unsent)
        sent = site._replace(manager=manager._replace(unsent=None))
        yield (
            f"{cluster}: brings the report {words_of(manager.unsent)}",
            world.with_site(cluster, sent)._replace(directory=directory),
        )
    step = obey(world, cluster, site)
    if step is not None:
        yield f"{cluster}: {step[0]}", world.with_site(cluster, step[1])


def words_of(report: Report) -> str:
    return f"{report.status} at {report.generation}"


def obey(world: World, cluster: str, site: Site) -> tuple[str, Site] | None:
    """Give the manager's next step towards its wish; None where it waits or is done."""
    wish = site.manager.wish
    if wish is None:
        return None
    if wish.state is ResidenceState.HERE:
        if site.manager.phase is Phase.DOZING:
            return fall_asleep(world, cluster, site, wish)
        return serve(site, wish)
    return leave(world, cluster, site, wish)


def serve(site: Site, wish: Residence) -> tuple[str, Site] | None:
    match site.manager.phase:
        case Phase.BEGUN:
            return begin(site, wish)
        case Phase.STARTING:
            return "starts the app again", at(started(site), Phase.BEGUN)
        case Phase.WRITTEN | Phase.TOLD if not site.process:
            return "finds the app lost", at(site, Phase.BEGUN)
        case Phase.WRITTEN if acknowledged(site):
            return "has the app serving", told(site, wish, Status.SERVING)
    return None


def fall_asleep(
    world: World, cluster: str, site: Site, wish: Residence
) -> tuple[str, Site] | None:
    """Stop it once every proxy knows, silent ones too; go on where somebody came."""
    if not drained(world, cluster, site):
        return "finds that somebody came", at(site, Phase.BEGUN)
    if aware(site):
        site = told(site._replace(process=0), wish, Status.ASLEEP)
        return "lets the app sleep", at(site, Phase.ASLEEP)
    return None


def aware(site: Site) -> bool:
    return not site.proxy.silent and site.proxy.copy == site.store


def dozing(site: Site, wish: Residence) -> Site:
    """Say that it sleeps; what runs is stopped when that is known."""
    return at(written(site, wish, asleep_at(wish)), Phase.DOZING)


def is_asleep(site: Site) -> bool:
    endpoint = site.store.endpoint
    asleep = endpoint is not None and endpoint.state is EndpointState.ASLEEP
    return asleep and lives_here(site)


def begin(site: Site, wish: Residence) -> tuple[str, Site]:
    """Go on with what runs, or start it; where it lived before, say so first."""
    if site.process:
        site = written(site, wish, endpoint_at(wish, site.process))
        return "writes where the app listens", at(site, Phase.WRITTEN)
    if is_asleep(site):
        return "leaves the app asleep", dozing(site, wish)
    if lives_here(site):
        site = written(site, wish, endpoint_at(wish, 0))
        return "writes that the app is starting", at(site, Phase.STARTING)
    return "starts the app", at(started(site), Phase.BEGUN)


def leave(
    world: World, cluster: str, site: Site, wish: Residence
) -> tuple[str, Site] | None:
    match site.manager.phase:
        case Phase.BEGUN:
            site = written(site, wish, None)
            return f"writes {wish.state} {wish.to}", at(site, Phase.WRITTEN)
        case Phase.WRITTEN if acknowledged(site) and drained(world, cluster, site):
            return "stops the app", at(site._replace(process=0), Phase.STOPPED)
        case Phase.STOPPED:
            store = forgotten(site.store, wish)
            site = site._replace(store=store)
            return "forgets the endpoint", told(site, wish, Status.SETTLED)
    return None


def lives_here(site: Site) -> bool:
    residence = site.store.residence
    return residence is not None and residence.state is ResidenceState.HERE


def started(site: Site) -> Site:
    """Start the app, at the first port that nobody knows yet."""
    known = site.known_ports()
    port = next(port for port in count(1) if port not in known)
    return site._replace(process=port)


def written(site: Site, wish: Residence, endpoint: Endpoint | None) -> Site:
    return site._replace(store=write(site.store, wish, endpoint))


def write(store: Ledger, wish: Residence, endpoint: Endpoint | None) -> Ledger:
    """Write as the ledger does: all of it, or nothing where it came too late."""
    residence = told_to_proxies(wish)
    if not moves.supersedes(residence, store.residence):
        return store
    return Ledger(residence, endpoint or store.endpoint)


def forgotten(store: Ledger, wish: Residence) -> Ledger:
    """Forget the endpoint, unless a newer residence has one."""
    if store.residence != told_to_proxies(wish):
        return store
    return store._replace(endpoint=None)


def acknowledged(site: Site) -> bool:
    """Whether the proxy has what the store says, or is not waited for."""
    return site.proxy.silent or site.proxy.copy == site.store


def drained(world: World, cluster: str, site: Site) -> bool:
    return world.request != cluster


def told(site: Site, wish: Residence, status: Status) -> Site:
    report = Report(wish.app, wish.cluster, wish.generation, status)
    return site._replace(manager=Manager(wish, Phase.TOLD, report))


def at(site: Site, phase: Phase) -> Site:
    return site._replace(manager=site.manager._replace(phase=phase))


# Those who follow.


def proxy_steps(world: World, cluster: str, site: Site) -> Iterator[Next]:
    proxy = site.proxy
    if proxy.silent or proxy.copy != site.store:
        # Who is heard again has what it asked for a moment later.
        followed = site._replace(proxy=proxy._replace(copy=site.store, silent=False))
        yield f"{cluster}: the proxy follows", world.with_site(cluster, followed)


def other_steps(world: World) -> Iterator[Next]:
    server, placement = world.name_server, world.directory.placement
    if server.silent or server.placement != placement:
        followed = server._replace(placement=placement, silent=False)
        yield "the name server follows", world._replace(name_server=followed)
    if world.request:
        yield (
            f"{world.request}: the request in flight ends",
            world._replace(request=""),
        )


def has_ended(world: World) -> bool:
    return world.directory.move.step in ENDS
