"""`domicile bench dns`: what a query costs of the processor, by server."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from domicile.bench import nameservers, peers
from domicile.bench.asking import Asking, Changes, Questions
from domicile.bench.dnsperf import Dnsperf, find_dnsperf
from domicile.bench.ending import ends_on_sigterm
from domicile.bench.errors import CannotMeasure
from domicile.bench.machine import Say, memory
from domicile.bench.makes import Make
from domicile.bench.names import ZONE, Mix
from domicile.bench.nameservers import Wanted, answers, signs
from domicile.bench.points import LEFT_OUT_OF_MANY, MANY, Point
from domicile.bench.processes import Processes
from domicile.bench.propagation import Directory, Prober, Seen
from domicile.bench.quiet import quiet_directory
from domicile.bench.room import check_room
from domicile.bench.rounds import Effort, Figures, measure
from domicile.bench.serving import Served, Start, serve
from domicile.bench.watching import waiting

# Who reads a zone reads at least so many.
_NAMES_A_SECOND = 10_000
# Several workers have several clients each, or some would have none.
_CLIENTS = 10


class Sides(NamedTuple):
    """Who is measured, all if empty; and of how many workers ours has."""

    servers: Collection[Make] = ()
    workers: int = 1


def bench_dns(point: Point, sides: Sides, effort: Effort) -> Iterator[dict[str, Any]]:
    """Measure every server at one point; give a row for each."""
    program = find_dnsperf()
    with ends_on_sigterm(), TemporaryDirectory(prefix="domicile-bench-") as folder:
        yield from _rows(Path(folder), point, sides, effort, program)


def _rows(
    folder: Path, point: Point, sides: Sides, effort: Effort, program: str
) -> Iterator[dict[str, Any]]:
    makes = choose(point, sides, effort.say)
    check_room(folder, point.names, makes)
    with Processes(folder) as processes, ExitStack() as stack:
        wanted = _write_zone(folder, point, effort.say)._replace(workers=sides.workers)
        directory = None
        if Make.DOMICILE in makes:
            directory = _write_ours(folder, point, processes)
        if directory is not None:
            wanted = wanted._replace(directory=directory.url, token=directory.token)
        else:
            wanted = wanted._replace(directory=stack.enter_context(quiet_directory()))
        servers = nameservers.servers(wanted)
        patience = point.names / _NAMES_A_SECOND
        start = Start(folder, processes, answers, effort.say, patience)
        served = serve([servers[make] for make in makes], start)
        clients = 1 if sides.workers == 1 else sides.workers * _CLIENTS
        # A directory that makes changes has the generator's core, too, and goes first.
        nice = directory is not None
        dnsperf = Dnsperf(program, processes, point.mix is Mix.DO, clients, nice)
        changes = None
        if directory is not None:
            ours = served[Make.DOMICILE]
            prober = Prober(ours.port, ours.process, sides.workers)
            changes = Changes(directory, stack.enter_context(prober), [])
        questions = Questions(folder, point, effort.seconds)
        asking = Asking(questions, dnsperf, served, changes)
        yield from _measure(point, served, asking, effort.runs)


def _measure(
    point: Point, served: Mapping[str, Served], asking: Asking, runs: int
) -> Iterator[dict[str, Any]]:
    servers = {name: each.process for name, each in served.items()}
    figures = measure(servers, asking.warm_up, asking.run, runs, str(point))
    for name, each in figures.items():
        yield _row(name, point, each, served[name], asking.changes)


def _write_ours(folder: Path, point: Point, processes: Processes) -> Directory | None:
    """Write our replica; or start a directory where it is to change while we serve."""
    if point.changes:
        with waiting("the directory's store is written"):
            return Directory(folder / "directory", point.names, processes)
    with waiting("our replica is written"):
        nameservers.fill_ours(folder, point.names, signed=point.mix is Mix.DO)
    return None


def _write_zone(folder: Path, point: Point, say: Say) -> Wanted:
    """Write the zone for those who read a file, signed if signatures are asked for."""
    zone = folder / "zone"
    nameservers.write_zone(zone, point.names)
    if point.mix is not Mix.DO:
        return Wanted(zone)
    with waiting("the zone is signed"):
        signed = peers.sign(zone, ZONE, folder / "signed")
    if signed is None:
        say("peers serve unsigned: kzonesign is not installed (Debian: knot)")
        return Wanted(zone)
    return Wanted(signed, signed=True)


def choose(point: Point, sides: Sides, say: Say) -> list[Make]:
    """Choose who is measured at a point, and say who is not."""
    if sides.servers or point.names < MANY:
        return [each for each in Make if each in (sides.servers or Make)]
    for name in LEFT_OUT_OF_MANY:
        say(
            f"no row for {name} at {point.names:,} names: it takes too long to start;"
            f" --server {name} measures it"
        )
    return [each for each in Make if each not in LEFT_OUT_OF_MANY]


def _row(
    name: str, point: Point, figures: Figures, served: Served, changes: Changes | None
) -> dict[str, Any]:
    pss, anon = memory(served.process)
    row = {
        "server": name,
        "names": point.names,
        "mix": str(point.mix),
        "changes_per_s": point.changes,
        "cpu_us_per_query": figures.cpu_us,
        "cpu_us_low": figures.cpu_us_low,
        "cpu_us_high": figures.cpu_us_high,
        "qps": figures.per_second,
        "lost": figures.lost,
        "pss_mib": pss,
        "anon_mib": anon,
        "ready_s": round(served.ready_seconds, 2),
    }
    if point.mix is Mix.DO:
        row["signed"] = signs(served.port)
    if changes is not None and name == Make.DOMICILE:
        row |= _propagation(changes.seen)
    return row


def _propagation(seen: list[Seen]) -> dict[str, Any]:
    delays = sorted(each for run in seen for each in run.delays)
    if not delays:
        raise CannotMeasure("no change was made: give runs more --seconds or --changes")
    return {
        "changes": sum(run.changes for run in seen),
        "waited_for": len(delays),
        "answered_p50_ms": _ms_at(0.5, delays),
        "answered_p99_ms": _ms_at(0.99, delays),
    }


def _ms_at(share: float, ordered: list[float]) -> float:
    return round(1e3 * ordered[round(share * (len(ordered) - 1))], 1)
