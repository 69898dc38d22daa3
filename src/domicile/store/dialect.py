"""What differs between the databases: all of it is here, and nothing else is.

SQLite is the only one so far. Its driver opens transactions late and by guess, so we
take that from it and say BEGIN ourselves: IMMEDIATE for a writer, which then never
meets another writer half-way, and plain for a reader, which sees one state throughout.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from domicile.errors import DomicileError

BUSY_MILLISECONDS = 10_000  # how long a writer waits for another process's

_PRAGMAS = (
    f"busy_timeout = {BUSY_MILLISECONDS}",
    "synchronous = FULL",
)
# SQLite does not wait where two make a new database WAL at once, busy_timeout or not.
_WAL_TRIES = 500
_WAL_PAUSE = BUSY_MILLISECONDS / 1000 / _WAL_TRIES

# The second: there is no room for the index of its log.
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})


class StoreFull(DomicileError):
    """The disk of a store has no room: nothing was written, and nothing is lost."""


class BadStoreUrl(DomicileError):
    """The address of a store is none that we can open."""


def make_engine(url_or_path: str | Path) -> AsyncEngine:
    return _told(create_async_engine(_url(url_or_path)))


def make_unpooled(url_or_path: str | Path) -> AsyncEngine:
    """Make an engine whose connections are each opened anew, however many there are."""
    return _told(create_async_engine(_url(url_or_path), poolclass=NullPool))


def writer(engine: AsyncEngine) -> AsyncEngine:
    """Give the engine whose transactions lock out other writers from their start."""
    return engine.execution_options(begin="BEGIN IMMEDIATE")


@contextmanager
def told_if_full() -> Iterator[None]:
    """Tell the want of room from what else a database says."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", None) not in _NO_ROOM:
            raise
        raise StoreFull(
            f"the store has no room for a change ({error.orig}): it is as it was;"
            " make room on its disk, and ask again"
        ) from error


async def commit_mark(connection: AsyncConnection) -> int:
    """Give a number that differs once any other connection has committed.

    Only numbers that came from the same connection compare.
    """
    result = await connection.exec_driver_sql("PRAGMA data_version")
    mark: int = result.scalar_one()
    await connection.rollback()
    return mark


def _told(engine: AsyncEngine) -> AsyncEngine:
    event.listen(engine.sync_engine, "connect", _configure)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _url(url_or_path: str | Path) -> URL:
    text = str(url_or_path)
    if "://" not in text:
        return URL.create("sqlite+aiosqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadStoreUrl(f"{text!r} is not the URL of a database") from None
    # The URL is not shown whole: it may hold a password.
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        raise BadStoreUrl(
            f"a store cannot be opened by {url.drivername}: give a path, "
            "or sqlite:///PATH"
        )
    return url.set(drivername="sqlite+aiosqlite")


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # None: the driver begins no transaction of its own.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    _take_to_wal(cursor)
    cursor.close()


def _take_to_wal(cursor: DBAPICursor) -> None:
    """Have the database write ahead; one that does so already is left alone."""
    cursor.execute("PRAGMA journal_mode")
    if cursor.fetchone() == ("wal",):
        return
    for tries_left in reversed(range(_WAL_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not tries_left:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            return


def _begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get("begin", "BEGIN")
    connection.exec_driver_sql(begin)
