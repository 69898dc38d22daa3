"""The end of what a folder runs: every process of it, apps included.

Each service is recorded in the folder's `run`, as each manager records its apps. So
whoever is left ends them all: who started them, or the janitor where that was killed;
and the apps of a manager that was killed are found, too.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

from domicile.runtime.processes import AppProcess, adopt, sweep

# All in all less than 10 s, with a busy machine's share.
SERVICE_SECONDS = 6.0
_APP_SECONDS = 1.0
_LOOK_SECONDS = 0.02


def service_records(data: Path) -> Path:
    """Give the folder in which the services of a host are recorded."""
    return data / "run"


def end_all(data: Path, grace: float = SERVICE_SECONDS) -> None:
    """Terminate the services, kill what is left after the grace, sweep the apps."""
    services = adopt(service_records(data)).values()
    for each in services:
        _terminate(each)
    _wait_for(services, time.monotonic() + grace)
    managers = data.glob("*/manager/run")
    asyncio.run(_sweep(service_records(data), list(managers)))


def _terminate(service: AppProcess) -> None:
    """Tell the parent only: it ends its workers, in order."""
    if service.alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(service.record.pid, signal.SIGTERM)


def _wait_for(services: Collection[AppProcess], deadline: float) -> None:
    while any(each.alive for each in services) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


async def _sweep(services: Path, managers: Collection[Path]) -> None:
    await sweep(services, grace=0)
    await asyncio.gather(*(sweep(each, _APP_SECONDS) for each in managers))
