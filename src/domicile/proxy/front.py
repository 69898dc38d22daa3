"""The client's side: one connection, its requests one after the other.

    head -> host -> way (perhaps a wait) -> exchange with an upstream, or a page

The same code serves the public port and the link; only the link believes a
`Domicile-Hop`, and only the public port believes the socket's address.
"""

import asyncio
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from domicile.config import Address
from domicile.http.body import BadBody
from domicile.http.fields import Client, forward_request, write_request_head
from domicile.http.head import (
    Field,
    Framing,
    Refusal,
    RequestHead,
    parse_request_head,
)
from domicile.http.host import Asked, read_host
from domicile.http.upgrade import UPGRADE_FIELDS, find_websocket_key
from domicile.model.routing import Forward, Gone, Hold, Hop, ToUpstream, Unknown
from domicile.proxy.exchange import ANSWER_SECONDS, CutShort, Exchange, NoResponse
from domicile.proxy.holds import WaitingRoom
from domicile.proxy.hop import FIELD, BadHop, read_hop, write_hop
from domicile.proxy.pages import write_page
from domicile.proxy.upstream import Place, Pool
from domicile.proxy.wire import Wire
from domicile.service.tls import NotOfTheLink, peer_cluster

_IDLE_SECONDS: Final = 75.0
_LINGER_SECONDS: Final = 2.0
_PRIVATE: Final = frozenset((FIELD,))


