"""The parent of a service's processes: small, synchronous, and never busy.

It opens no database and runs no loop, so that nothing can hang or break it: it forks its
children, waits for signals, ends who hangs, and starts again what died. It keeps what
was open before the fork, so a dead worker leaves its sockets' queues to its successor.

Its signals stay blocked and are waited for, one by one: there is no signal handler and
nothing that a signal could interrupt.
"""

import faulthandler
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, NoReturn

import structlog

from domicile.service import beats, lifeline
from domicile.service.watchdog import BETWEEN_LOOKS, Watchdog

_ENDS = frozenset({signal.SIGTERM, signal.SIGINT})
_WAITED_FOR = _ENDS | {signal.SIGCHLD}

_BACK_OFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
_STEADY = 20.0
"""Who lived that long, in seconds, had a start that went well: its back-off is over."""

_GRACE = 6.0
"""From SIGTERM to SIGKILL, in seconds: within 8 s all is over."""

_CRASHES = frozenset(
    {signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}
)
"""How a process ends when memory, such as a mapped file, is not what it should be."""

_STANDARD_ERROR = 2

_log = structlog.get_logger()


class Child(NamedTuple):
    """A process to keep running: what it is called, and what it does."""

    name: str
    run: Callable[[], None]


class _Place:
    """Where one child runs, or waits to be started again."""

    __slots__ = (
        "beat", "child", "crashes", "failures", "pid", "start_at", "started_at",
        "watchdog",
    )  # fmt: skip

    def __init__(self, child: Child, beat: beats.Beat) -> None:
        self.child = child
        self.beat = beat
        self.watchdog = Watchdog(beat)
        self.pid = 0
        self.failures = 0
        self.crashes = 0
        self.started_at = 0.0
        self.start_at = 0.0


def run_children(
    children: Sequence[tuple[str, Callable[[], None]]],
    grace: float = _GRACE,
    on_crashes: Callable[[str], None] = lambda _: None,
) -> None:
    """Fork the children and keep them running until SIGTERM or SIGINT.

    `on_crashes` is called with the name of a child that crashed twice in a row, before
    it is started again: it may set aside what the child crashed on. Once only, until
    the child has lived for a while, for more crashes have another cause.
    """
    _allow_many_files()
    before: set[int] = set(signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR))
    read_end, write_end = os.pipe()
    places = [
        _Place(Child(*each), beat)
        for each, beat in zip(children, beats.lay_out(len(children)), strict=True)
    ]
    look_at = time.monotonic() + BETWEEN_LOOKS
    try:
        while True:
            _start_due(places, read_end, write_end, before)
            if _wait(min([look_at, *_starts(places)])) in _ENDS:
                break
            _bury(places, on_crashes)
            if time.monotonic() >= look_at:
                _look(places)
                look_at = time.monotonic() + BETWEEN_LOOKS
        _end(places, grace)
    finally:
        os.close(write_end)
        os.close(read_end)
        # Ctrl-C reaches a parent under a parent twice; once is enough.
        while signal.sigtimedwait(_ENDS, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _allow_many_files() -> None:
    """Take all the descriptors that we may have: a connection is one, or two.

    The usual 1024 is for programs that call select(2), and none of ours does.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _start_due(
    places: Sequence[_Place], read_end: int, write_end: int, mask: set[int]
) -> None:
    now = time.monotonic()
    parent = os.getpid()
    for place in places:
        if place.pid or place.start_at > now:
            continue
        sys.stdout.flush()
        sys.stderr.flush()
        place.started_at = now
        place.watchdog.start()
        place.pid = os.fork()
        if place.pid == 0:
            os.close(write_end)
            _become(place, read_end, parent, mask)
        _log.info("started", child=place.child.name, pid=place.pid)


def _become(place: _Place, read_end: int, parent: int, mask: set[int]) -> NoReturn:
    """Run the child's function in this process, and leave without the parent's exits."""
    status = 1
    child = place.child
    try:
        for each in _WAITED_FOR:
            signal.signal(each, signal.SIG_DFL)
        faulthandler.enable(_STANDARD_ERROR)
        lifeline.attach(read_end, parent, place.beat)
        lifeline.call_process(child.name)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask - _WAITED_FOR)
        child.run()
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing may unwind into the parent's frames
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _starts(places: Sequence[_Place]) -> list[float]:
    """When those who are dead are to be started again."""
    return [place.start_at for place in places if not place.pid]


def _wait(until: float) -> int | None:
    """Give the signal that came, or None when the time is over."""
    left = max(0.0, until - time.monotonic())
    told = signal.sigtimedwait(_WAITED_FOR, left)
    return told.si_signo if told else None


def _look(places: Sequence[_Place]) -> None:
    """End who hangs, and show our own parent, if there is one, that we do not."""
    lifeline.beat()
    for place in places:
        if place.pid and (number := place.watchdog.look(place.pid)):
            _log.error("hangs", child=place.child.name, pid=place.pid, sent=number.name)
            os.kill(place.pid, number)


def _bury(places: Sequence[_Place], on_crashes: Callable[[str], None]) -> None:
    """Take note of the dead, and when they are to be started again."""
    now = time.monotonic()
    for place, status in _collect(places):
        if now - place.started_at >= _STEADY:
            place.failures = place.crashes = 0
        delay = _BACK_OFF[min(place.failures, len(_BACK_OFF) - 1)]
        place.failures += 1
        place.start_at = now + delay
        _log.warning(
            "died", child=place.child.name, status=status, starts_again_in=delay
        )
        # Who was aborted by us did not crash.
        if -status in _CRASHES and not place.watchdog.barked:
            place.crashes += 1
            if place.crashes == 2:
                _call(on_crashes, place.child.name)


def _call(on_crashes: Callable[[str], None], name: str) -> None:
    _log.error("crashed again", child=name)
    try:
        on_crashes(name)
    except Exception:  # noqa: BLE001 - the border: nothing may break the parent
        _log.exception("what it crashed on cannot be set aside", child=name)


def _collect(places: Sequence[_Place]) -> Iterator[tuple[_Place, int]]:
    """Give who has ended, with the status as subprocess tells it."""
    for place in places:
        if place.pid:
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if pid:
                place.pid = 0
                yield place, os.waitstatus_to_exitcode(status)


def _end(places: Sequence[_Place], grace: float) -> None:
    """Terminate all, and kill who is still there after the grace."""
    deadline = time.monotonic() + grace
    _signal(places, signal.SIGTERM)
    while any(place.pid for place in places):
        left = deadline - time.monotonic()
        if left <= 0:
            _signal(places, signal.SIGKILL)
            left = 1.0
        signal.sigtimedwait({signal.SIGCHLD}, left)
        for place, status in _collect(places):
            _log.info("ended", child=place.child.name, status=status)


def _signal(places: Sequence[_Place], number: signal.Signals) -> None:
    for place in places:
        if place.pid:
            os.kill(place.pid, number)
