"""`domicile bench size`: what so many apps take of disk, memory and time to a start."""

import random
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from tempfile import TemporaryDirectory
from typing import Any

import dns.message
import psutil

from domicile.bench.ending import ends_on_sigterm
from domicile.bench.errors import CannotMeasure
from domicile.bench.machine import Say, cores
from domicile.bench.makes import Make
from domicile.bench.names import host_of
from domicile.bench.nameservers import Wanted, fill_ours, servers
from domicile.bench.processes import Processes
from domicile.dns.name import name_from_text
from domicile.runtime.ports import free_port

# As many as a worker remembers the replies of, and more.
_ASKED = 200_000
_AT_ONCE = 50
_MB = 1_000_000
_KIB = 1024
_BLOCK = 512
# It is looked at so often whether a server answers.
_LOOK_SECONDS = 0.005
_START_SECONDS = 60.0


def bench_size(names: int, say: Say) -> Iterator[dict[str, Any]]:
    """Make a replica of so many apps, start a name server on it, and measure both."""
    with ends_on_sigterm(), TemporaryDirectory(prefix="domicile-bench-") as folder:
        path = Path(folder)
        say(f"{names:,} names: a replica is written")
        begun, cpu = time.monotonic(), time.process_time()
        fill_ours(path, names)
        written, cpu = time.monotonic() - begun, time.process_time() - cpu
        data = path / Make.DOMICILE / "replica" / "current" / "data.mdb"
        size = data.stat().st_blocks * _BLOCK
        with Processes(path) as processes:
            say(f"{names:,} names: a name server starts, and is asked for {_ASKED:,}")
            begun = time.monotonic()
            process, port = _start(path, processes)
            with closing(_connected(port)) as asking:
                _wait_for_answer(asking, process)
                seconds = time.monotonic() - begun
                before = _own_memory(process)
                _ask_many(asking, names)
            yield {
                "names": names,
                "disk_mb": round(size / _MB),
                "bytes_per_name": round(size / names),
                "written_s": round(written, 1),
                "written_cpu_s": round(cpu, 1),
                "first_answer_s": round(seconds, 2),
                "worker_mb_at_first": round(before / _MB, 1),
                "worker_mb": round(_own_memory(process) / _MB, 1),
            }


def _start(path: Path, processes: Processes) -> tuple[psutil.Process, int]:
    # Nobody is there to be followed.
    wanted = Wanted(path / "zone", directory="http://127.0.0.1:1")
    port = free_port([])
    command = servers(wanted)[Make.DOMICILE].prepare(path / Make.DOMICILE, port)
    assert command is not None
    return processes.start(Make.DOMICILE, command, cores().server), port


def _connected(port: int) -> socket:
    asking = socket(AF_INET, SOCK_DGRAM)
    asking.connect(("127.0.0.1", port))
    asking.settimeout(_LOOK_SECONDS)
    return asking


def _wait_for_answer(asking: socket, process: psutil.Process) -> None:
    question = _question(0)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.is_running():
        with suppress(OSError):
            asking.send(question)
            if dns.message.from_wire(asking.recv(65535)).answer:
                return
        time.sleep(_LOOK_SECONDS)
    raise CannotMeasure("our name server does not answer")


def _ask_many(asking: socket, names: int) -> None:
    """Ask for names here and there, so that all that is read of the replica was read."""
    chance = random.Random(names)  # noqa: S311 - a load, and no secret
    asking.settimeout(1.0)
    for _ in range(min(_ASKED, 2 * names) // _AT_ONCE):
        for number in (chance.randrange(names) for _ in range(_AT_ONCE)):
            asking.send(_question(number))
        with suppress(TimeoutError):
            for _ in range(_AT_ONCE):
                asking.recv(65535)


def _question(number: int) -> bytes:
    header = bytes((0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    return header + name_from_text(host_of(number)) + bytes((0, 1, 0, 1))


def _own_memory(parent: psutil.Process) -> int:
    """Give the most octets that a child has resident, beside the mapped replica.

    Of all children: the follower has no more than that to do.
    """
    return max(map(_beside_the_map, parent.children()))


def _beside_the_map(process: psutil.Process) -> int:
    resident = 0
    path = ""
    with Path(f"/proc/{process.pid}/smaps").open(encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                path = words[-1]
            elif words[0] == "Rss:" and not path.endswith("data.mdb"):
                resident += int(words[1]) * _KIB
    return resident
