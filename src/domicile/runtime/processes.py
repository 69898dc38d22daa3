"""Apps as plain processes, which outlive the manager that started them.

Each is a session of its own, writes to a log file (a pipe would break with its reader),
and is recorded in a small file, so that the next manager adopts it. A process waits for
its record: `read` gives end-of-file where the manager died before writing it, and
nothing has run that nobody knows of.

What leaves the session and its parent, as daemons do, is known by a word in its
environment that no other process was told.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from domicile.errors import DomicileError
from domicile.runtime import proctable
from domicile.runtime.durable import make_private, write_durably
from domicile.runtime.proctable import Stat, boot, born

# An app that calls select(2) breaks on a descriptor above 1024: that we may have more
# is not its own, unless it asks for them.
_USUAL_LIMIT = "ulimit -S -n 1024 2>/dev/null"
_WAIT_THEN_RUN = (
    f'{_USUAL_LIMIT}; cd "$1" && read -r recorded && exec /bin/sh -c "$0" </dev/null'
)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNFIT = "a NUL or half of a surrogate pair"
_GRACE = 10.0
_LOOK_EVERY = 0.05
_END, _END_NOW = signal.SIGTERM, signal.SIGKILL
# A look goes from process to process, and misses one that forks and ends meanwhile.
_LOOKS_IN_VAIN = 2

RUN = "DOMICILE_RUN"
"""The name of that word."""


class CannotStart(DomicileError):
    """A command could not be started."""


class Start(NamedTuple):
    """What to start: a command line of /bin/sh, and where."""

    name: str
    command: str
    folder: Path
    log: Path
    port: int
    environment: Mapping[str, str] = {}


class Record(msgspec.Struct, frozen=True):
    """Which process it is: its pid, and what tells it from the pid's next bearer.

    `run` is the word by which its daemons are known.
    """

    pid: int
    boot: str
    born: int
    port: int
    run: str = ""


class AppProcess:
    """A recorded process: started by us, or adopted."""

    __slots__ = ("_path", "exit_status", "record")

    def __init__(self, path: Path, record: Record) -> None:
        self._path = path
        self.record = record
        # As subprocess tells it; None also where it was adopted, and so not our child.
        self.exit_status: int | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs that was started; its children may outlive it."""
        since = born(self.record.pid)
        # After the look: what was found ended is told with its status.
        self._reap()
        same = since == self.record.born and boot() == self.record.boot
        return since != 0 and same

    def members(self) -> list[psutil.Process]:
        """Give all that still runs of its session, its daemons, and their children."""
        if boot() != self.record.boot:
            return []
        table = proctable.table()
        ours = self._in_session(table) | self._daemons(table)
        while more := {p for p, stat in table.items() if stat.parent in ours} - ours:
            ours |= more
        return _running(ours)

    def _in_session(self, table: Mapping[int, Stat]) -> set[int]:
        leader = table.get(self.record.pid)
        if leader and leader.state not in "ZX" and leader.born != self.record.born:
            return set()  # The pid is another's now.
        return {p for p, stat in table.items() if stat.session == self.record.pid}

    def _daemons(self, table: Mapping[int, Stat]) -> set[int]:
        """Give those without a parent of their session that were told our word.

        Only they are asked: what they started is found as their children.
        """
        if not self.record.run:
            return set()
        return {
            pid
            for pid, stat in table.items()
            if stat.born >= self.record.born
            and (stat.parent not in table or table[stat.parent].session != stat.session)
            and proctable.was_told(pid, RUN, self.record.run)
        }

    def note_port(self, port: int) -> None:
        """Record where the app really listens."""
        self.record = msgspec.structs.replace(self.record, port=port)
        _write(self._path, self.record)

    async def stop(self, grace: float = _GRACE) -> None:
        """Terminate all of it, kill what is left after the grace, and forget it."""
        deadline = time.monotonic() + grace
        members: set[psutil.Process] = set()
        asked: set[psutil.Process] = set()
        unseen = 0
        while unseen < _LOOKS_IN_VAIN:
            # Who has left the session is not found any more once its parent is dead.
            members = {each for each in members if _runs(each)} | set(self.members())
            late = time.monotonic() >= deadline
            _signal(members if late else members - asked, _END_NOW if late else _END)
            asked |= members
            unseen = 0 if members else unseen + 1
            await asyncio.sleep(_LOOK_EVERY if members else 0.0)
            self._reap()
        self._path.unlink(missing_ok=True)

    def _reap(self) -> None:
        if self.exit_status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.record.pid, os.WNOHANG)
                if pid:
                    self.exit_status = os.waitstatus_to_exitcode(status)


