"""Signs of life: one number for each child, in memory shared before the fork.

A child's loop adds to its number again and again; its parent, which knows nothing of
loops, looks whether it rises. What counts is looks in vain, and no clock is read: who
was stopped or suspended together with the parent is not taken for dead.
"""

import asyncio
import mmap
from collections.abc import Iterator

BETWEEN_BEATS = 0.5
"""How often a loop shows that it runs, in seconds: at least once between two looks."""

_SIZE = 8


class Beat:
    """One child's number; zero until its loop runs."""

    __slots__ = ("_number",)

    def __init__(self, number: memoryview) -> None:
        self._number = number

    @property
    def count(self) -> int:
        return int(self._number[0])

    def reset(self) -> None:
        self._number[0] = 0

    def add(self) -> None:
        self._number[0] += 1

    def keep_adding(self, loop: asyncio.AbstractEventLoop) -> None:
        """Add now, and as long as the loop runs: also while it drains."""
        self.add()
        loop.call_later(BETWEEN_BEATS, self.keep_adding, loop)


def lay_out(children: int) -> Iterator[Beat]:
    """Give one to each child, before they are forked."""
    numbers = memoryview(mmap.mmap(-1, max(1, children) * _SIZE)).cast("q")
    for place in range(children):
        yield Beat(numbers[place : place + 1])
