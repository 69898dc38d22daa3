"""The processes of a benchmark: each on a core of its own, and all ended with it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from domicile.bench.errors import CannotMeasure
from domicile.runtime.childhood import follow

_GRACE_SECONDS = 5.0
_LOOK_SECONDS = 0.02

Command = Sequence[str]


class Processes:
    """Whatever was started here has ended when the block has, with all its children."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._running:
            process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in self._running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            # The group is the process's own, and may have members left.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in filter(None, (process.stdin, process.stdout)):
                pipe.close()
        self._running.clear()

    def start(self, name: str, command: Command, core: int) -> psutil.Process:
        """Start a server on a core; its words go to a log of its own."""
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_on_core(core),  # noqa: PLW1509 - see childhood.follow
            )
        self._running.append(process)
        return psutil.Process(process.pid)

    def start_to_talk(
        self, name: str, command: Command, core: int
    ) -> subprocess.Popen[bytes]:
        """Start what is told what to do by lines, and answers by lines."""
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=_on_core(core),  # noqa: PLW1509 - see childhood.follow
            )
        self._running.append(process)
        return process

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a server answers; raises CannotMeasure with its last words."""
        process = self._running[-1]
        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotMeasure(f"{name} does not answer: {self.last_line(name)}")
            time.sleep(_LOOK_SECONDS)

    def run(
        self, command: Command, core: int, seconds: float, niceness: int = 0
    ) -> str:
        """Run a program to its end on a core, and give what it printed."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_on_core(core, niceness),  # noqa: PLW1509 - see childhood.follow
        )
        self._running.append(process)
        try:
            printed, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise CannotMeasure(f"{command[0]} did not end in time") from error
        self._running.remove(process)
        if process.returncode:
            raise CannotMeasure(f"{command[0]} failed: {said.decode().strip()}")
        return printed.decode()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def last_line(self, name: str) -> str:
        text = self._log(name).read_text(encoding="utf-8", errors="replace")
        lines = text.strip().splitlines()
        return lines[-1] if lines else "it says nothing"


def cpu_seconds(process: psutil.Process) -> float:
    """Give what a server and all its children have used, in user and kernel mode."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def _on_core(core: int, niceness: int = 0) -> Callable[[], None]:
    prepare = follow(os.getpid())

    def place() -> None:
        prepare()
        os.sched_setaffinity(0, {core})
        os.nice(niceness)

    return place