def start(order: Start, records: Path) -> AppProcess:
    """Start a process, recorded in the folder `records`; raises CannotStart."""
    make_private(records)
    wait_end, record_end = os.pipe()
    try:
        record = _spawn(order, wait_end)
        path = records / f"{order.name}.json"
        _write(path, record)
        # Never a broken pipe: we hold the other end, too.
        os.write(record_end, b"\n")
    finally:
        os.close(record_end)
        os.close(wait_end)
    return AppProcess(path, record)


def remember(path: Path, pid: int) -> AppProcess:
    """Record a process that was started by other means, a session of its own."""
    record = Record(pid, boot(), born(pid), 0)
    _write(path, record)
    return AppProcess(path, record)


def adopt(records: Path) -> dict[str, AppProcess]:
    """Give all that the folder records, alive or not, by the name it was started as."""
    found = {}
    for path in sorted(records.glob("*.json")):
        record = msgspec.json.decode(path.read_bytes(), type=Record)
        found[path.stem] = AppProcess(path, record)
    return found


async def sweep(records: Path, grace: float = _GRACE) -> None:
    """Stop all that the folder records."""
    await asyncio.gather(*(each.stop(grace) for each in adopt(records).values()))


def _spawn(order: Start, wait_end: int) -> Record:
    """Start a shell that runs the command after a line, not end-of-file, at `wait_end`."""
    run = secrets.token_hex(16)
    if fault := _fault_of(order):
        raise CannotStart(f"{order.name} cannot be started: {fault}")
    try:
        with order.log.open("ab") as log:
            pid = os.posix_spawn(
                "/bin/sh",
                ["/bin/sh", "-c", _WAIT_THEN_RUN, order.command, str(order.folder)],
                _environment(order, run),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, wait_end, 0),
                    (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                    (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=_IGNORED_BY_PYTHON,
            )
    except OSError as error:
        raise CannotStart(f"{order.name} cannot be started: {error}") from error
    return Record(pid, boot(), born(pid), order.port, run)


def _fault_of(order: Start) -> str:
    """Say what of the order the system would not take."""
    if not order.folder.is_dir():
        return f"no folder {order.folder}"
    if not order.command.strip():
        return "its command is empty"
    if not _fits(order.command):
        return f"its command has {_UNFIT}"
    for name, value in order.environment.items():
        if not name or "=" in name or not _fits(name):
            return f"{name!r} is no name of an environment variable"
        if not _fits(value):
            return f"the value of {name} in its environment has {_UNFIT}"
    return ""


def _fits(text: str) -> bool:
    """Whether it can be handed to a process: execve(2) takes bytes that end at a NUL."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _environment(order: Start, run: str) -> dict[str, str]:
    """Nothing of ours leaks into an app: no tokens, no settings."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{_SYSTEM_PATH}",
        "HOME": str(order.folder),
        "LANG": "C.UTF-8",
        **order.environment,
        RUN: run,
    }


def _write(path: Path, record: Record) -> None:
    write_durably(path, msgspec.json.encode(record), mode=0o600)


def _running(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return [each for each in found if _runs(each)]


def _runs(process: psutil.Process) -> bool:
    """Whether it is the same process as before, and no zombie."""
    return process.is_running() and born(process.pid) != 0


def _signal(members: Iterable[psutil.Process], number: signal.Signals) -> None:
    for each in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(number)
