"""Of several directory services on one store one leads: it moves apps and rotates.

All of them answer, people and followers alike. Who leads holds a lease and prolongs
it; each step is written under the lease's fence, so one that lost it unawares does no
harm (`store.leases`).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import DBAPIError

from domicile.clock import Clock, monotonic
from domicile.errors import DomicileError
from domicile.store.leases import (
    Lease,
    LostLease,
    check_lease,
    look_at_lease,
    release_lease,
    take_lease,
)
from domicile.store.store import Store
from domicile.store.transaction import Transaction

# So long nobody moves apps after a leader was killed; one that ends gives it back.
LEASE_SECONDS = 5.0
# A leader that was not heard of for so long leads no more, before another does.
_LEADS_SECONDS = 0.8 * LEASE_SECONDS
_LOOK_SECONDS = LEASE_SECONDS / 5

_NAME = "leader"

_log = structlog.get_logger()


class Leadership:
    """What this process has to do with it; `holder` is unique to its life."""

    def __init__(
        self, store: Store, holder: str = "", clock: Clock = monotonic
    ) -> None:
        self._store = store
        self._holder = holder or secrets.token_hex(8)
        self._clock = clock
        self._lease: Lease | None = None
        self._until = 0.0
        self._seen: Lease | None = None
        self._seen_at = 0.0

    @property
    def leads(self) -> bool:
        return self._lease is not None and self._clock() < self._until

    async def look(self) -> None:
        """Take the lease, or prolong it."""
        asked = self._clock()
        async with self._store.transaction() as tx:
            stale = self._stale(await look_at_lease(tx, _NAME), asked)
            lease = await take_lease(tx, _NAME, self._holder, stale)
        if (lease is None) != (self._lease is None):
            _log.info("leads" if lease else "leads no more", holder=self._holder)
        self._lease, self._until = lease, asked + _LEADS_SECONDS

    def _stale(self, found: Lease | None, now: float) -> Lease | None:
        """Give the lease where we have seen no beat of its holder for too long."""
        if found != self._seen:
            self._seen, self._seen_at = found, now
        return found if now - self._seen_at >= LEASE_SECONDS else None

    async def demand(self, tx: Transaction) -> None:
        """Let the transaction go on only under our lease; raises LostLease."""
        if self._lease is None:
            raise LostLease("another directory service leads: it writes what is next")
        await check_lease(tx, self._lease)

    async def run(self) -> None:
        """Look until cancelled; no failure ends it."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the border: looked at again
                _log.warning("the lease is not prolonged", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def resign(self) -> None:
        """Give the lease back, for another to lead at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            try:
                async with self._store.transaction() as tx:
                    await release_lease(tx, lease)
            except (DomicileError, DBAPIError) as error:
                _log.warning("the lease is not given back", error=str(error))


@asynccontextmanager
async def leading(store: Store) -> AsyncIterator[Leadership]:
    """Take part during the block, and resign at its end."""
    leadership = Leadership(store)
    task = asyncio.create_task(leadership.run(), name="leadership")
    try:
        yield leadership
    finally:
        task.cancel()
        await asyncio.wait([task])
        await leadership.resign()
