"""Shows how far a snapshot is that a follower takes in: by log lines, and to people.

On a terminal there is a bar at its bottom for as long as the snapshot takes.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import structlog

from domicile.clock import Clock, monotonic
from domicile.replica.answer import Arrival

if TYPE_CHECKING:
    from rich.progress import Progress

BETWEEN_LINES: Final = 10.0
_BETWEEN_LOOKS: Final = 0.25

_log = structlog.get_logger()

Look = Callable[[], Arrival | None]


async def show_arrival(look: Look) -> None:
    """Show it until cancelled; `look` gives how far it is."""
    lines, bar = Lines(), Bar()
    try:
        while True:
            arrival = look()
            lines.show(arrival)
            bar.show(arrival)
            await asyncio.sleep(_BETWEEN_LOOKS)
    finally:
        bar.show(None)


class Lines:
    """Logs how far it is now and then, if it takes so long, and at last that it is over."""

    __slots__ = ("_clock", "_last", "_next", "_told")

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._next = 0.0
        self._last: Arrival | None = None
        self._told = False

    def show(self, arrival: Arrival | None) -> None:
        now = self._clock()
        if arrival is None:
            if self._told and self._last is not None:
                _log.info("no snapshot arrives any more", records=self._last.came)
            self._told = False
        elif self._last is None:
            self._next = now + BETWEEN_LINES
        elif now >= self._next:
            self._next, self._told = now + BETWEEN_LINES, True
            came, written, of = arrival
            _log.info("a snapshot arrives", records=came, written=written, of=of)
        self._last = arrival


class Bar:
    """The bar; without a terminal there is none."""

    __slots__ = ("_progress",)

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def show(self, arrival: Arrival | None) -> None:
        if arrival is None or not sys.stderr.isatty():
            self._end()
            return
        done, total = arrival.came + arrival.written, 2 * arrival.expected or None
        if self._progress is None:
            self._progress = _bar()
            self._progress.add_task("all records", total=total, completed=done)
            self._progress.start()
        (task,) = self._progress.task_ids
        self._progress.update(task, completed=done, total=total, refresh=True)

    def _end(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _bar() -> "Progress":
    # Only here: no other process needs it, and it is not small.
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        # What is logged goes its own way.
        redirect_stdout=False,
        redirect_stderr=False,
    )
