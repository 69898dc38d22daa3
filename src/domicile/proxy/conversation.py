"""One client's connection: its requests, one after the other.

    head -> host -> way (perhaps a wait) -> delivery to an upstream, or a page

The same code serves the public port and the link; only the link believes a
`Domicile-Hop`, and only the public port believes the socket's address. A client that
goes away ends it all, wherever it is: the wait, the delivery, the upstream's request.
"""

import asyncio
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from domicile.config import Address
from domicile.http.body import BadBody
from domicile.http.fields import (
    Client,
    forward_request,
    pass_through,
    write_request_head,
)
from domicile.http.head import (
    Field,
    Framing,
    Refusal,
    RequestHead,
    parse_request_head,
)
from domicile.http.host import Asked, read_host
from domicile.http.upgrade import UPGRADE_FIELDS, find_websocket_key
from domicile.model.health import PROBE_PATH
from domicile.model.routing import Forward, Gone, Hold, Hop, ToUpstream, Unknown
from domicile.proxy.counts import Ending, Tally
from domicile.proxy.delivery import Delivery
from domicile.proxy.exchange import CutShort, NoResponse
from domicile.proxy.holds import WaitingRoom
from domicile.proxy.hop import FIELD, BadHop, read_hop, write_hop
from domicile.proxy.pages import write_health, write_page
from domicile.proxy.patience import Patience
from domicile.proxy.requestlog import Entry, RequestLog
from domicile.proxy.upstream import Place, Pool
from domicile.proxy.wire import Stalled, Wire
from domicile.service.tls import NotOfTheLink, peer_cluster

_PRIVATE: Final = frozenset((FIELD,))
_PROBE: Final = PROBE_PATH.encode("ascii")
_PROBED_BY: Final = frozenset((b"GET", b"HEAD"))

_log = structlog.get_logger()


@dataclass(slots=True)
class Surroundings:
    """What a conversation works with; all of a listener share it.

    `cluster` is ours. `cdn` is by what we know, on the public port, a request that was here before (RFC
    8586). `in_flight` are the requests with each app of ours, and `asked` says when the last
    began or ended, by the loop's clock; `busy` are all that are not answered yet. `closing` says that no connection is for further requests.
    """

    room: WaitingRoom
    pool: Pool
    tally: Tally
    link: bool = False
    cluster: str = ""
    cdn: bytes = b""
    patience: Patience = field(default_factory=Patience)
    log: RequestLog = field(default_factory=RequestLog)
    in_flight: Counter[str] = field(default_factory=Counter)
    asked: dict[str, float] = field(default_factory=dict)
    busy: int = 0
    closing: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    head: RequestHead
    asked: Asked
    hop: Hop | None
    client: Client
    id: str
    entry: Entry

    @property
    def host(self) -> str:
        return self.asked.name

    @property
    def is_probe(self) -> bool:
        """Whether a reporter asks whether this address leads to a proxy."""
        asked = self.asked
        is_asked = asked.target == _PROBE and self.method in _PROBED_BY
        return is_asked and asked.is_address and self.hop is None

    @property
    def method(self) -> bytes:
        return self.head.method

    @property
    def target(self) -> bytes:
        return self.asked.target


