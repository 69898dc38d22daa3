"""What whoever started a benchmark sees of it, on standard error, while it goes on."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from rich.console import Console
from rich.progress import track
from rich.status import Status

Item = TypeVar("Item")


def watched(items: Sequence[Item], what: str) -> Iterable[Item]:
    """Give the items, with a bar that says how many were taken."""
    return track(items, what, console=Console(stderr=True), transient=True)


def waiting(what: str) -> AbstractContextManager[Status]:
    """Say what is waited for, during the block."""
    return Console(stderr=True).status(what)
