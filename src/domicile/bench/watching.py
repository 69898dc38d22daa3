"""What whoever started a benchmark sees of it while it goes on: on a terminal only."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, track
from rich.status import Status

Item = TypeVar("Item")

_console = Console(stderr=True)


def watched(items: Sequence[Item], what: str) -> Iterable[Item]:
    """Give the items, with a bar that says how many were taken."""
    hidden = not _console.is_terminal
    return track(items, what, console=_console, transient=True, disable=hidden)


def waiting(what: str) -> AbstractContextManager[Status]:
    """Say what is waited for, during the block."""
    return _console.status(what)


def bar() -> Progress:
    """Make a bar for what is done step by step, during a block."""
    hidden = not _console.is_terminal
    return Progress(console=_console, transient=True, disable=hidden)
