"""What /proc says of the machine's processes: proc(5)."""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple


class Stat(NamedTuple):
    """One process; `born` is in clock ticks since boot."""

    state: str
    parent: int
    session: int
    born: int


def look_up(pid: int) -> Stat | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name may hold spaces and parentheses; fields 3 on come after it.
    fields = stat.rpartition(")")[2].split()
    return Stat(fields[0], int(fields[1]), int(fields[3]), int(fields[19]))


def table() -> dict[int, Stat]:
    """Give all processes, by pid."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - hot
    return {pid: stat for pid in pids if (stat := look_up(pid))}


def born(pid: int) -> int:
    """Give the process's start, or 0 where none runs.

    Unlike a time of day it stays the same when somebody sets the clock.
    """
    stat = look_up(pid)
    return stat.born if stat and stat.state not in "ZX" else 0


def boot() -> str:
    """Give what tells this boot of the machine from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def was_told(pid: int, variable: str, value: str) -> bool:
    """Whether the process was started with this in its environment."""
    # It may end while we look, or be another user's.
    with contextlib.suppress(OSError):
        told = Path(f"/proc/{pid}/environ").read_bytes()
        return f"{variable}={value}".encode() in told.split(b"\0")
    return False
