"""The services of a host, as processes that end with who started them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from domicile.errors import DomicileError
from domicile.host.ending import service_records
from domicile.runtime.childhood import follow
from domicile.runtime.processes import remember

_LOOK_SECONDS = 0.05
_START_SECONDS = 40.0
# Over a slow line; what takes longer the demo does without.
_RUN_SECONDS = 90.0


class DidNotStart(DomicileError):
    """A service did not start; its own words are in its log."""


class Closed(DomicileError):
    """The end has begun: nothing is started any more."""


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
        self._over: dict[str, Running] = {}
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
                raise Closed("the end has begun: nothing is started any more")
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

    def run(self, name: str, command: Sequence[str], folder: Path) -> str:
        """Run what is no service to its end; gives its last word where it failed."""
        record = self._records / f"{name}.json"
        with self._starting, (self._logs / f"{name}.log").open("wb") as log:
            if self._closed:
                raise Closed("the demo ends: nothing is started any more")
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=follow(os.getpid()),  # noqa: PLW1509 - see there
            )
            remember(record, process.pid)
        try:
            status = process.wait(_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it was not done within {_RUN_SECONDS:g} s"
        finally:
            record.unlink(missing_ok=True)
        return f"see {self._log(name)}" if status else ""

    def kill(self, *names: str) -> None:
        """Kill services with all their processes; apps run on."""
        for name in names:
            running = self._over[name] = self._running.pop(name)
            os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait()

    def start_again(self, name: str) -> None:
        """Start one that was killed or has ended, as it was started before."""
        before = self._over.pop(name)
        self.start(name, before.service, before.config)

    def pid(self, name: str) -> int:
        return self._running[name].process.pid

    def close(self) -> None:
        """Start no more: what runs now is all that is to be ended."""
        with self._starting:
            self._closed = True

    def wait_until(
        self, name: str, ready: Callable[[], bool], why: Callable[[], str] = str
    ) -> None:
        """Wait until a service does what it is for; raises DidNotStart.

        Also where another has ended meanwhile, which may be the reason. `why` gives
        what is wrong with one that runs, by its own word.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            for dead, status in self.ended():
                raise DidNotStart(
                    f"{dead} ended with status {status}: {self._last_line(dead)}"
                )
            if time.monotonic() > deadline:
                reason = why() or f"see {self._log(name)}"
                raise DidNotStart(
                    f"{name} is not ready after {_START_SECONDS:g} s: {reason}"
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
            self._over[name] = self._running.pop(name)
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
