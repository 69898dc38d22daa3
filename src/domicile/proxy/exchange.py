"""One request over one upstream connection, and its response back.

The body goes up in a task of its own while the response comes down, so that neither
waits for the other and nothing is gathered.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

from domicile.errors import DomicileError
from domicile.http.body import LAST_CHUNK, BadBody, Body, start_body, write_chunk
from domicile.http.fields import CHUNKED, forward_response, write_response_head
from domicile.http.head import (
    Framing,
    Refusal,
    RequestHead,
    ResponseHead,
    parse_response_head,
)
from domicile.http.upgrade import UPGRADE_FIELDS, accepts_websocket
from domicile.proxy.wire import Wire

ANSWER_SECONDS: Final = 60.0

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class NoResponse(DomicileError):
    """The upstream gave no response that can be passed on; nothing was written."""

    def __init__(self, status: int, reason: str, *, retry: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.retry = retry


class CutShort(DomicileError):
    """The response broke off after its head: the client must see it break off."""


class Exchange:
    """Between a client and an upstream, for one request."""

    __slots__ = (
        "_client", "_head", "_key", "_moved", "_patience", "_upstream", "body",
        "reusable",
    )  # fmt: skip

    def __init__(
        self,
        client: Wire,
        upstream: Wire,
        head: RequestHead,
        key: bytes | None,
        patience: float = ANSWER_SECONDS,
    ) -> None:
        """`key` is a WebSocket's, where one is asked for."""
        self._client = client
        self._upstream = upstream
        self._head = head
        self._key = key
        self._patience = patience
        self._moved = 0
        self.body: Body = start_body(head.framing, head.length)
        self.reusable = False

    async def run(self, request: bytes) -> bool:
        """Ask and answer; True where the client's connection can be used further.

        Raises NoResponse and CutShort, and BadBody for the client's own body.
        """
        with suppress(ConnectionResetError):
            await self._upstream.write((request,))
        pump = asyncio.create_task(self._send_body())
        try:
            response = await self._read_response(pump)
            if response.status == 101:
                await self._tunnel(response)
                return False
            return await self._relay(response, pump)
        finally:
            pump.cancel()
            await asyncio.wait({pump})
            if not pump.cancelled():
                pump.exception()

    async def _send_body(self) -> None:
        if self.body.done:
            return
        if self._head.expects_continue and not self._client.buffer:
            await self._client.write((_CONTINUE,))
        chunked = self._head.framing is Framing.CHUNKED
        async for pieces in self._client.read_body(self.body):
            self._moved += 1
            await self._send_pieces(self._upstream, pieces, chunked=chunked)
        if chunked:
            await self._upstream.write((LAST_CHUNK,))

    async def _send_pieces(
        self, wire: Wire, pieces: list[memoryview], *, chunked: bool
    ) -> None:
        if chunked:
            framed = [part for piece in pieces for part in write_chunk(piece)]
            await wire.write(framed)
        else:
            await wire.write(pieces)

    async def _read_response(self, pump: asyncio.Task[None]) -> ResponseHead:
        """Read the final head, or the 101 that was asked for."""
        while True:
            response = await self._read_head(pump)
            del self._upstream.buffer[: response.end]
            if response.status >= 200:
                return response
            if response.status == 101:
                if self._key is None or not accepts_websocket(response, self._key):
                    raise NoResponse(502, "The app switched to what nobody asked for.")
                return response
            # RFC 9110 section 15.2: a proxy forwards 1xx, but "MUST NOT" to HTTP/1.0;
            # 100 is ours to say.
            if response.status != 100 and self._head.minor == 1:
                await self._client.write((self._write_head(response, []),))

    async def _read_head(self, pump: asyncio.Task[None]) -> ResponseHead:
        parse = partial(parse_response_head, method=self._head.method)
        reading = asyncio.create_task(self._upstream.read_head(parse))
        try:
            await self._await_head(reading, pump)
            response = reading.result()
        finally:
            reading.cancel()
        if response is None:
            fresh = not self._upstream.buffer and not self._moved
            raise NoResponse(502, "The app closed the connection.", retry=fresh)
        if isinstance(response, Refusal):
            raise NoResponse(502, response.reason)
        return response

    async def _await_head(
        self, reading: "asyncio.Task[ResponseHead | Refusal | None]",
        pump: asyncio.Task[None],
    ) -> None:  # fmt: skip
        """Wait as long as the request's body moves, and then the patience."""
        watched: set[asyncio.Task[object]] = {reading, pump}
        while not reading.done():
            moved = self._moved
            await asyncio.wait(
                watched, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED
            )
            if pump in watched and pump.done():
                watched.discard(pump)
                error = pump.exception()
                if isinstance(error, BadBody):
                    raise error
            elif not reading.done() and moved == self._moved:
                raise NoResponse(504, "The app did not answer in time.")

    async def _relay(self, response: ResponseHead, pump: asyncio.Task[None]) -> bool:
        chunked, keep = self._frame(response)
        ours = [CHUNKED] if chunked else []
        if not keep:
            ours.append((b"connection", b"close"))
        elif self._head.minor == 0:
            ours.append((b"connection", b"keep-alive"))
        await self._client.write((self._write_head(response, ours),))
        body = start_body(response.framing, response.length)
        try:
            async for pieces in self._upstream.read_body(body):
                await self._send_pieces(self._client, pieces, chunked=chunked)
        except BadBody as error:
            raise CutShort(str(error)) from error
        if chunked:
            await self._client.write((LAST_CHUNK,))
        sent = self.body.done and (not pump.done() or pump.exception() is None)
        if sent:
            await asyncio.wait({pump}, timeout=self._patience)
        self.reusable = (
            sent
            and pump.done()
            and response.keeps_alive
            and not self._upstream.buffer
            and not self._upstream.ended
        )
        return keep

    def _frame(self, response: ResponseHead) -> tuple[bool, bool]:
        """Tell whether the response goes in chunks, and whether the client stays."""
        unknown = response.framing in (Framing.CHUNKED, Framing.CLOSE)
        chunked = unknown and self._head.minor == 1
        keep = self._head.keeps_alive and self.body.done
        return chunked, keep and (chunked or not unknown)

    def _write_head(
        self, response: ResponseHead, ours: list[tuple[bytes, bytes]]
    ) -> bytes:
        fields = forward_response(response)
        if isinstance(fields, Refusal):
            raise NoResponse(502, fields.reason)
        return write_response_head(response.status, response.reason, fields + ours)

    async def _tunnel(self, response: ResponseHead) -> None:
        head = self._write_head(response, list(UPGRADE_FIELDS))
        await self._client.write((head,))
        ways = {
            asyncio.create_task(_pour(self._client, self._upstream)),
            asyncio.create_task(_pour(self._upstream, self._client)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._upstream.close()


async def _pour(source: Wire, sink: Wire) -> None:
    with suppress(ConnectionResetError):
        while source.buffer or await source.fill():
            await sink.write((source.take(),))
