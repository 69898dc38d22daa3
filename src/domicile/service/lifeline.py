"""A child's side of its parent: when to end, and that it lives.

The parent keeps the write end of a pipe and never writes. However it dies, the kernel
closes that end, and every child reads end-of-file.
"""

import asyncio
import ctypes
import os
import select
import signal
import sys
import threading
import time

from domicile.service.beats import Beat

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15

_LATE_SECONDS = 15.0
"""Longer than any drain: who has not ended by then after its parent hangs."""

_pipe: int | None = None
"""The read end, in a child. A process has one parent, as it has one signal table."""

_beat: Beat | None = None
"""What its parent looks at, in a child."""


def attach(read_end: int, parent: int, own: Beat) -> None:
    """In a child just forked: hold on to the pipe, and end if `parent` is gone."""
    global _pipe, _beat
    _pipe, _beat = read_end, own
    if sys.platform == "linux":
        # Survives exec, where the pipe does not, and also ends a child that is stuck.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)


def call_process(name: str) -> None:
    """Name this process for `ps -o comm`, `top` and `pstree`: 15 bytes are shown."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def beat() -> None:
    """Show the parent that we live, where there is no loop to do it."""
    if _beat is not None:
        _beat.add()


async def wait_for_end(loop: asyncio.AbstractEventLoop) -> None:
    """Wait for SIGTERM, SIGINT or the parent's death; the parent sees that we live.

    The signals stay caught until the loop closes: Ctrl-C reaches a child twice, from
    the terminal and by way of its parent, and the second must not cut its drain.
    """
    if _beat is not None:
        _beat.keep_adding(loop)
    end = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, end.set)
    if _pipe is not None:
        loop.add_reader(_pipe, end.set)
        late = threading.Thread(target=_end_anyway, args=(_pipe,), daemon=True)
        late.start()
    try:
        await end.wait()
    finally:
        if _pipe is not None:
            loop.remove_reader(_pipe)


def _end_anyway(read_end: int) -> None:
    """End a child whose parent has died, also where its loop hangs: nobody else would."""
    # A loop may have set it not to block a read.
    ended = select.poll()
    ended.register(read_end)
    ended.poll()
    time.sleep(_LATE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
