"""`domicile bench proxy`: what a proxied request costs of the processor, by server."""

import re
from collections.abc import Iterator
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from domicile.bench import proxies
from domicile.bench.ending import ends_on_sigterm
from domicile.bench.errors import CannotMeasure
from domicile.bench.machine import build, cores, require
from domicile.bench.names import name_of
from domicile.bench.processes import Processes
from domicile.bench.records import fill, of_a_cluster
from domicile.bench.rounds import Effort, Figures, Load, measure
from domicile.bench.serving import Start, serve
from domicile.runtime.ports import free_port

UPSTREAM = Path(__file__).with_name("upstream.c")

_PATIENCE = 20.0

_DONE = re.compile(r"(\d+) requests in")
_PER_SECOND = re.compile(r"Requests/sec: +([\d.]+)")
_NOT_2XX = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_BROKEN = re.compile(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)")


def bench_proxy(
    names: int, connections: int, effort: Effort
) -> Iterator[dict[str, Any]]:
    """Measure every proxy; give a row for each."""
    wrk = require("wrk", "wrk")
    with (
        ends_on_sigterm(),
        TemporaryDirectory(prefix="domicile-bench-") as name,
        Processes(Path(name)) as processes,
    ):
        folder = Path(name)
        upstream = _start_upstream(folder, processes)
        fill(folder / "domicile" / "replica", of_a_cluster(names, upstream))
        start = Start(folder, processes, _answers, effort.say)
        served = serve(proxies.servers(upstream), start)
        command = [wrk, "-t1", f"-c{connections}", f"-d{ceil(effort.seconds)}s"]
        command += ["-H", f"Host: {name_of(0).host}"]

        def generate(name: str, _number: int = 0) -> Load:
            whole = [*command, f"http://127.0.0.1:{served[name].port}/"]
            patience = effort.seconds + _PATIENCE
            return _read(name, processes.run(whole, cores().generator, patience))

        servers = {name: each.process for name, each in served.items()}
        figures = measure(
            servers, generate, generate, effort.runs, f"{connections} connections"
        )
    for name, each in figures.items():
        yield _row(name, names, connections, each)


def _start_upstream(folder: Path, processes: Processes) -> int:
    """Start what is behind the proxies, on the generator's core; give its port."""
    program = build(UPSTREAM, folder)
    if program is None:
        raise CannotMeasure(
            "there is no C compiler, and the upstream is of C: on Debian, apt install gcc"
        )
    port = free_port()
    processes.start("upstream", [str(program), str(port)], cores().generator)
    processes.wait_until("upstream", partial(_answers, port), _PATIENCE)
    return port


def _answers(port: int) -> bool:
    headers = {"Host": name_of(0).host}
    try:
        found = httpx.get(f"http://127.0.0.1:{port}/", headers=headers, trust_env=False)
    except httpx.HTTPError:
        return False
    return found.status_code == 200


def _read(name: str, printed: str) -> Load:
    """Read wrk's figures."""
    done, per_second = _DONE.search(printed), _PER_SECOND.search(printed)
    if done is None or per_second is None:
        raise CannotMeasure(f"wrk says nothing of {name}: {printed.strip()[-200:]}")
    failed = _NOT_2XX.search(printed)
    broken = _BROKEN.search(printed)
    lost = int(failed[1]) if failed else 0
    lost += sum(map(int, broken.groups())) if broken else 0
    return Load(int(done[1]), float(per_second[1]), lost)


def _row(name: str, names: int, connections: int, figures: Figures) -> dict[str, Any]:
    return {
        "server": name,
        "names": names,
        "connections": connections,
        "cpu_us_per_request": figures.cpu_us,
        "cpu_us_low": figures.cpu_us_low,
        "cpu_us_high": figures.cpu_us_high,
        "rps": figures.per_second,
        "failed": figures.lost,
    }
