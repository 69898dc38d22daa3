"""Packs a copy that has grown: what is written later splits full pages in halves.

Beside the current copy one is written in the order of keys, of a view, while the current
one is followed on; what came meanwhile is written into it at the end, and it takes its
place. So nobody is served anything older than before, and nobody waits.
"""

from __future__ import annotations

import asyncio
import logging

from domicile.clock import Clock, monotonic
from domicile.replica.faults import ReplicaFault
from domicile.replica.replica import Replica

_BETWEEN_LOOKS = 60.0
# At once after it, the first changes split the most pages; and where it failed, there
# is still no room.
_BETWEEN_PACKINGS = 3600.0
_logger = logging.getLogger(__name__)


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
