"""`domicile bench dns`: what a query costs of the processor, by server."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import dns.exception
import dns.message
import dns.query
import dns.rcode
import psutil

from domicile.bench import nameservers
from domicile.bench.ending import ends_on_sigterm
from domicile.bench.errors import CannotMeasure
from domicile.bench.machine import Say, cores, require
from domicile.bench.names import Mix, name_of, questions
from domicile.bench.processes import Processes
from domicile.bench.rounds import Effort, Figures, Load, measure
from domicile.runtime.ports import free_port

ALL_SIZES = (1_000, 100_000, 1_000_000)

# Beyond what a run was told, in seconds.
_PATIENCE = 20.0
_WARM_UP = 60.0

_FIGURES = {
    "completed": re.compile(r"Queries completed: +(\d+)"),
    "lost": re.compile(r"Queries lost: +(\d+)"),
    "per second": re.compile(r"Queries per second: +([\d.]+)"),
}
_RCODES = re.compile(r"Response codes: +(.*)")
_EXPECTED = {"NOERROR", "NXDOMAIN"}


class _Served(NamedTuple):
    port: int
    process: psutil.Process


def bench_dns(
    loads: Sequence[tuple[int, Mix]], effort: Effort
) -> Iterator[dict[str, Any]]:
    """Measure every server for each number of names and mix; give a row for each."""
    dnsperf = require("dnsperf", "dnsperf")
    with ends_on_sigterm():
        for names, mix in loads:
            with TemporaryDirectory(prefix="domicile-bench-") as folder:
                yield from _rows(Path(folder), names, mix, dnsperf, effort)


def all_loads() -> list[tuple[int, Mix]]:
    return list(product(ALL_SIZES, Mix))


def _rows(
    folder: Path, names: int, mix: Mix, dnsperf: str, effort: Effort
) -> Iterator[dict[str, Any]]:
    asked = folder / "questions"
    asked.write_text("".join(f"{host} A\n" for host in questions(names, mix)))
    with Processes(folder) as processes:
        served = _serve(folder, names, processes, effort.say)

        def ask(name: str, seconds: float, *options: str) -> Load:
            where = ("-s", "127.0.0.1", "-p", str(served[name].port))
            command = [dnsperf, *where, "-d", str(asked), "-l", f"{seconds:g}"]
            patience = seconds + _PATIENCE
            core = cores().generator
            return _read(name, processes.run([*command, *options], core, patience))

        figures = measure(
            {name: each.process for name, each in served.items()},
            # Each question once: what a server remembers, it remembers from then on.
            lambda name: ask(name, _WARM_UP, "-n", "1"),
            lambda name: ask(name, effort.seconds),
            effort.runs,
            f"{names:,} names, {mix}",
        )
    for name, each in figures.items():
        yield _row(name, names, mix, each)


def _serve(
    folder: Path, names: int, processes: Processes, say: Say
) -> dict[str, _Served]:
    """Start all that are installed."""
    zone = folder / "zone"
    nameservers.write_zone(zone, names)
    nameservers.fill_ours(folder, names)
    served: dict[str, _Served] = {}
    for server in nameservers.ALL:
        own = folder / server.name
        own.mkdir(exist_ok=True)
        port = free_port([each.port for each in served.values()])
        command = server.prepare(own, port, zone)
        if command is None:
            say(f"no row for {server.name}: not installed (Debian: {server.package})")
            continue
        process = processes.start(server.name, command, cores().server)
        processes.wait_until(server.name, partial(_answers, port))
        served[server.name] = _Served(port, process)
    return served


def _answers(port: int) -> bool:
    """Whether who listens there knows the first name."""
    query = dns.message.make_query(name_of(0).host, "A")
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=0.5)
    except (OSError, dns.exception.DNSException):
        return False
    return reply.rcode() == dns.rcode.NOERROR


def _read(name: str, printed: str) -> Load:
    """Read dnsperf's figures; raises CannotMeasure for what is no answer."""
    found = {key: pattern.search(printed) for key, pattern in _FIGURES.items()}
    rcodes = _RCODES.search(printed)
    for each in rcodes[1].split(", ") if rcodes else ():
        if each.split()[0] not in _EXPECTED:
            raise CannotMeasure(f"{name} answered {each}")
    if not all(found.values()):
        raise CannotMeasure(f"dnsperf says nothing of {name}: {printed.strip()[-200:]}")
    values = {key: float(match[1]) for key, match in found.items() if match}
    return Load(int(values["completed"]), values["per second"], int(values["lost"]))


def _row(name: str, names: int, mix: Mix, figures: Figures) -> dict[str, Any]:
    return {
        "server": name,
        "names": names,
        "mix": str(mix),
        "cpu_us_per_query": figures.cpu_us,
        "cpu_us_low": figures.cpu_us_low,
        "cpu_us_high": figures.cpu_us_high,
        "qps": figures.per_second,
        "lost": figures.lost,
    }
