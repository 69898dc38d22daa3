"""A store: a set of records that changes by numbered changes.

Only its owner opens it; a notification wakes, and a query tells.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domicile.clock import Clock, monotonic, wall
from domicile.store.bell import Bell
from domicile.store.connection import connected, whole
from domicile.store.dialect import (
    commit_mark,
    make_engine,
    make_unpooled,
    told_if_full,
    writer,
)
from domicile.store.migration import migrate
from domicile.store.transaction import Head, Reading, Transaction

# How soon we notice what another process committed; our own commits wake at once.
WATCH_SECONDS = 0.1

_log = structlog.get_logger()


class Store:
    """An open store; get one by `open`, and close it."""

    def __init__(
        self, engine: AsyncEngine, unpooled: AsyncEngine, clock: Clock
    ) -> None:
        self._engine = engine
        self._unpooled = unpooled
        self._writer = writer(engine)
        self._clock = clock
        # Writers of this process queue here, in order: the database's own queue
        # of writers is a sleep and another try.
        self._writing = asyncio.Lock()
        self._serial = 0
        self._changed = Bell()
        self._watch: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @classmethod
    async def open(cls, url_or_path: str | Path, clock: Clock = wall) -> "Store":
        """Open a store, made or migrated if need be; `clock` dates its changes.

        Raises BadStoreUrl or UnusableStore.
        """
        store = cls(make_engine(url_or_path), make_unpooled(url_or_path), clock)
        try:
            await migrate(store._engine)
            store._serial = (await store.head()).serial
        except BaseException:
            await store.close()
            raise
        store._watch = asyncio.create_task(store._notice_others(), name="store watch")
        return store

    async def close(self) -> None:
        # Not cancelled: that could leave a connection in the middle of a query.
        self._closing.set()
        if self._watch is not None:
            await asyncio.wait([self._watch])
        await self._engine.dispose()
        await self._unpooled.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """Look at one state of the store, whatever is written meanwhile."""
        async with connected(self._engine) as connection:
            yield Reading(connection)

    @asynccontextmanager
    async def long_reading(self) -> AsyncIterator[Reading]:
        """Look at one state for long, by a connection that nobody else waits for."""
        async with connected(self._unpooled) as connection:
            yield Reading(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Write; commits at the end of the block, and an exception takes all back.

        Raises StoreFull.
        """
        with told_if_full():
            async with self._writing, connected(self._writer) as connection:
                tx = Transaction(connection, self._clock())
                yield tx
                await tx.finish()
                await whole(connection.commit())
        if tx.serial:
            self._notice(tx.serial)

    async def head(self) -> Head:
        async with self.reading() as reading:
            return await reading.head()

    def now(self) -> float:
        """Give the time by the clock that dates what is written."""
        return self._clock()

    @property
    def serial(self) -> int:
        """Give the newest serial that this process has noticed."""
        return self._serial

    async def changed(self, after_serial: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until there is a change after that serial; False if time ran out."""
        deadline = monotonic() + timeout
        while self._serial <= after_serial:
            left = deadline - monotonic()
            if left <= 0:
                return False
            await self._changed.wait(left)
        return True

    def _notice(self, serial: int) -> None:
        # Commits may be noticed out of their order.
        self._serial = max(self._serial, serial)
        self._changed.ring()

    async def _notice_others(self) -> None:
        while not self._closing.is_set():
            try:
                async with self._engine.connect() as connection:
                    await self._watch_by(connection)
            except SQLAlchemyError as error:  # the pool's own among them
                _log.warning("store cannot be watched", error=str(error))
                await self._pause()

    async def _watch_by(self, connection: AsyncConnection) -> None:
        mark = None
        while not self._closing.is_set():
            before, mark = mark, await commit_mark(connection)
            if mark != before:
                serial = (await self.head()).serial
                if serial > self._serial:
                    self._notice(serial)
            await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await self._closing.wait()
