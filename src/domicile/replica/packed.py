"""A packed copy in the making: the pages of a current one, in the order of their keys."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from domicile.model.changes import Change
from domicile.replica.copy import FIRST_MAP_SIZE, Copy
from domicile.replica.successor import Shelf, flush_folder
from domicile.replica.view import View

# It rests about as long as it works: changes want the same processor.
_WITHOUT_REST = 5000
_REST_SECONDS = 0.005

Pairs = Iterable[tuple[bytes, bytes]]


class WatchedShelf(Shelf, Protocol):
    """One that knows of damage, too."""

    def damage(self) -> tuple[str, str]: ...


class Packed:
    """A packed copy in the making: `fill` it, in any thread, then let it `take_place`.

    `of` names the copy that is packed. `given_up` says that another is to come.
    """

    __slots__ = ("_copy", "_filled", "_folder", "_missed", "_shelf", "given_up", "of")

    def __init__(self, shelf: WatchedShelf, folder: Path, of: Path) -> None:
        self._shelf = shelf
        self._folder = folder
        self.of = of.name
        self._filled = False
        self._missed: list[tuple[list[Change], int, bytes]] = []
        self.given_up = False
        folder.mkdir()
        map_size = FIRST_MAP_SIZE + 2 * (of / "data.mdb").stat().st_size
        self._copy = Copy(folder, writable=True, durable=False, map_size=map_size)

    def fill(self, view: View) -> None:
        """Write what the view holds; begun before anything more is noted."""
        for name, pairs in view.everything():
            self._copy.append(getattr(self._copy, name), self._resting(pairs))
        self._copy.note_packed()
        self._copy.flush()
        self._filled = True

    @property
    def is_wanted(self) -> bool:
        """Whether it is whole, and the copy that it was made of current and sound."""
        whole = self._filled and not self.given_up
        current = self._shelf.current_name() == self.of
        return whole and current and not self._shelf.damage()[0]

    def note(self, changes: list[Change], up_to: int, chain: bytes) -> None:
        """Note a range that the current copy takes in."""
        self._missed.append((changes, up_to, chain))

    def take_place(self) -> None:
        """Catch up, and become current; raises ReplicaFault."""
        for changes, up_to, chain in self._missed:
            self._copy.apply(changes, up_to, chain)
        self._copy.flush()
        self._copy.close()
        flush_folder(self._folder)
        self._shelf.swap(self._folder.name)

    def leave(self) -> None:
        """Let go of it; what is not current is removed."""
        self._copy.close()
        if self._shelf.current_name() != self._folder.name:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _resting(self, pairs: Pairs) -> Iterator[tuple[bytes, bytes]]:
        for count, pair in enumerate(pairs, 1):
            yield pair
            if not count % _WITHOUT_REST:
                if self.given_up:
                    return
                time.sleep(_REST_SECONDS)
