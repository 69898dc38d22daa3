"""One connection, client's or upstream's: a bounded buffer in, back-pressure out.

Whoever waits here says for how long: then the peer has stalled.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, TypeVar

from domicile.errors import DomicileError
from domicile.http.body import BadBody, Body
from domicile.http.head import FROM_OUTSIDE, Limits, NeedMore, Refusal

Head = TypeVar("Head")

_MOST: Final = 128 * 1024
_ALIVE_AFTER_SECONDS: Final = 60
_RESET: Final = struct.pack("ii", 1, 0)


class Stalled(DomicileError):
    """The peer sent or read nothing for too long."""


class Pace:
    """How fast a body comes, while somebody waits for it: that it is read slowly, or
    its reader has to wait itself, is not its sender's fault.
    """

    __slots__ = ("_free", "_rate", "_size", "_waited")

    def __init__(self, free: float, rate: float) -> None:
        """`free` seconds are without a measure; then it is `rate` bytes a second."""
        self._free = free
        self._rate = rate
        self._waited = 0.0
        self._size = 0

    def count(self, size: int) -> None:
        self._size += size

    def wait(self, seconds: float) -> None:
        """Add a time of waiting; raises Stalled."""
        self._waited += seconds
        if self._waited > self._free and self._size < self._rate * self._waited:
            raise Stalled(f"{self._size} bytes came in {self._waited:.0f} s.")


class Wire(asyncio.Protocol):
    """Holds at most what one read brings over `_MOST`; then the peer has to wait.

    One task at a time may wait for bytes, and one for room to write.
    """

    __slots__ = (
        "_arrival", "_on_made", "_reads", "_room", "_stall", "broken",
        "buffer", "ended", "idle_since", "limits", "lost", "on_ended", "on_lost",
        "paused", "transport", "writes",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(
        self,
        on_made: "Callable[[Wire], None] | None" = None,
        stall: float = 30.0,
        limits: Limits = FROM_OUTSIDE,
    ) -> None:
        """`stall` is for how long the peer may not read what is written.

        `limits` are those of the heads that come.
        """
        self._on_made = on_made
        self._stall = stall
        self.limits = limits
        self._arrival: asyncio.Future[bool] | None = None
        self._room: asyncio.Future[bool] | None = None
        self.paused = False
        self._reads = True
        self.buffer = bytearray()
        self.writes = 0
        self.idle_since = 0.0
        self.ended = False
        self.lost = False
        self.broken = False
        self.on_ended: Callable[[], object] | None = None
        self.on_lost: Callable[[], object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        if self._on_made is not None:
            self._on_made(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        _wake(self._arrival)
        if self._reads and len(self.buffer) > _MOST:
            self._reads = False
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the other direction open, where the transport can (TLS cannot)."""
        self.ended = True
        _wake(self._arrival)
        if self.on_ended is not None:
            self.on_ended()
        return self.transport.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.lost = True
        self.broken = exc is not None
        self.paused = False
        _wake(self._arrival)
        _wake(self._room)
        if self.on_lost is not None:
            self.on_lost()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        _wake(self._room)

    async def fill(self, seconds: float) -> bool:
        """Wait for more bytes; False where none will come. Raises Stalled."""
        if self.ended:
            return False
        # Heads are cut off the buffer's front, piece by piece; who has none left asks.
        self._read_on()
        size = len(self.buffer)
        self._arrival = asyncio.get_running_loop().create_future()
        if not await _wait(self._arrival, seconds):
            raise Stalled(f"Nothing came for {seconds:g} s.")
        return len(self.buffer) > size

    async def _fill_at(self, pace: "Pace | None", seconds: float) -> bool:
        if pace is None:
            return await self.fill(seconds)
        began = asyncio.get_running_loop().time()
        filled = await self.fill(seconds)
        pace.wait(asyncio.get_running_loop().time() - began)
        return filled

    def take(self) -> bytes:
        data = bytes(self.buffer)
        self.buffer.clear()
        self._read_on()
        return data

    def _read_on(self) -> None:
        if not self._reads and not self.lost and len(self.buffer) <= _MOST:
            self._reads = True
            self.transport.resume_reading()

    async def read_head(
        self, parse: Callable[[bytearray], Head | NeedMore | Refusal], seconds: float
    ) -> Head | Refusal | None:
        """Read a head, or None where the connection ended before it was whole.

        The seconds are for all of it. What follows it stays in the buffer: the caller
        deletes up to its `end`.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            if self.buffer:
                head = parse(self.buffer)
                if not isinstance(head, NeedMore):
                    return head
            if not await self.fill(deadline - loop.time()):
                return None

    async def read_body(
        self, body: Body, seconds: float, pace: Pace | None = None
    ) -> AsyncIterator[list[memoryview]]:
        """Give the pieces as they come; raises BadBody, or Stalled between them.

        A pace is for all of it: who keeps it not has stalled, too.
        """
        while not body.done:
            if not self.buffer and not await self._fill_at(pace, seconds):
                if self.broken:
                    # Where the end of the connection ends the body, this is no end.
                    raise BadBody("The connection was reset within the body.")
                body.finish()
                return
            if pace is not None:
                pace.count(len(self.buffer))
            pieces = body.feed(self.take())
            if body.done:
                self.buffer += body.excess
            yield pieces

    async def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Write, and wait while the peer is slow.

        Raises ConnectionResetError, and Stalled where the peer reads nothing at all.
        """
        if self.lost or self.transport.is_closing():
            raise ConnectionResetError
        self.writes += 1
        self.transport.writelines(pieces)
        while self.paused:
            unread = self.transport.get_write_buffer_size()
            self._room = asyncio.get_running_loop().create_future()
            if await _wait(self._room, self._stall):
                continue
            if self.transport.get_write_buffer_size() >= unread:
                raise Stalled(f"Nothing was read for {self._stall:g} s.")
        if self.lost:
            raise ConnectionResetError

    def keep_alive(self) -> None:
        """Have the kernel find out, in long silences, whether the peer is there."""
        bound = self.transport.get_extra_info("socket")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ALIVE_AFTER_SECONDS)

    def close(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def reset(self) -> None:
        """Abort so that the peer takes it for no end of anything.

        An HTTP/1.0 response may end with its connection: closing would make it whole.
        """
        if not self.lost:
            bound = self.transport.get_extra_info("socket")
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


async def _wait(future: "asyncio.Future[bool]", seconds: float) -> bool:
    """Wait until the future is woken; False if the seconds are over before."""
    timer = future.get_loop().call_later(max(0.0, seconds), _expire, future)
    try:
        return await future
    finally:
        timer.cancel()


def _wake(future: "asyncio.Future[bool] | None") -> None:
    if future is not None and not future.done():
        future.set_result(True)


def _expire(future: "asyncio.Future[bool]") -> None:
    if not future.done():
        future.set_result(False)