class Conversation:
    """One client's connection, from the address that the socket says."""

    __slots__ = ("_address", "_around", "_wire")

    def __init__(self, around: Surroundings, wire: Wire, address: str) -> None:
        self._around = around
        self._wire = wire
        self._address = address

    def start(self) -> asyncio.Task[None]:
        """Converse in a task of its own, which ends with the client."""
        task = asyncio.create_task(self._run())
        self._wire.on_lost = task.cancel
        self._wire.on_ended = lambda: self._look_whether_it_left(task, -1)
        return task

    def _look_whether_it_left(self, task: asyncio.Task[None], writes: int) -> None:
        """A client that has ended its sending reads on, or is gone: see Patience."""
        wire = self._wire
        if task.done():
            return
        if wire.writes == writes and not wire.paused:
            task.cancel()
            return
        asyncio.get_running_loop().call_later(
            self._around.patience.half_closed,
            self._look_whether_it_left,
            task,
            wire.writes,
        )

    async def _run(self) -> None:
        try:
            if self._around.link:
                peer_cluster(self._wire.transport.get_extra_info("ssl_object"))
            while await self._serve_one():
                pass
            await self._linger()
            self._wire.close()
        except CutShort:
            self._wire.reset()
        except (NotOfTheLink, Stalled, OSError):
            self._wire.abort()
        except Exception:  # noqa: BLE001 - the border: one connection, not the worker
            _log.exception("a connection failed")
            self._wire.abort()
        except asyncio.CancelledError:
            self._wire.abort()
            raise

    async def _serve_one(self) -> bool:
        """Answer the next request; False where there is none, or no further."""
        head = await self._read_head()
        if head is None:
            return False
        if isinstance(head, Refusal):
            return await self._refuse(head.status)
        request = self._understand(head)
        if isinstance(request, Refusal):
            return await self._refuse(request.status, method=head.method)
        return await self._answer_counted(request) and not self._around.closing

    async def _read_head(self) -> RequestHead | Refusal | None:
        wire, patience = self._wire, self._around.patience
        try:
            if not wire.buffer and not await wire.fill(patience.idle):
                return None
        except Stalled:
            return None
        parse = partial(parse_request_head, limits=wire.limits)
        try:
            head = await wire.read_head(parse, patience.head)
        except Stalled:
            return Refusal(408, "The head did not come to its end.")
        if isinstance(head, RequestHead):
            del wire.buffer[: head.end]
        return head

    def _understand(self, head: RequestHead) -> _Request | Refusal:
        asked = read_host(head)
        if isinstance(asked, Refusal):
            return asked
        entry = self._around.log.begin()
        if not self._around.link:
            client = Client(self._address, "http")
            return _Request(head, asked, None, client, secrets.token_hex(16), entry)
        try:
            hop = read_hop([value for name, value in head.fields if name == FIELD])
        except BadHop as error:
            return Refusal(400, str(error))
        client = Client(hop.client, hop.scheme)
        return _Request(head, asked, hop, client, hop.request_id, entry)

    async def _answer_counted(self, request: _Request) -> bool:
        around, entry = self._around, request.entry
        around.busy += 1
        try:
            return await self._answer(request)
        except CutShort as error:
            around.tally.ended(Ending.CUT)
            entry.outcome, entry.reason = Ending.CUT, str(error)
            raise
        except (asyncio.CancelledError, Stalled, OSError):
            around.tally.ended(Ending.LEFT)
            entry.outcome = Ending.LEFT
            raise
        finally:
            around.busy -= 1
            # Of probes there are many, and who asks them tells what came of it.
            if not request.is_probe:
                around.log.note(request)

    async def _answer(self, request: _Request) -> bool:
        room, entry = self._around.room, request.entry
        if request.is_probe:
            return await self._tell_health(request)
        way = await room.find_way(request.asked.name, request.hop)
        match way:
            case ToUpstream(app, generation, address, port):
                entry.app, entry.generation = app, generation
                place = Place(app, generation, address, port)
                return await self._pass_here(request, place)
            case Forward():
                return await self._pass_on(request, way)
            case Hold(app, reason):
                entry.app, entry.generation = app, room.generation_of(app)
                entry.reason = reason.value
                return await self._tell(503, request)
            case Gone(app):
                entry.app = app
                return await self._tell(410, request)
            case Unknown():
                return await self._tell(404, request)

    async def _pass_here(self, request: _Request, place: Place) -> bool:
        in_flight, asked = self._around.in_flight, self._around.asked
        clock = asyncio.get_running_loop().time
        in_flight[place.app] += 1
        asked[place.app] = clock()
        try:
            return await self._pass(request, place.app, [place], Ending.APP)
        finally:
            asked[place.app] = clock()
            in_flight[place.app] -= 1
            if not in_flight[place.app]:
                del in_flight[place.app]

    async def _pass_on(self, request: _Request, way: Forward) -> bool:
        links = map(Address.parse, way.links)
        places = [Place("", 0, link.host, link.port, way.cluster) for link in links]
        client, entry = request.client, request.entry
        entry.app, entry.generation, entry.to = way.app, way.generation, way.cluster
        hop = Hop(way.app, way.generation, client.address, client.scheme, request.id)
        self._around.tally.forwarded()
        added = ((FIELD, write_hop(hop)),)
        return await self._pass(request, way.app, places, Ending.LINK, added)

    async def _pass(
        self,
        request: _Request,
        app: str,
        places: list[Place],
        ending: Ending,
        added: tuple[Field, ...] = (),
    ) -> bool:
        head, around = request.head, self._around
        fields = self._fields_of(request, app)
        if isinstance(fields, Refusal):
            return await self._refuse(fields.status, request)
        key = find_websocket_key(head) if head.minor == 1 else None
        fields += added
        if key is not None:
            fields += UPGRADE_FIELDS
        message = write_request_head(head.method, request.asked.target, fields)
        delivery = Delivery(self._wire, head, key, message)
        around.tally.in_flight(1)
        try:
            keep = await delivery.run(
                places, around.pool, around.patience, around.tally
            )
        except NoResponse as error:
            request.entry.reason = str(error)
            return await self._tell(error.status, request)
        except BadBody:
            return await self._refuse(400, request)
        finally:
            around.tally.in_flight(-1)
            request.entry.status = request.entry.status or delivery.status
        around.tally.answered(ending, delivery.status)
        request.entry.outcome = ending
        return keep

    def _fields_of(self, request: _Request, app: str) -> list[Field] | Refusal:
        head = request.head
        fields = forward_request(head, request.asked, request.client, _PRIVATE)
        # Between our own clusters generations end a loop, and sooner.
        if isinstance(fields, Refusal) or not self._around.cdn:
            return fields
        # By app: that one app asks another is no circle, wherever both live.
        passed = pass_through(head, b"%b-%b" % (self._around.cdn, app.encode("ascii")))
        return passed if isinstance(passed, Refusal) else [*fields, passed]

    async def _tell_health(self, request: _Request) -> bool:
        """Answer a probe: yes, once there are records to route by."""
        if not self._around.room.is_ready:
            return await self._tell(503, request)
        keep, method = _may_keep(request.head), request.method
        cluster = self._around.cluster
        page = write_health(cluster, method=method, keep_alive=keep)
        return await self._give(page, 200, request)

    async def _tell(self, status: int, request: _Request) -> bool:
        keep, method = _may_keep(request.head), request.method
        page = write_page(status, request.id, method=method, keep_alive=keep)
        return await self._give(page, status, request)

    async def _give(self, page: bytes, status: int, request: _Request) -> bool:
        """Answer what we answer by ourselves."""
        request.entry.status = status
        await self._wire.write((page,))
        self._around.tally.answered(Ending.PAGE, status)
        request.entry.outcome = Ending.PAGE
        return _may_keep(request.head)

    async def _refuse(
        self, status: int, request: _Request | None = None, method: bytes = b"GET"
    ) -> bool:
        """Answer what is not asked right, and be done with its connection."""
        number = request.id if request else secrets.token_hex(16)
        method = request.method if request else method
        await self._wire.write((write_page(status, number, method=method),))
        self._around.tally.answered(Ending.PAGE, status)
        if request is None:
            self._around.log.refused(number, status)
        else:
            request.entry.outcome, request.entry.status = Ending.PAGE, status
        return False

    async def _linger(self) -> None:
        """Let the client read what we wrote last, before it learns that we closed.

        RFC 9112 section 9.6: closing with bytes unread resets the connection.
        """
        wire = self._wire
        if wire.ended or not wire.transport.can_write_eof():
            return
        wire.transport.write_eof()
        with suppress(TimeoutError, Stalled):
            async with asyncio.timeout(self._around.patience.linger):
                wire.take()
                while await wire.fill(self._around.patience.linger):
                    wire.take()


def _may_keep(head: RequestHead) -> bool:
    """Whether the connection is for further requests after what nobody reads."""
    # A body that nobody reads would be taken for the next request.
    unread = head.framing is not Framing.NONE and not (
        head.framing is Framing.LENGTH and head.length == 0
    )
    return head.keeps_alive and head.minor == 1 and not unread
