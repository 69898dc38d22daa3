"""The demo's services, as processes that end with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from domicile.demo.ending import service_records
from domicile.errors import DomicileError
from domicile.runtime.childhood import follow
from domicile.runtime.processes import remember

_LOOK_SECONDS = 0.05
_START_SECONDS = 40.0


class DidNotStart(DomicileError):
    """A service did not start; its own words are in its log."""


class Closed(DomicileError):
    """The demo ends: nothing is started any more."""


class Running(NamedTuple):
    """A service's process, and what it was started with."""

    process: subprocess.Popen[bytes]
    service: str
    config: Path


class Services:
    """Runs `domicile SERVICE --config FILE`, each with a log of its own."""

    def __init__(self, data: Path) -> None:
        self._logs = data / "logs"
        self._records = service_records(data)
        self._running: dict[str, Running] = {}
        self._killed: dict[str, Running] = {}
        self._starting = threading.Lock()
        self._closed = False
        for folder in (self._logs, self._records):
            folder.mkdir(exist_ok=True)

    def start(self, name: str, service: str, config: Path) -> None:
        """Start one; it ends when this thread does."""
        # -P: modules lie where Domicile is installed, not where the user stands.
        command = [sys.executable, "-P", "-m", "domicile", service, "--config"]
        with self._starting, (self._logs / f"{name}.log").open("ab") as log:
            if self._closed:
                raise Closed("the demo ends: nothing is started any more")
            process = subprocess.Popen(
                [*command, str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A signal to our whole group is ours to pass on, in order.
                start_new_session=True,
                preexec_fn=follow(os.getpid()),  # noqa: PLW1509 - see there
            )
            remember(self._records / f"{name}.json", process.pid)
            self._running[name] = Running(process, service, config)

    def kill(self, *names: str) -> None:
        """Kill services with all their processes; apps run on."""
        for name in names:
            running = self._killed[name] = self._running.pop(name)
            os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait()

    def start_again(self, name: str) -> None:
        """Start one that was killed, as it was started before."""
        killed = self._killed.pop(name)
        self.start(name, killed.service, killed.config)

    def pid(self, name: str) -> int:
        return self._running[name].process.pid

    def close(self) -> None:
        """Start no more: what runs now is all that is to be ended."""
        with self._starting:
            self._closed = True

    def wait_until(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until a service does what it is for; raises DidNotStart.

        Also where another has ended meanwhile, which may be the reason.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            for dead, status in self.ended():
                raise DidNotStart(
                    f"{dead} ended with status {status}: {self._last_line(dead)}"
                )
            if time.monotonic() > deadline:
                raise DidNotStart(
                    f"{name} did not answer within {_START_SECONDS:g} s: "
                    f"see {self._log(name)}"
                )
            time.sleep(_LOOK_SECONDS)

    def ended(self) -> list[tuple[str, int]]:
        """Give those that ended since the last call, with their exit status."""
        dead = {
            name: running.process.returncode
            for name, running in self._running.items()
            if running.process.poll() is not None
        }
        for name in dead:
            del self._running[name]
        return list(dead.items())

    def table(self) -> dict[str, dict[str, object]]:
        """Give the pid and the config file of each."""
        return {
            name: {"pid": running.process.pid, "config": str(running.config)}
            for name, running in self._running.items()
        }

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _last_line(self, name: str) -> str:
        text = self._log(name).read_text(encoding="utf-8", errors="replace")
        lines = text.strip().splitlines()
        return lines[-1] if lines else f"see {self._log(name)}"