@dataclass(slots=True)
class Front:
    """What all connections of a listener share; `tasks` are the connections."""

    room: WaitingRoom
    pool: Pool
    link: bool = False
    patience: float = ANSWER_SECONDS
    in_flight: Counter[str] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    closing: bool = False

    def accept(self) -> Wire:
        """Make the protocol of a new connection."""
        return Wire(self._serve)

    def _serve(self, wire: Wire) -> None:
        task = asyncio.create_task(Conversation(self, wire).run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


@dataclass(frozen=True, slots=True)
class _Request:
    head: RequestHead
    asked: Asked
    hop: Hop | None
    client: Client
    id: str


class Conversation:
    """One client's connection."""

    __slots__ = ("_front", "_wire")

    def __init__(self, front: Front, wire: Wire) -> None:
        self._front = front
        self._wire = wire

    async def run(self) -> None:
        try:
            if self._front.link:
                peer_cluster(self._wire.transport.get_extra_info("ssl_object"))
            while await self._serve_one():
                pass
            await self._linger()
            self._wire.close()
        except (CutShort, NotOfTheLink, OSError):
            self._wire.abort()
        except BaseException:
            self._wire.abort()
            raise

    async def _serve_one(self) -> bool:
        """Answer the next request; False where there is none, or no further."""
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                head = await self._wire.read_head(parse_request_head)
        except TimeoutError:
            return False
        if head is None:
            return False
        if isinstance(head, Refusal):
            return await self._refuse(head.status)
        del self._wire.buffer[: head.end]
        request = self._understand(head)
        if isinstance(request, Refusal):
            return await self._refuse(request.status, head)
        keep = await self._answer(request)
        return keep and not self._front.closing

    def _understand(self, head: RequestHead) -> _Request | Refusal:
        asked = read_host(head)
        if isinstance(asked, Refusal):
            return asked
        if not self._front.link:
            address = self._wire.transport.get_extra_info("peername")[0]
            client = Client(address, "http")
            return _Request(head, asked, None, client, secrets.token_hex(16))
        try:
            hop = read_hop([value for name, value in head.fields if name == FIELD])
        except BadHop as error:
            return Refusal(400, str(error))
        client = Client(hop.client, hop.scheme)
        return _Request(head, asked, hop, client, hop.request_id)

    async def _answer(self, request: _Request) -> bool:
        way = await self._front.room.find_way(request.asked.name, request.hop)
        match way:
            case ToUpstream(app, generation, address, port):
                place = Place(app, generation, address, port)
                return await self._pass_counted(request, [place], ())
            case Forward(app, generation, cluster, links):
                places = [
                    Place("", 0, link.host, link.port, cluster)
                    for link in map(Address.parse, links)
                ]
                hop = Hop(
                    app, generation, request.client.address, request.client.scheme,
                    request.id,
                )  # fmt: skip
                return await self._pass(request, places, ((FIELD, write_hop(hop)),))
            case Hold():
                return await self._tell(503, request)
            case Gone():
                return await self._tell(410, request)
            case Unknown():
                return await self._tell(404, request)

    async def _pass_counted(
        self, request: _Request, places: list[Place], added: tuple[Field, ...]
    ) -> bool:
        app = places[0].app
        self._front.in_flight[app] += 1
        try:
            return await self._pass(request, places, added)
        finally:
            self._front.in_flight[app] -= 1
            if not self._front.in_flight[app]:
                del self._front.in_flight[app]

    async def _pass(
        self, request: _Request, places: list[Place], added: tuple[Field, ...]
    ) -> bool:
        head, asked = request.head, request.asked
        fields = forward_request(head, asked, request.client, _PRIVATE)
        if isinstance(fields, Refusal):
            return await self._refuse(fields.status, head, request.id)
        key = find_websocket_key(head) if head.minor == 1 else None
        fields += added
        if key is not None:
            fields += UPGRADE_FIELDS
        message = write_request_head(head.method, asked.target, fields)
        try:
            return await self._exchange(head, key, places, message)
        except NoResponse as error:
            return await self._tell(error.status, request)
        except BadBody:
            return await self._refuse(400, head, request.id)

    async def _exchange(
        self, head: RequestHead, key: bytes | None, places: list[Place], message: bytes
    ) -> bool:
        """Ask over a kept connection, or where that was dead already, a new one."""
        pool = self._front.pool
        for place in places:
            kept = pool.take(place)
            if kept is None:
                continue
            try:
                return await self._over(kept, place, head, key, message)
            except NoResponse as error:
                if not error.retry:
                    raise
                break
        place, fresh = await self._connect(places)
        return await self._over(fresh, place, head, key, message)

    async def _connect(self, places: list[Place]) -> tuple[Place, Wire]:
        status = 502
        for place in places:
            try:
                return place, await self._front.pool.connect(place)
            except TimeoutError:
                status = 504
            except OSError:
                status = 502
        raise NoResponse(status, "Nobody can be connected to.")

    async def _over(
        self, upstream: Wire, place: Place, head: RequestHead, key: bytes | None,
        message: bytes,
    ) -> bool:  # fmt: skip
        exchange = Exchange(self._wire, upstream, head, key, self._front.patience)
        try:
            return await exchange.run(message)
        finally:
            if exchange.reusable:
                self._front.pool.give_back(place, upstream)
            elif not upstream.transport.is_closing():
                # Not closed: what a hung app never reads would keep it open for ever.
                upstream.abort()

    async def _tell(self, status: int, request: _Request) -> bool:
        head = request.head
        # A body that nobody reads would be taken for the next request.
        unread = head.framing is not Framing.NONE and not (
            head.framing is Framing.LENGTH and head.length == 0
        )
        keep = head.keeps_alive and head.minor == 1 and not unread
        await self._wire.write(
            (write_page(status, request.id, method=head.method, keep_alive=keep),)
        )
        return keep

    async def _refuse(
        self, status: int, head: RequestHead | None = None, request_id: str = ""
    ) -> bool:
        method = b"GET" if head is None else head.method
        number = request_id or secrets.token_hex(16)
        await self._wire.write((write_page(status, number, method=method),))
        return False

    async def _linger(self) -> None:
        """Let the client read what we wrote last, before it learns that we closed.

        RFC 9112 section 9.6: closing with bytes unread resets the connection.
        """
        wire = self._wire
        if wire.ended or not wire.transport.can_write_eof():
            return
        wire.transport.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                wire.take()
                while await wire.fill():
                    wire.take()
