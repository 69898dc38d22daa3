"""One connection, client's or upstream's: a bounded buffer in, back-pressure out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, TypeVar

from domicile.http.body import Body
from domicile.http.head import NeedMore, Refusal

Head = TypeVar("Head")

_MOST: Final = 128 * 1024


class Wire(asyncio.Protocol):
    """Holds at most what one read brings over `_MOST`; then the peer has to wait."""

    __slots__ = (
        "_arrived", "_on_made", "_reads", "_writable", "buffer", "ended", "lost",
        "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, on_made: "Callable[[Wire], None] | None" = None) -> None:
        self._on_made = on_made
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._reads = True
        self.buffer = bytearray()
        self.ended = False
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        if self._on_made is not None:
            self._on_made(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._arrived.set()
        if self._reads and len(self.buffer) > _MOST:
            self._reads = False
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the other direction open, where the transport can (TLS cannot)."""
        self.ended = True
        self._arrived.set()
        return self.transport.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.lost = True
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def fill(self) -> bool:
        """Wait for more bytes; False where none will come."""
        self._arrived.clear()
        if self.ended:
            return False
        size = len(self.buffer)
        await self._arrived.wait()
        return len(self.buffer) > size

    def take(self) -> bytes:
        data = bytes(self.buffer)
        self.buffer.clear()
        if not self._reads and not self.lost:
            self._reads = True
            self.transport.resume_reading()
        return data

    async def read_head(
        self, parse: Callable[[bytearray], Head | NeedMore | Refusal]
    ) -> Head | Refusal | None:
        """Read a head, or None where the connection ended before it was whole.

        What follows it stays in the buffer: the caller deletes up to its `end`.
        """
        while True:
            if self.buffer:
                head = parse(self.buffer)
                if not isinstance(head, NeedMore):
                    return head
            if not await self.fill():
                return None

    async def read_body(self, body: Body) -> AsyncIterator[list[memoryview]]:
        """Give the pieces as they come; raises BadBody."""
        while not body.done:
            if not self.buffer and not await self.fill():
                body.finish()
                return
            pieces = body.feed(self.take())
            if body.done:
                self.buffer += body.excess
            yield pieces

    async def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Write, and wait while the peer is slow; raises ConnectionResetError."""
        if self.lost or self.transport.is_closing():
            raise ConnectionResetError
        self.transport.writelines(pieces)
        await self._writable.wait()
        if self.lost:
            raise ConnectionResetError

    def close(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()
