"""Interleaved runs: every server in turn, so that what disturbs one disturbs all."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import NamedTuple

import psutil

from domicile.bench.machine import Say
from domicile.bench.processes import cpu_seconds
from domicile.bench.watching import bar

# A server that uses less of a processor has nothing left to do but to answer.
_AT_REST = 0.05
_LOOK_SECONDS = 1.0
_PATIENCE = 180.0


class Effort(NamedTuple):
    """How many runs of how many seconds, and where to say what has no row."""

    runs: int
    seconds: float
    say: Say


class Load(NamedTuple):
    """What one run of a generator came to."""

    done: int
    per_second: float
    lost: int


class Run(NamedTuple):
    """One server's part of a round."""

    cpu_us: float
    per_second: float
    lost: int


class Figures(NamedTuple):
    """All runs of one server: the medians, how far apart they were, what was lost."""

    cpu_us: float
    cpu_us_low: float
    cpu_us_high: float
    per_second: float
    lost: int


Generate = Callable[[str, int], Load]
"""Load the server of this name in a round, by its number, and say what it answered."""


def measure(
    servers: Mapping[str, psutil.Process],
    warm_up: Callable[[str], object],
    generate: Generate,
    runs: int,
    what: str,
) -> dict[str, Figures]:
    """Warm each server up and let it rest, then load it `runs` times, round robin."""
    found: dict[str, list[Run]] = {name: [] for name in servers}
    with bar() as progress:
        task = progress.add_task(what, total=(runs + 1) * len(servers))
        for number in range(runs + 1):
            for name, process in servers.items():
                progress.update(task, description=f"{what}: {name}")
                if number:
                    found[name].append(
                        _run_once(process, partial(generate, name, number))
                    )
                else:
                    warm_up(name)
                    _let_rest(process)
                progress.advance(task)
    return {name: _sum_up(each) for name, each in found.items()}


def _let_rest(process: psutil.Process) -> None:
    """Wait for what a server does once, when it was started, to be done."""
    before = cpu_seconds(process)
    for _ in range(int(_PATIENCE / _LOOK_SECONDS)):
        time.sleep(_LOOK_SECONDS)
        now = cpu_seconds(process)
        if now - before < _AT_REST * _LOOK_SECONDS:
            return
        before = now


def _run_once(process: psutil.Process, generate: Callable[[], Load]) -> Run:
    before = cpu_seconds(process)
    load = generate()
    used = cpu_seconds(process) - before
    return Run(used * 1e6 / max(1, load.done), load.per_second, load.lost)


def _sum_up(runs: list[Run]) -> Figures:
    costs = [run.cpu_us for run in runs]
    return Figures(
        cpu_us=round(median(costs), 2),
        cpu_us_low=round(min(costs), 2),
        cpu_us_high=round(max(costs), 2),
        per_second=round(median(run.per_second for run in runs)),
        lost=sum(run.lost for run in runs),
    )
