"""Puts in order what no memory holds: in runs on the disk, each in order, then merged.

A B-tree that takes millions of records in any order rewrites two pages for each, and
leaves a third of every page empty; one that takes them in order writes a page once.
"""

import heapq
from collections.abc import Iterator
from pathlib import Path

import msgspec

# Some 30 MB.
_HELD = 100_000
# So many of a run are read at once.
_AT_ONCE = 500
_LENGTH = 4

# A key, the number of the writing, and the value; None where the key went.
Item = tuple[bytes, int, bytes | None]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Item]).decode


class Gathering:
    """Takes values for keys in any order, and gives the last of each in order of key.

    Its runs are files in the folder, beginning with the name. Raises OSError.
    """

    __slots__ = ("_folder", "_held", "_most", "_name", "_runs", "size")

    def __init__(self, folder: Path, name: str, most: int = _HELD) -> None:
        """`most` are held in memory."""
        self._folder = folder
        self._name = name
        self._most = most
        self._held: list[Item] = []
        self._runs: list[Path] = []
        self.size = 0

    def add(self, key: bytes, number: int, value: bytes | None) -> None:
        """Add a value, or that the key went; of one key, the highest number counts."""
        self._held.append((key, number, value))
        self.size += len(key) + len(value or b"")
        if len(self._held) >= self._most:
            self._put_aside()

    def in_order(self) -> Iterator[tuple[bytes, int, bytes]]:
        """Give what there is, in order of key; the runs go with the last."""
        self._held.sort()
        last: Item = (b"", 0, None)
        for item in heapq.merge(self._held, *map(_read, self._runs)):
            if last[2] is not None and last[0] != item[0]:
                yield last[0], last[1], last[2]
            last = item
        if last[2] is not None:
            yield last[0], last[1], last[2]
        self._held = []
        for run in self._runs:
            run.unlink()

    def _put_aside(self) -> None:
        self._held.sort()
        path = self._folder / f"{self._name}-{len(self._runs)}"
        with path.open("wb") as file:
            for start in range(0, len(self._held), _AT_ONCE):
                some = _encode(self._held[start : start + _AT_ONCE])
                file.write(len(some).to_bytes(_LENGTH, "big") + some)
        self._runs.append(path)
        self._held = []


def _read(run: Path) -> Iterator[Item]:
    with run.open("rb") as file:
        while length := file.read(_LENGTH):
            yield from _decode(file.read(int.from_bytes(length, "big")))
