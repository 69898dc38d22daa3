"""Holds what a replica has against the store's digest: after a start, a snapshot, hourly.

The records are read in a thread of its own, from a view as of the serial that the digest
is of; following goes on meanwhile. Each record's checksum is looked at on the way. It
rests as long as it works, for ten million records take half a minute of a processor
that changes and queries want too.
"""

import asyncio
import logging
import math
import random
import time

from domicile.clock import Clock, monotonic
from domicile.model.digest import to_bytes
from domicile.replica.faults import ReplicaFault
from domicile.replica.replica import Replica
from domicile.replica.view import View

EVERY_SECONDS = 3600.0

# About what a few records take.
_REST_SECONDS = 0.004

_logger = logging.getLogger(__name__)


class Audit:
    """Looks at one replica; `trouble` says where a new copy did not help.

    `done` counts the looks.
    """

    def __init__(self, replica: Replica, clock: Clock = monotonic) -> None:
        self._replica = replica
        self._clock = clock
        self._next = -math.inf
        self._task: asyncio.Task[None] | None = None
        self._differed = False
        self.trouble = ""
        self.done = 0

    @property
    def due(self) -> bool:
        """Whether the store's digest is to be asked for."""
        running = self._task is not None and not self._task.done()
        return not running and self._clock() >= self._next

    def soon(self) -> None:
        """Look as soon as there is a digest: all is new."""
        self._next = -math.inf

    def begin(self, expected: bytes) -> None:
        """Hold what the replica has now against the digest."""
        # Spread, so that not all replicas of a store are read at once.
        wait = random.uniform(EVERY_SECONDS / 2, EVERY_SECONDS)  # noqa: S311
        self._next = self._clock() + wait
        self._task = asyncio.create_task(self._hold_against(expected), name="audit")

    async def end(self) -> None:
        """Wait for a look that has begun: it has the replica open."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _hold_against(self, expected: bytes) -> None:
        try:
            with self._replica.view() as view:
                found = await asyncio.to_thread(view.survey, _rest)
                view.note_unreadable(found.unreadable)
                self._judge(view, to_bytes(found.digest) == expected)
        except ReplicaFault as fault:
            # Damage is remembered by the copy; the rest passes, or is met by others.
            _logger.warning("the replica cannot be held against the store: %s", fault)
        self.done += 1

    def _judge(self, view: View, same: bool) -> None:
        self.trouble = ""
        if same:
            self._differed = False
            return
        said = f"the replica differs from the store's records as of {view.serial}"
        _logger.error("%s", said)
        if self._differed:
            # A new copy came out the same, and another one would.
            self.trouble = f"{said}, also when followed anew: the versions do not fit"
        else:
            self._differed = True
            view.distrust(said)


def _rest() -> None:
    time.sleep(_REST_SECONDS)
