"""Forgets changes that nobody will ask for: what is older is in every snapshot.

A change stays while a follower has not acknowledged it, and a number of them stay for
those who were away. Who was away for longer gets a snapshot.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import delete, func, select

from domicile.store.feed import SILENT_SECONDS, Feed
from domicile.store.schema import changes
from domicile.store.store import Store

# An hour of a busy directory: a name server that is upgraded goes on where it was.
KEPT = 10_000
# However long somebody says that he is only slow: then a snapshot is faster.
MOST = 1_000_000

_BATCH = 5_000
_LOOK_SECONDS = 60.0

_log = structlog.get_logger()


async def compact(store: Store, feed: Feed, kept: int = KEPT, most: int = MOST) -> int:
    """Delete what is to be forgotten, batch by batch; gives how many changes that is."""
    head = (await store.head()).serial
    waited_for = [
        each.serial for each in feed.followers if feed.silence_of(each) < SILENT_SECONDS
    ]
    # The first that stays: by its chain, who has all before it is known.
    first = max(min([head - kept, *waited_for]), head - most)
    forgotten = 0
    while (oldest := await _oldest(store)) is not None and oldest < first:
        async with store.transaction() as tx:
            below = min(first, oldest + _BATCH)
            deleted = await tx.execute(delete(changes).where(changes.c.serial < below))
            forgotten += deleted.rowcount
    return forgotten


async def _oldest(store: Store) -> int | None:
    async with store.reading() as reading:
        query = select(func.min(changes.c.serial))
        oldest: int | None = (await reading.execute(query)).scalar_one()
    return oldest


@asynccontextmanager
async def compacting(store: Store, feed: Feed) -> AsyncIterator[None]:
    """Compact now and again during the block."""
    task = asyncio.create_task(_compact_always(store, feed), name="compacting")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _compact_always(store: Store, feed: Feed) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            if lost := await feed.forget_lost():
                _log.warning("followers are known no more", names=lost)
            if forgotten := await compact(store, feed):
                _log.info("changes are forgotten", count=forgotten)
        except Exception as error:  # noqa: BLE001 - the border: looked at again
            _log.warning("changes are not forgotten yet", error=str(error))
