"""One request over one upstream connection, and its response back.

A body goes up in a task of its own while the response comes down, so that neither
waits for the other and nothing is gathered.
"""

import asyncio
import math
from collections.abc import Iterable
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
from domicile.proxy.patience import Patience
from domicile.proxy.wire import Pace, Stalled, Wire

MOST_INTERIM: Final = 8
"""So many 1xx may come before the response: nobody needs more than two or three."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class NoResponse(DomicileError):
    """There is no response that can be passed on, nor was any of it written."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class CutShort(DomicileError):
    """The response broke off after its head: the client must see it break off."""


class Exchange:
    """Between a client and an upstream, for one request."""

    __slots__ = (
        "_client", "_failure", "_head", "_heard", "_key", "_moved", "_patience",
        "_upstream", "body", "reusable", "status",
    )  # fmt: skip

    def __init__(
        self,
        client: Wire,
        upstream: Wire,
        head: RequestHead,
        key: bytes | None,
        patience: Patience,
    ) -> None:
        """`key` is a WebSocket's, where one is asked for."""
        self._client = client
        self._upstream = upstream
        self._head = head
        self._key = key
        self._patience = patience
        self._failure: BadBody | NoResponse | None = None
        self._moved = 0
        self._heard = False
        self.body: Body = start_body(head.framing, head.length)
        self.reusable = False
        self.status = 0

    @property
    def untouched(self) -> bool:
        """Whether neither a byte of the body went up nor any byte came down."""
        return not self._moved and not self._heard and not self._upstream.buffer

    async def run(self, request: bytes) -> bool:
        """Ask and answer; True where the client's connection can be used further.

        Raises NoResponse and CutShort, and BadBody for the client's own body.
        """
        with suppress(ConnectionResetError):
            await self._upstream.write((request,))
        if self.body.done:
            return await self._answer(None)
        pump = asyncio.create_task(self._send_body())
        pump.add_done_callback(self._note_pumped)
        try:
            return await self._answer(pump)
        finally:
            pump.cancel()
            await asyncio.wait({pump})

    async def _answer(self, pump: asyncio.Task[None] | None) -> bool:
        response = await self._read_response(pump)
        self.status = response.status
        if response.status == 101:
            await self._tunnel(response)
            return False
        return await self._relay(response, pump)

    async def _send_body(self) -> None:
        if self._head.expects_continue and not self._client.buffer:
            await self._client.write((_CONTINUE,))
        chunked = self._head.framing is Framing.CHUNKED
        try:
            pace = Pace(self._patience.slow_body, self._patience.body_rate)
            limit = self._patience.body
            async for pieces in self._client.read_body(self.body, limit, pace):
                self._moved += 1
                await self._pass_up(_in_chunks(pieces) if chunked else pieces)
        except Stalled as error:
            raise NoResponse(408, "The client's body did not go on.") from error
        if chunked:
            await self._pass_up((LAST_CHUNK,))

    async def _pass_up(self, pieces: Iterable[bytes | memoryview]) -> None:
        try:
            await self._upstream.write(pieces)
        except Stalled as error:
            raise NoResponse(504, "The app did not read on in time.") from error

    def _note_pumped(self, pump: asyncio.Task[None]) -> None:
        """Whoever waits for a response to a broken request need not wait."""
        self._moved += 1
        error = None if pump.cancelled() else pump.exception()
        if isinstance(error, (BadBody, NoResponse)):
            if not self.status:
                self._failure = error
            # Neither side may go on as if the rest of the body would still come.
            self._upstream.broken = True
            self._upstream.abort()

    async def _read_response(self, pump: asyncio.Task[None] | None) -> ResponseHead:
        """Read the final head, or the 101 that was asked for."""
        for _ in range(MOST_INTERIM + 1):
            response = await self._read_head(pump)
            self._heard = True
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
        raise NoResponse(502, f"The app gave more than {MOST_INTERIM} 1xx responses.")

    async def _read_head(self, pump: asyncio.Task[None] | None) -> ResponseHead:
        limits = self._upstream.limits
        parse = partial(parse_response_head, method=self._head.method, limits=limits)
        while True:
            moved = self._moved
            try:
                response = await self._upstream.read_head(parse, self._patience.answer)
                break
            except Stalled as error:
                # While the request's body moves, its own deadlines hold.
                if moved == self._moved and (pump is None or pump.done()):
                    raise NoResponse(504, "The app did not answer in time.") from error
        if self._failure is not None:
            raise self._failure
        if response is None:
            raise NoResponse(502, "The app closed the connection.")
        if isinstance(response, Refusal):
            raise NoResponse(502, response.reason)
        return response

    async def _relay(
        self, response: ResponseHead, pump: asyncio.Task[None] | None
    ) -> bool:
        chunked, keep = self._frame(response)
        ours = [CHUNKED] if chunked else []
        if not keep:
            ours.append((b"connection", b"close"))
        elif self._head.minor == 0:
            ours.append((b"connection", b"keep-alive"))
        await self._relay_body(response, self._write_head(response, ours), chunked)
        if chunked:
            await self._client.write((LAST_CHUNK,))
        self.reusable = (
            await self._has_sent(pump)
            and response.keeps_alive
            and not self._upstream.buffer
            and not self._upstream.ended
        )
        return keep

    async def _relay_body(
        self, response: ResponseHead, head: bytes, chunked: bool
    ) -> None:
        """Write the head, and with it what came of the body with it, and then the rest."""
        body = start_body(response.framing, response.length)
        waiting = [head]
        if body.done or not self._upstream.buffer:
            await self._client.write((waiting.pop(),))
        try:
            async for pieces in self._upstream.read_body(body, self._patience.answer):
                sent = [*waiting, *(_in_chunks(pieces) if chunked else pieces)]
                waiting.clear()
                await self._client.write(sent)
        except (BadBody, Stalled) as error:
            if waiting:
                await self._client.write(waiting)
            raise CutShort(str(error)) from error

    async def _has_sent(self, pump: asyncio.Task[None] | None) -> bool:
        """Whether the request went up whole; what was read of it may yet be written."""
        if pump is None:
            return True
        if self.body.done:
            await asyncio.wait({pump}, timeout=self._patience.answer)
        return pump.done() and not pump.cancelled() and pump.exception() is None

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
        for wire in (self._client, self._upstream):
            wire.keep_alive()
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


def _in_chunks(pieces: list[memoryview]) -> list[bytes | memoryview]:
    return [part for piece in pieces for part in write_chunk(piece)]


async def _pour(source: Wire, sink: Wire) -> None:
    with suppress(ConnectionResetError, Stalled):
        while source.buffer or await source.fill(math.inf):
            await sink.write((source.take(),))
