"""`domicile bench dns`: what a query costs of the processor, by server."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from domicile.bench import nameservers, peers
from domicile.bench.dnsperf import Dnsperf, find_dnsperf, write_questions
from domicile.bench.ending import ends_on_sigterm
from domicile.bench.machine import Say, memory
from domicile.bench.makes import Make
from domicile.bench.names import ZONE, Mix, count_questions, questions
from domicile.bench.nameservers import Wanted, answers, signs
from domicile.bench.processes import Processes
from domicile.bench.propagation import Directory, Prober, Seen
from domicile.bench.room import check_room
from domicile.bench.rounds import Effort, Figures, Load, measure
from domicile.bench.serving import Served, Start, serve
from domicile.bench.watching import waiting

# From here on some peers are left out: they would take longer to start than to measure.
MANY = 5_000_000
_LEFT_OUT_OF_MANY = (Make.BIND, Make.PDNS)
_RUNS, _RUNS_OF_MANY = 5, 3

# Who reads a zone reads at least so many names in a second, and answers as many.
_SLOWEST = 10_000
_WARM_UP = 60.0
# Several workers have several clients each, or some would have none.
_CLIENTS = 10


class Point(NamedTuple):
    """What one table is of: so many names, which are asked, so many changes a second."""

    names: int
    mix: Mix
    changes: float = 0.0

    def __str__(self) -> str:
        changing = f", {self.changes:g} changes/s" if self.changes else ""
        return f"{self.names:,} names, {self.mix}{changing}"


class Sides(NamedTuple):
    """Who is measured, all if empty; and of how many workers ours has."""

    servers: Collection[Make] = ()
    workers: int = 1


ALL_POINTS = (
    *(Point(100_000, mix) for mix in Mix),
    Point(100_000, Mix.UNIFORM, changes=100.0),
    Point(10_000_000, Mix.UNIFORM),
    Point(10_000_000, Mix.MISSING90),
)


def bench_dns(point: Point, sides: Sides, effort: Effort) -> Iterator[dict[str, Any]]:
    """Measure every server at one point; give a row for each."""
    program = find_dnsperf()
    with ends_on_sigterm(), TemporaryDirectory(prefix="domicile-bench-") as folder:
        yield from _rows(Path(folder), point, sides, effort, program)


def runs_at(names: int) -> int:
    """Say how many runs are enough where nobody said."""
    return _RUNS if names < MANY else _RUNS_OF_MANY


def _rows(
    folder: Path, point: Point, sides: Sides, effort: Effort, program: str
) -> Iterator[dict[str, Any]]:
    makes = choose(point, sides, effort.say)
    check_room(folder, point.names, makes)
    patience = point.names / _SLOWEST
    with Processes(folder) as processes, ExitStack() as stack:
        wanted, directory = _prepare(folder, point, sides, processes, effort.say)
        start = Start(folder, processes, answers, effort.say, patience)
        servers = nameservers.servers(wanted)
        served = serve([servers[make] for make in makes], start)
        clients = 1 if sides.workers == 1 else sides.workers * _CLIENTS
        dnsperf = Dnsperf(program, processes, point.mix is Mix.DO, clients)
        asking = _Asking(folder, point, effort.seconds, dnsperf, served)
        if directory is not None and Make.DOMICILE in served:
            ours = served[Make.DOMICILE]
            prober = Prober(ours.port, ours.process, sides.workers)
            asking.changes = _Changes(directory, stack.enter_context(prober), [])
        figures = measure(
            {name: each.process for name, each in served.items()},
            asking.warm_up,
            asking.run,
            effort.runs,
            str(point),
        )
        for name, each in figures.items():
            yield _row(name, point, each, served[name], asking.changes)


def _prepare(
    folder: Path, point: Point, sides: Sides, processes: Processes, say: Say
) -> tuple[Wanted, Directory | None]:
    """Write what the servers serve; start what ours follows, if it is to change."""
    zone, signed = folder / "zone", None
    nameservers.write_zone(zone, point.names)
    if point.mix is Mix.DO:
        with waiting("the zone is signed for those who serve a file"):
            signed = peers.sign(zone, ZONE, folder / "signed")
        if signed is None:
            say("all serve unsigned: kzonesign is not installed (Debian: knot)")
        zone = signed or zone
    wanted = Wanted(zone, signed is not None, workers=sides.workers)
    if not point.changes:
        nameservers.fill_ours(folder, point.names)
        return wanted, None
    with waiting("the directory's store is written"):
        directory = Directory(folder / "directory", point.names, processes)
    followed = wanted._replace(directory=directory.url, token=directory.token)
    return followed, directory


def choose(point: Point, sides: Sides, say: Say) -> list[Make]:
    """Choose who is measured at a point, and say who is not."""
    if sides.servers or point.names < MANY:
        return [each for each in Make if each in (sides.servers or Make)]
    for name in _LEFT_OUT_OF_MANY:
        say(
            f"no row for {name} at {point.names:,} names: it takes too long to start;"
            f" --server {name} measures it"
        )
    return [each for each in Make if each not in _LEFT_OUT_OF_MANY]


class _Changes(NamedTuple):
    """Who makes changes, who waits for them, and what came of it in each run."""

    directory: Directory
    prober: Prober
    seen: list[Seen]

    def during(self, generate: Callable[[], Load], seconds: float, rate: float) -> Load:
        with ThreadPoolExecutor(1) as beside:
            moves = self.directory.change(seconds, rate)
            watching = beside.submit(self.prober.watch, moves)
            load = generate()
            seen = watching.result()
        self.seen.append(seen)
        # What the prober asked was answered as well.
        return load._replace(done=load.done + seen.asked)


class _Asking:
    """Loads the servers of one point, each in a round with the same questions."""

    def __init__(
        self,
        folder: Path,
        point: Point,
        seconds: float,
        dnsperf: Dnsperf,
        served: dict[str, Served],
    ) -> None:
        self._folder = folder
        self._point = point
        self._seconds = seconds
        self._dnsperf = dnsperf
        self._served = served
        self.changes: _Changes | None = None

    def warm_up(self, name: str) -> None:
        """Ask each question once: what a server remembers, it remembers from then on."""
        file, port = self._questions(0), self._served[name].port
        patience = _WARM_UP + self._count() / _SLOWEST
        self._dnsperf.ask_once(name, port, file, patience)

    def run(self, name: str, number: int) -> Load:
        file, port = self._questions(number), self._served[name].port
        generate = partial(self._dnsperf.ask, name, port, file, self._seconds)
        if self.changes is None or name != Make.DOMICILE:
            return generate()
        return self.changes.during(generate, self._seconds, self._point.changes)

    def _count(self) -> int:
        return count_questions(self._point.names, self._point.mix, self._seconds)

    def _questions(self, number: int) -> Path:
        file = self._folder / f"questions-{number}"
        if not file.exists():
            names, mix = self._point.names, self._point.mix
            write_questions(file, questions(names, mix, self._count(), number))
        return file


def _row(
    name: str, point: Point, figures: Figures, served: Served, changes: _Changes | None
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
    delays = [1e3 * each for run in seen for each in run.delays]
    cuts = quantiles(delays, n=100, method="inclusive")
    return {
        "changes": sum(run.changes for run in seen),
        "waited_for": len(delays),
        "answered_p50_ms": round(cuts[49], 1),
        "answered_p99_ms": round(cuts[98], 1),
    }
