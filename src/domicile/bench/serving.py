"""Servers side by side: all that are installed are started, on one core."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from domicile.bench.machine import Say, cores
from domicile.bench.processes import Command, Processes
from domicile.bench.watching import waiting
from domicile.runtime.ports import free_port

Prepare = Callable[[Path, int], Command | None]
"""In a folder, for a port: how to start it, None if it is not installed."""

_START_SECONDS = 60.0
_WORTH_SAYING = 10.0


class Server(NamedTuple):
    """A server, and what of Debian brings it."""

    name: str
    package: str
    prepare: Prepare


class Served(NamedTuple):
    """A server that answers, after so many seconds."""

    port: int
    process: psutil.Process
    ready_seconds: float


class Start(NamedTuple):
    """How servers are started: where, and when one is said to answer at a port.

    `patience` is what each gets beyond a minute, in seconds.
    """

    folder: Path
    processes: Processes
    answers: Callable[[int], bool]
    say: Say
    patience: float = 0.0


def serve(servers: Sequence[Server], start: Start) -> dict[str, Served]:
    """Start all that are installed, one after another; raises CannotMeasure."""
    served: dict[str, Served] = {}
    for server in servers:
        taken = [each.port for each in served.values()]
        if found := _start(server, free_port(taken), start):
            served[server.name] = found
        else:
            start.say(
                f"no row for {server.name}: not installed (Debian: {server.package})"
            )
    return served


def _start(server: Server, port: int, start: Start) -> Served | None:
    own = start.folder / server.name
    own.mkdir(exist_ok=True)
    command = server.prepare(own, port)
    if command is None:
        return None
    before = time.monotonic()
    process = start.processes.start(server.name, command, cores().server)
    with waiting(f"{server.name} starts"):
        start.processes.wait_until(
            server.name, lambda: start.answers(port), _START_SECONDS + start.patience
        )
    seconds = time.monotonic() - before
    if seconds > _WORTH_SAYING:
        start.say(f"{server.name} answers after {seconds:.0f} s")
    return Served(port, process, seconds)
