"""Reads a little ahead of who takes, and not for ever.

Who takes may be a connection whose other side has stopped; what is read meanwhile is
held open by us.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
from anyio.streams.memory import MemoryObjectSendStream

_AHEAD = 8


class NotTaken(TimeoutError):
    """Nobody took the next piece in time."""


async def read_ahead(
    source: AsyncGenerator[bytes], patience: float
) -> AsyncGenerator[bytes]:
    """Give what the source gives; it is closed once a piece is not taken in time."""
    send, receive = anyio.create_memory_object_stream[bytes](_AHEAD)
    pumping = asyncio.create_task(_pump(source, send, patience))
    try:
        with receive:
            async for piece in receive:
                yield piece
        await pumping
    finally:
        pumping.cancel()
        await asyncio.wait([pumping])


async def _pump(
    source: AsyncGenerator[bytes], send: MemoryObjectSendStream[bytes], patience: float
) -> None:
    with send:
        async with aclosing(source):
            async for piece in source:
                try:
                    async with asyncio.timeout(patience):
                        await send.send(piece)
                except TimeoutError as error:
                    raise NotTaken(f"not taken for {patience:g} s") from error
