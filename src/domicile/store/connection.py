"""Connections whose work is never cut off in the middle.

A database thread goes on when the task that waits for it is cancelled; a connection let
go meanwhile would keep its lock. So a cancellation waits until the statement is done.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Result = TypeVar("Result")


async def whole(work: Coroutine[Any, Any, Result]) -> Result:
    """Do the work to its end, and only then be cancelled."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # seen: the cancellation goes before it
        raise cancelled
    return task.result()


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection; what is not committed at the end is rolled back."""
    connection = engine.connect()
    try:
        await whole(_start(connection))
        yield connection
    finally:
        if connection.sync_connection is not None:
            await whole(connection.close())


async def _start(connection: AsyncConnection) -> None:
    await connection.start()
