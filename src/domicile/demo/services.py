"""The demo's services, as processes that end with it."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from domicile.errors import DomicileError

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 8.0
_LOOK_SECONDS = 0.05
_START_SECONDS = 30.0


class ServiceEnded(DomicileError):
    """A service did not start; its own words are in its log."""


class Services:
    """Runs `domicile SERVICE --config FILE`, each with a log of its own."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, service: str, config: Path) -> None:
        command = [str(Path(sys.executable).with_name("domicile")), service]
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*command, "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A signal to our whole group is ours to pass on, in order.
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - we have no threads
            )

    def wait_until(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until a service is ready; raises ServiceEnded."""
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            if self._running[name].poll() is not None or time.monotonic() > deadline:
                raise ServiceEnded(f"{name} did not start: {self._last_line(name)}")
            time.sleep(_LOOK_SECONDS)

    def ended(self) -> list[tuple[str, int]]:
        """Give those that ended since the last call, with their exit status."""
        dead = {
            name: process.returncode
            for name, process in self._running.items()
            if process.poll() is not None
        }
        for name in dead:
            del self._running[name]
        return list(dead.items())

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    def stop(self) -> None:
        """End all, and kill what is left after the grace."""
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _last_line(self, name: str) -> str:
        path = self._logs / f"{name}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"see {path}"


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
