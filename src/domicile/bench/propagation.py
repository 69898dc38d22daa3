"""How soon a change is answered by every worker, counted from its commit.

The kernel gives a datagram to a worker by its addresses and ports, so a socket of ours
reaches the same worker each time. Which one that is shows on a server that is idle: who
answers is who was woken. So there is one socket for each worker, and after a commit each
of them is asked until it gives the new answer.
"""

import re
import secrets
import socket
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import dns.message
import psutil

from domicile.bench.errors import CannotMeasure
from domicile.bench.machine import cores
from domicile.bench.moves import DONE, READY, TOKEN, Move
from domicile.bench.names import host_of
from domicile.bench.processes import Processes
from domicile.clock import monotonic
from domicile.runtime.ports import free_port

# A change that takes longer counts as one that took so long.
_LONGEST = 5.0
_LOST_AFTER = 0.2
# Who is woken for all of these is who answers them.
_ASKED = 20
_TRIES = 1000
_SWITCHES = re.compile(r"^voluntary_ctxt_switches:\s+(\d+)$", re.MULTILINE)


class Seen(NamedTuple):
    """How long changes took that were waited for, of all; how often that was asked."""

    delays: list[float]
    changes: int
    asked: int


class Directory:
    """The directory that makes changes, in a process of its own."""

    def __init__(self, folder: Path, names: int, processes: Processes) -> None:
        """Start it, and wait until it serves; raises CannotMeasure."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.token = TOKEN
        command = [sys.executable, "-P", "-m", "domicile.bench.changing"]
        self._process = processes.start_to_talk(
            "changing",
            [*command, str(folder), str(port), str(names)],
            cores().generator,
        )
        if next(self._lines(), "") != READY:
            raise CannotMeasure(
                f"the directory does not start: {processes.last_line('changing')}"
            )

    def change(self, seconds: float, rate: float) -> Iterator[Move]:
        """Have it make changes, and give each when it was made."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds} {rate}\n".encode())
        self._process.stdin.flush()
        for line in self._lines():
            if line == DONE:
                return
            yield Move.parse(line)
        raise CannotMeasure("the directory ended while it made changes")

    def _lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.decode().strip()


class Prober:
    """Asks every worker of a name server, by a socket for each; to be used as a block."""

    def __init__(self, port: int, server: psutil.Process, workers: int) -> None:
        """Find the workers, while nobody else asks; raises CannotMeasure."""
        self._port = port
        self._server = server
        self._asked = 0
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(_TRIES):
            if len(self._sockets) == workers:
                return
            self._look_for_another()
        self._close()
        raise CannotMeasure(
            f"only {len(self._sockets)} of {workers} workers were seen to answer"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        for each in self._sockets.values():
            each.close()

    def watch(self, moves: Iterable[Move]) -> Seen:
        """Wait for one change after the other to be answered by all.

        What was committed while an earlier one was waited for is left out.
        """
        delays: list[float] = []
        changes, self._asked, free = 0, 0, 0.0
        for move in moves:
            changes += 1
            if move.at >= free:
                free = self._wait_for(move)
                delays.append(free - move.at)
        return Seen(delays, changes, self._asked)

    def _wait_for(self, move: Move) -> float:
        """Give when every worker answered so."""
        query = _query(move.host)
        wanted = IPv4Address(move.address).packed
        for worker in self._sockets.values():
            # The one record of the answer is its end.
            while not self._ask(worker, query).endswith(wanted):
                if monotonic() > move.at + _LONGEST:
                    break
        return monotonic()

    def _ask(self, worker: socket.socket, query: bytes) -> bytes:
        self._asked += 1
        ident = secrets.token_bytes(2)
        worker.send(ident + query[2:])
        try:
            while not (reply := worker.recv(4096)).startswith(ident):
                continue
        except TimeoutError:
            return b""
        return reply

    def _look_for_another(self) -> None:
        """Keep a new socket if it reaches a worker that none has reached."""
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asking.settimeout(_LOST_AFTER)
        asking.connect(("127.0.0.1", self._port))
        query = _query(host_of(0))
        before = _wakes(self._server)
        for _ in range(_ASKED):
            self._ask(asking, query)
        woken = [
            pid
            for pid, wakes in _wakes(self._server).items()
            if wakes - before.get(pid, wakes) >= _ASKED
        ]
        if len(woken) == 1 and woken[0] not in self._sockets:
            self._sockets[woken[0]] = asking
        else:
            asking.close()


def _wakes(server: psutil.Process) -> dict[int, int]:
    """Give how often each process of a server has waited, and was woken."""
    found = {}
    for each in server.children(recursive=True):
        status = Path("/proc", str(each.pid), "status").read_text(encoding="ascii")
        if switches := _SWITCHES.search(status):
            found[each.pid] = int(switches[1])
    return found


def _query(host: str) -> bytes:
    return dns.message.make_query(host, "A", use_edns=False).to_wire()
