"""The waiting room: requests whose app cannot be asked yet, their bodies unread."""

import asyncio
from collections import Counter
from typing import Final

from domicile.model.routing import Hold, Hop, Outcome, route
from domicile.proxy.counts import Tally
from domicile.replica.replica import Replica

MOST: Final = 100
"""So many wait for one app; the next is told to come again."""

# A notification wakes, but that a replica is no longer behind is no change.
_LOOK_AGAIN: Final = 0.25


class WaitingRoom:
    """Routes, and where the outcome is a hold, waits and routes again."""

    __slots__ = ("_changed", "_replica", "_tally", "waiting")

    def __init__(self, replica: Replica, tally: Tally) -> None:
        self._replica = replica
        self._tally = tally
        self._changed = asyncio.Event()
        self.waiting: Counter[str] = Counter()

    def wake(self) -> None:
        """The replica has changed: everyone looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def find_way(self, host: str, hop: Hop | None) -> Outcome:
        """Give where the request goes; a Hold is one that has expired."""
        outcome = self._route(host, hop)
        if not isinstance(outcome, Hold) or self.waiting[outcome.app] >= MOST:
            return outcome
        app = outcome.app
        self.waiting[app] += 1
        try:
            with self._tally.waiting():
                return await self._wait(outcome, host, hop)
        finally:
            self.waiting[app] -= 1
            if not self.waiting[app]:
                del self.waiting[app]

    async def _wait(self, outcome: Outcome, host: str, hop: Hop | None) -> Outcome:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while isinstance(outcome, Hold):
            left = since + outcome.seconds - loop.time()
            if left <= 0:
                break
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({changed}, timeout=min(left, _LOOK_AGAIN))
            changed.cancel()
            outcome = self._route(host, hop)
        return outcome

    def _route(self, host: str, hop: Hop | None) -> Outcome:
        with self._replica.view() as view:
            return route(view, host, hop)
