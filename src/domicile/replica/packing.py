"""Packs a copy that has grown: what is written later splits full pages in halves.

Beside the current copy one is written in the order of keys, of a view, while the current
one is followed on; what came meanwhile is written into it at the end, and it takes its
place. So nobody is served anything older than before, and nobody waits.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from domicile.clock import Clock, monotonic
from domicile.model.changes import Change
from domicile.replica.copy import FIRST_MAP_SIZE, Copy
from domicile.replica.faults import ReplicaFault
from domicile.replica.successor import flush_folder

if TYPE_CHECKING:
    from domicile.replica.replica import Replica
    from domicile.replica.view import View

_BETWEEN_LOOKS = 60.0
# At once after it, the first changes split the most pages; and where it failed, there
# is still no room.
_BETWEEN_PACKINGS = 3600.0
# It rests about as long as it works: changes want the same processor.
_WITHOUT_REST = 5000
_REST_SECONDS = 0.005

Pairs = Iterable[tuple[bytes, bytes]]

_logger = logging.getLogger(__name__)


class Packed:
    """A packed copy in the making: `fill` it, in any thread, then let it `take_place`.

    `of` names the copy that is packed. `given_up` says that another is to come.
    """

    __slots__ = ("_copy", "_filled", "_folder", "_missed", "_replica", "given_up", "of")

    def __init__(self, replica: Replica, folder: Path, of: Path) -> None:
        self._replica = replica
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
        current = self._replica.current_name() == self.of
        return whole and current and not self._replica.damage()[0]

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
        self._replica.swap(self._folder.name)

    def leave(self) -> None:
        """Let go of it; what is not current is removed."""
        self._copy.close()
        if self._replica.current_name() != self._folder.name:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _resting(self, pairs: Pairs) -> Iterator[tuple[bytes, bytes]]:
        for count, pair in enumerate(pairs, 1):
            yield pair
            if not count % _WITHOUT_REST:
                if self.given_up:
                    return
                time.sleep(_REST_SECONDS)


class Packer:
    """Looks now and then whether a replica wants packing, and has it done."""

    def __init__(self, replica: Replica, clock: Clock = monotonic) -> None:
        self._replica = replica
        self._clock = clock
        self._next = clock() + _BETWEEN_LOOKS
        self._task: asyncio.Task[None] | None = None
        self._ends = False

    def look(self) -> None:
        """Begin to pack where that is due; it goes on beside."""
        if self._clock() < self._next or not (self._task is None or self._task.done()):
            return
        self._next = self._clock() + _BETWEEN_LOOKS
        if self._replica.loose():
            self._task = asyncio.create_task(self._pack(), name="packing")

    async def end(self) -> None:
        """Wait for what has begun, and give it up: it has the replica open."""
        self._ends = True
        if self._task is not None:
            self._replica.give_up_packing()
            await asyncio.wait([self._task])

    async def _pack(self) -> None:
        if self._ends:
            return
        try:
            await pack(self._replica)
        except (ReplicaFault, OSError) as fault:
            # What is damaged is mended by others; where there is no room, nothing is lost.
            _logger.warning("the replica cannot be packed: %s", fault)
        self._next = self._clock() + _BETWEEN_PACKINGS


async def pack(replica: Replica) -> None:
    """Have a packed copy take the place of the current one; raises ReplicaFault."""
    with replica.view() as view:
        packed = replica.begin_packing()
        try:
            await asyncio.to_thread(packed.fill, view)
        finally:
            replica.end_packing(packed)
