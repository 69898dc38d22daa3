"""When a follower last had a feed answer: one timestamp that all its workers see.

Eight bytes of the machine's monotonic clock in a mapped file beside the replica. The
follower writes them, and every worker reads them without a system call. Where the file
was removed with all that was beside it, the follower makes another, which who finds its
own to be stale looks for.
"""

import math
import mmap
import os
from contextlib import suppress
from pathlib import Path

from domicile.clock import Clock, monotonic

BEHIND_AFTER_SECONDS = 5.0

_SIZE = 8
_NONE = (0, 0)


class Freshness:
    """The timestamp of the last whole answer; a missing file means never."""

    __slots__ = ("_clock", "_file", "_path", "_seconds", "_writable")

    def __init__(self, path: Path, *, writable: bool, clock: Clock = monotonic) -> None:
        self._path = path
        self._writable = writable
        self._clock = clock
        self._seconds: memoryview[float] | None = None
        self._file = _NONE

    def stamp(self) -> None:
        """Note that a whole answer was just taken in."""
        if self._seconds is None:
            self._create()
            self._map()
        elif _identify(self._path) != self._file:
            # Nor need its folder be there: who has the old file mapped reads it on.
            with suppress(FileNotFoundError):
                self._create()
                self._map()
        assert self._seconds is not None
        self._seconds[0] = self._clock()

    def age(self) -> float:
        """Give the seconds since the last answer, infinite where there was none."""
        age = self._mapped_age()
        if age > BEHIND_AFTER_SECONDS and _identify(self._path) != self._file:
            self._map()
            age = self._mapped_age()
        return age

    def _mapped_age(self) -> float:
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

    def _map(self) -> None:
        """Map what there is; where that is nothing, what was mapped stays."""
        access = mmap.ACCESS_WRITE if self._writable else mmap.ACCESS_READ
        with suppress(FileNotFoundError, ValueError):
            with self._path.open("r+b" if self._writable else "rb") as file:
                mapped = mmap.mmap(file.fileno(), _SIZE, access=access)
                status = os.fstat(file.fileno())
            # An aligned double is stored and loaded whole, never half.
            self._seconds = memoryview(mapped).cast("d")
            self._file = status.st_dev, status.st_ino


def _identify(path: Path) -> tuple[int, int]:
    """Give what tells a file from another of its name; of none, nothing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return _NONE
