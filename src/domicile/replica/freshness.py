"""When a follower last had a feed answer: one timestamp that all its workers see.

Eight bytes of the machine's monotonic clock in a mapped file beside the replica. The
follower writes them, every worker reads them, and neither makes a system call for it.
"""

import math
import mmap
from contextlib import suppress
from pathlib import Path

from domicile.clock import Clock, monotonic

BEHIND_AFTER_SECONDS = 5.0

_SIZE = 8


class Freshness:
    """The timestamp of the last whole answer; a missing file means never."""

    __slots__ = ("_clock", "_path", "_seconds", "_writable")

    def __init__(self, path: Path, *, writable: bool, clock: Clock = monotonic) -> None:
        self._path = path
        self._writable = writable
        self._clock = clock
        self._seconds: memoryview[float] | None = None

    def stamp(self) -> None:
        """Note that a whole answer was just taken in."""
        if self._seconds is None:
            self._create()
            self._seconds = self._map()
        assert self._seconds is not None
        self._seconds[0] = self._clock()

    def age(self) -> float:
        """Give the seconds since the last answer, infinite where there was none."""
        if self._seconds is None:
            self._seconds = self._map()
        if self._seconds is None:
            return math.inf
        stamped = self._seconds[0]
        age = self._clock() - stamped
        # The machine's clock starts anew with the machine: a stamp from the future
        # was made before that. Zero is a file just made, not yet stamped.
        return age if stamped and age >= 0 else math.inf

    def behind(self) -> bool:
        return self.age() > BEHIND_AFTER_SECONDS

    def _create(self) -> None:
        # Never truncated and never replaced: the workers have it mapped.
        with self._path.open("ab") as file:
            if file.tell() < _SIZE:
                file.truncate(_SIZE)

    def _map(self) -> "memoryview[float] | None":
        access = mmap.ACCESS_WRITE if self._writable else mmap.ACCESS_READ
        with suppress(FileNotFoundError, ValueError):
            with self._path.open("r+b" if self._writable else "rb") as file:
                mapped = mmap.mmap(file.fileno(), _SIZE, access=access)
            # An aligned double is stored and loaded whole, never half.
            return memoryview(mapped).cast("d")
        return None
