"""One request to one of its places: over a kept connection, or over a new one."""

from typing import Final

from domicile.http.head import Framing, RequestHead
from domicile.proxy.counts import Tally
from domicile.proxy.exchange import Exchange, NoResponse
from domicile.proxy.patience import Patience
from domicile.proxy.upstream import FRESH_SECONDS, Place, Pool
from domicile.proxy.wire import Wire

# RFC 9110 section 9.2.2
_IDEMPOTENT: Final = frozenset(
    (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE")
)


class Delivery:
    """A request on its way; `status` is that of the response it has got."""

    __slots__ = ("_client", "_head", "_key", "_message", "_repeatable", "status")

    def __init__(
        self, client: Wire, head: RequestHead, key: bytes | None, message: bytes
    ) -> None:
        """`key` is a WebSocket's; `message` is the head as it goes up."""
        self._client = client
        self._head = head
        self._key = key
        self._message = message
        # A body that has gone up once is here no more.
        self._repeatable = head.method in _IDEMPOTENT and head.framing is Framing.NONE
        self.status = 0

    async def run(
        self, places: list[Place], pool: Pool, patience: Patience, tally: Tally
    ) -> bool:
        """Ask, and answer the client; True where its connection can be used further.

        Raises NoResponse and CutShort, and BadBody for the client's own body.
        """
        for place in places:
            kept = self._take(place, pool)
            if kept is None:
                continue
            exchange = Exchange(self._client, kept, self._head, self._key, patience)
            try:
                return await self._over(exchange, kept, place, pool)
            except NoResponse:
                # RFC 9110 section 9.2.2: "A proxy MUST NOT automatically retry
                # non-idempotent requests."
                if not (self._repeatable and exchange.untouched and kept.ended):
                    raise
                tally.repeated()
                break
        place, fresh = await _connect(places, pool)
        exchange = Exchange(self._client, fresh, self._head, self._key, patience)
        return await self._over(exchange, fresh, place, pool)

    def _take(self, place: Place, pool: Pool) -> Wire | None:
        """What cannot be repeated goes over no connection that may have ended."""
        if self._repeatable:
            return pool.take(place)
        return pool.take(place, FRESH_SECONDS)

    async def _over(
        self, exchange: Exchange, upstream: Wire, place: Place, pool: Pool
    ) -> bool:
        try:
            return await exchange.run(self._message)
        finally:
            self.status = exchange.status
            if exchange.reusable:
                pool.give_back(place, upstream)
            elif not upstream.transport.is_closing():
                # Not closed: what a hung app never reads would keep it open for ever.
                upstream.abort()


async def _connect(places: list[Place], pool: Pool) -> tuple[Place, Wire]:
    status = 502
    for place in places:
        try:
            return place, await pool.connect(place)
        except TimeoutError:
            status = 504
        except OSError:
            status = 502
    raise NoResponse(status, "Nobody can be connected to.")
