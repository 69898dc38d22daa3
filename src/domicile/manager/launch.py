"""Starts an app and finds where its web server listens, whatever PORT it was told."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from domicile.clock import monotonic
from domicile.config import Address
from domicile.errors import DomicileError
from domicile.manager.watch import holders_at
from domicile.model.records import Release, Residence
from domicile.runtime.listeners import ANY_ADDRESS, all_listeners, at, listening
from domicile.runtime.ports import of_the_app
from domicile.runtime.processes import AppProcess, Start, start

START_SECONDS = 30.0  # how long an app may take to open its port and answer
_LOOK_SECONDS = 0.05
# A daemon in the making, that forks and ends, or turns into another program, is missed
# by a look that goes from process to process; not by every look.
_LOOKS_IN_VAIN = 3
_ANSWER_SECONDS = 5.0
_LAST_LINES = 5
_TAIL_BYTES = 4096
_ITS_WORDS = "; its log ends: "


class DidNotStart(DomicileError):
    """The app does not run, or its web server cannot be asked."""


class Order(NamedTuple):
    """What to start: the residence's release, in this folder, on this machine."""

    residence: Residence
    release: Release
    folder: Path
    log: Path
    host: str
    port: int

    @property
    def name(self) -> str:
        return f"{self.residence.app}-{self.residence.generation}"


def environment(order: Order) -> Mapping[str, str]:
    """Give what the app is told; ours win over the release's own of the same name."""
    return {
        **order.release.environment,
        "HOST": order.host,
        "PORT": str(order.port),
        "DOMICILE_APP": order.residence.name,
        "DOMICILE_CLUSTER": order.residence.cluster,
        "DOMICILE_GENERATION": str(order.residence.generation),
    }


def begin(order: Order, records: Path) -> AppProcess:
    """Start the app's process; raises CannotStart."""
    told = environment(order)
    command, folder = order.release.command, order.folder
    asked = Start(order.name, command, folder, order.log, order.port, told)
    return start(asked, records)


async def find_endpoint(process: AppProcess, order: Order, seconds: float) -> Address:
    """Wait until the app's process tree listens and answers; raises DidNotStart."""
    deadline = monotonic() + seconds
    endpoint = None
    unseen = 0
    while monotonic() < deadline:
        found = of_the_app(listening(process.members()), order.port)
        endpoint = reachable(found, order.host) if found else None
        if endpoint:
            refuse_shared(process, endpoint, order.residence.name)
            if await answers(endpoint, deadline - monotonic()):
                return endpoint
        unseen = 0 if process.alive or process.members() else unseen + 1
        if unseen >= _LOOKS_IN_VAIN:
            raise DidNotStart(
                f"{order.residence.name} ended with status {process.exit_status} "
                f"before it listened{_last_words(order.log)}"
            )
        await asyncio.sleep(_LOOK_SECONDS)
    if endpoint is None:
        raise DidNotStart(
            f"{order.residence.name} opened no port within {seconds:g} s: it shall "
            f"listen at the address HOST and the port PORT{_last_words(order.log)}"
        )
    raise DidNotStart(
        f"{order.residence.name} listens on port {endpoint.port} but answered no "
        f"HTTP request within {seconds:g} s{_last_words(order.log)}"
    )


def refuse_shared(process: AppProcess, endpoint: Address, name: str) -> None:
    """Go on only where connections come to the app alone; raises DidNotStart."""
    if at(endpoint, all_listeners()) and not holders_at(process, endpoint):
        raise DidNotStart(
            f"{name} listens on port {endpoint.port}, and so does another process at "
            f"{endpoint}: its requests would not all be its own"
        )


def reachable(endpoint: Address, host: str) -> Address:
    """Say where to connect: who listens on all addresses listens on `host`, too."""
    return Address(host, endpoint.port) if endpoint.host in ANY_ADDRESS else endpoint


async def answers(endpoint: Address, seconds: float) -> bool:
    """Whether a web server answers `GET /` there in time, with whatever status."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(min(seconds, _ANSWER_SECONDS)):
            reader, writer = await asyncio.open_connection(*endpoint)
            try:
                request = f"GET / HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n"
                writer.write(f"{request}\r\n".encode())
                return (await reader.read(5)).startswith(b"HTTP/")
            finally:
                writer.close()
    return False


def _last_words(log: Path) -> str:
    """Give the end of the app's log, for an error that its owner will read."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
        if lines:
            return _ITS_WORDS + " | ".join(lines[-_LAST_LINES:])
    return ""


def without_its_words(error: str) -> str:
    """Leave out what the app said: it may be secret, and its owner's alone to read."""
    return error.partition(_ITS_WORDS)[0]
