"""So many apps start at once, and the others wait for their turn: first come, first served.

A thousand that are woken together would all be late. Who arrives, newly deployed or in a
move, has turns of its own: a move that waited behind those thousand would be undone.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_FOR_EACH_CORE = 4


class Starts:
    """The turns of a manager: `most` for those who arrive, and for all others as many."""

    def __init__(self, most: int = 0) -> None:
        """With 0, a few for each core."""
        self.most = most or _FOR_EACH_CORE * (os.cpu_count() or 1)
        self._arrivals = asyncio.Semaphore(self.most)
        self._others = asyncio.Semaphore(self.most)
        self.waiting = 0

    @asynccontextmanager
    async def turn(self, *, arrives: bool) -> AsyncIterator[None]:
        """Wait for a turn, and have it during the block."""
        turns = self._arrivals if arrives else self._others
        self.waiting += 1
        try:
            await turns.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            turns.release()
