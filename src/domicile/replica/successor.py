"""A copy in the making, to take the place of the current one.

What arrives is gathered on the disk. At the end it is written in the order of its keys,
and by what it then is: a range from the start may have written a record twice.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from domicile.model.changes import NO_CHAIN, Change
from domicile.replica.copy import FIRST_MAP_SIZE, Copy
from domicile.replica.gathering import Gathering
from domicile.replica.layout import checked, index_of, kind_at, place_of, read, stored

# It only reserves addresses; the map grows where this was not enough.
_MAP_OF_SIZE = 4


class Shelf(Protocol):
    """Where copies lie, of which one is current."""

    def current_name(self) -> str: ...

    def swap(self, name: str, /) -> None: ...


class Successor:
    """Gathers changes; `finish` makes a copy of them, and has it take its place.

    `written` counts the records that are in the copy already.
    """

    __slots__ = (
        "_counts", "_folder", "_index", "_number", "_records", "_shelf", "written",
    )  # fmt: skip

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        self._shelf = shelf
        self._folder = folder
        folder.mkdir(parents=True)
        self._records = Gathering(folder, "records")
        self._index = Gathering(folder, "index")
        self._counts: Counter[str] = Counter()
        self._number = 0
        self.written = 0

    def add(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._number += 1
            place = place_of(change.kind, change.key)
            value = None if change.value is None else stored(place, change.value)
            self._records.add(place, self._number, value)

    def finish(self, up_to: int, chain: bytes = NO_CHAIN) -> None:
        """Make it durable, then current."""
        size = FIRST_MAP_SIZE + _MAP_OF_SIZE * self._records.size
        copy = Copy(self._folder, writable=True, durable=False, map_size=size)
        try:
            copy.append(copy.records, self._write_records())
            index = self._index.in_order()
            copy.append(copy.index, ((key, value) for key, _, value in index))
            copy.finish(up_to, chain, self._counts)
            copy.note_packed()
            copy.flush()
        finally:
            copy.close()
        flush_folder(self._folder)
        self._shelf.swap(self._folder.name)

    def abandon(self) -> None:
        """Remove it, unless it became current before something failed."""
        if self._shelf.current_name() != self._folder.name:
            shutil.rmtree(self._folder)

    def _write_records(self) -> Iterator[tuple[bytes, bytes]]:
        """Give the records in order, and gather what they have in the index."""
        for place, number, value in self._records.in_order():
            kind = kind_at(place)
            self._counts[kind] += 1
            record = read(kind, checked(place, value))
            for key, entry in index_of(place, kind, record).items():
                self._index.add(key, number, entry)
            self.written += 1
            yield place, value


def flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
