"""Lets a new CA of the links sign once every cluster trusts it.

A cluster that is away is waited for, however long: its links would break, and it could
not hear why. An operator who gives it up says so (`--now`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import func, select

from domicile.clock import Clock, monotonic
from domicile.directory.access import Role
from domicile.directory.authority import LinkAuthority
from domicile.directory.leadership import Leadership
from domicile.directory.registry import put_if_new
from domicile.directory.service import Directory
from domicile.model.records import Authority
from domicile.store.feed import Feed
from domicile.store.schema import records
from domicile.store.store import Store

# A manager acknowledges what its proxies then take in: that is a matter of seconds.
SETTLE_SECONDS = 10.0
_LOOK_SECONDS = 1.0

_log = structlog.get_logger()


@asynccontextmanager
async def rotating(directory: Directory, leadership: Leadership) -> AsyncIterator[None]:
    """Finish what rotations are announced during the block, whenever we lead."""
    rotation = Rotation(
        directory.store, directory.feed, directory.authority, leadership
    )
    task = asyncio.create_task(rotation.run(), name="rotation")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


class Rotation:
    """Looks whether the announced CA may sign."""

    def __init__(
        self,
        store: Store,
        feed: Feed,
        authority: LinkAuthority,
        leadership: Leadership,
        clock: Clock = monotonic,
    ) -> None:
        self._store = store
        self._feed = feed
        self._authority = authority
        self._leadership = leadership
        self._clock = clock
        self._trusted_since: float | None = None

    async def run(self) -> None:
        """Look until cancelled; no failure ends it."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - the border: looked at again
                _log.exception("the rotation of the links' CA does not go on")
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        # Another directory service may have made or let sign what is there.
        self._authority.read_again()
        if not self._leadership.leads:
            self._trusted_since = None
            return
        if not self._authority.pending or await unaware(self._store, self._feed):
            self._trusted_since = None
        elif self._trusted_since is None:
            self._trusted_since = self._clock()
        elif self._clock() - self._trusted_since >= SETTLE_SECONDS:
            _log.info("link authority", epoch=self._authority.switch().epoch)
        # Also what a crash kept from being written.
        await self._write()

    async def _write(self) -> None:
        record = self._authority.record
        async with self._store.reading() as reading:
            stored = await reading.get(Authority, record.key)
        if stored != record:
            async with self._store.transaction() as tx:
                await self._leadership.demand(tx)
                self._authority.read_again()
                await put_if_new(tx, self._authority.record)


async def unaware(store: Store, feed: Feed) -> list[str]:
    """Name the clusters' followers that have not acknowledged whom the links trust."""
    newest = select(func.max(records.c.serial)).where(records.c.kind == Authority.kind)
    async with store.reading() as reading:
        serial = (await reading.execute(newest)).scalar_one() or 0
    return sorted(
        each.name
        for each in feed.followers
        if each.name.startswith(f"{Role.CLUSTER}/") and each.serial < serial
    )
