"""The waiting room: requests whose app cannot be asked yet, their bodies unread."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from domicile.model.routing import Hold, HoldReason, Hop, Outcome, route
from domicile.proxy.counts import Tally
from domicile.replica.faults import ReplicaFault
from domicile.replica.replica import Replica
from domicile.service.logs import Sparing

MOST: Final = 100
"""So many wait for one app; the next is told to come again."""

# A notification wakes, but that a replica is no longer behind is no change.
_LOOK_AGAIN: Final = 0.25

_log = structlog.get_logger()


class WaitingRoom:
    """Routes, and where the outcome is a hold, waits and routes again."""

    __slots__ = ("_changed", "_replica", "_sparing", "_tally", "_wake_app", "waiting")

    def __init__(
        self,
        replica: Replica,
        tally: Tally,
        wake_app: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`wake_app` is called again and again while somebody waits for it to wake."""
        self._wake_app = wake_app
        self._replica = replica
        self._tally = tally
        self._changed = asyncio.Event()
        self._sparing = Sparing()
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
            with self._tally.waiting(outcome.reason):
                return await self._wait(outcome, host, hop)
        finally:
            self.waiting[app] -= 1
            if not self.waiting[app]:
                del self.waiting[app]

    @property
    def is_ready(self) -> bool:
        """Whether anything is known of where requests go, however old it is."""
        try:
            with self._replica.view() as view:
                return view.serial > 0
        except ReplicaFault:
            return False

    def generation_of(self, app: str) -> int:
        """Give the app's generation here, for a log; 0 where it is not known."""
        try:
            with self._replica.view() as view:
                residence = view.residence(app) if app else None
        except ReplicaFault:
            return 0
        return residence.generation if residence else 0

    async def _wait(self, outcome: Outcome, host: str, hop: Hop | None) -> Outcome:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while isinstance(outcome, Hold):
            if outcome.reason is HoldReason.ASLEEP:
                self._wake_app(outcome.app)
            left = since + outcome.seconds - loop.time()
            if left <= 0:
                break
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({changed}, timeout=min(left, _LOOK_AGAIN))
            changed.cancel()
            outcome = self._route(host, hop)
        return outcome

    def _route(self, host: str, hop: Hop | None) -> Outcome:
        try:
            with self._replica.view() as view:
                return route(view, host, hop)
        except ReplicaFault as fault:
            # The border of the replica: what cannot be read is as if it came too late.
            if times := self._sparing.count():
                _log.error("cannot route", error=str(fault), times=times)
            return Hold("" if hop is None else hop.app, HoldReason.BEHIND)
