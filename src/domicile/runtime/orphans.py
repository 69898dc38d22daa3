"""Processes whose parent has ended, below a process that takes them in.

Without that they would go to the machine's first process, which in many a container
buries nobody.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Collection
from pathlib import Path

from domicile.runtime import proctable

_PR_SET_CHILD_SUBREAPER = 36


def take_in() -> None:
    """Become the parent of all below us that lose theirs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def bury(others: Collection[int]) -> None:
    """Collect the children that have ended; not the others, whom somebody waits for."""
    for pid in _children() - set(others):
        stat = proctable.look_up(pid)
        if stat and stat.state == "Z":
            # Whoever waits for all of ours may have been faster.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _children() -> set[int]:
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        # A thread may end meanwhile; some kernels do not tell.
        with contextlib.suppress(OSError):
            found |= set(map(int, (thread / "children").read_text("ascii").split()))
    return found
