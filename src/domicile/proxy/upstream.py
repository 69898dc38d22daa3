"""Connections to apps and to other clusters' links, kept for the next request."""

import asyncio
import ssl
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from domicile.http.head import FROM_A_HOP, FROM_OUTSIDE
from domicile.proxy.patience import Patience
from domicile.proxy.wire import Wire
from domicile.service.tls import link_name

_MOST_IDLE: Final = 64

# Half of what our own links wait for the next request, so that they do not end what
# we are about to use.
_LONGEST_IDLE: Final = 30.0

FRESH_SECONDS: Final = 1.0
"""No server we know ends a connection that has been idle for no longer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect; `cluster` only for a link.

    App and generation are part of it: a port that is another's now is another place.
    """

    app: str
    generation: int
    address: str
    port: int
    cluster: str = ""


class Pool:
    """Idle connections by place, the newest first."""

    __slots__ = ("_enrolled", "_idle", "_patience", "context")

    def __init__(
        self, patience: Patience, context: ssl.SSLContext | None = None
    ) -> None:
        """`context` is for links."""
        self._patience = patience
        self.context = context
        self._enrolled = asyncio.Event()
        if context is not None:
            self._enrolled.set()
        self._idle: defaultdict[Place, list[Wire]] = defaultdict(list)

    def trust(self, context: ssl.SSLContext) -> None:
        """Take a new context for links; who waits for the first one goes on."""
        self.context = context
        self._enrolled.set()

    async def connect(self, place: Place) -> Wire:
        """Make a new connection; raises OSError, TimeoutError among them.

        A link waits for its certificate: a proxy that has just joined has none yet.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._patience.connect):
            if place.cluster:
                await self._enrolled.wait()
            tls = self.context if place.cluster else None
            limits = FROM_A_HOP if place.cluster else FROM_OUTSIDE
            _, wire = await loop.create_connection(
                lambda: Wire(stall=self._patience.answer, limits=limits),
                place.address,
                place.port,
                ssl=tls,
                server_hostname=link_name(place.cluster) if tls else None,
            )
        return wire

    def take(self, place: Place, idle_for: float = _LONGEST_IDLE) -> Wire | None:
        """Give a connection that seems to live and was not idle for longer."""
        since = asyncio.get_running_loop().time() - idle_for
        idle = self._idle.get(place, [])
        while idle and idle[-1].idle_since >= since:
            wire = idle.pop()
            if not idle:
                del self._idle[place]
            # What comes unasked is no answer to what we ask next.
            if not wire.ended and not wire.buffer:
                return wire
            wire.abort()
        return None

    def give_back(self, place: Place, wire: Wire) -> None:
        idle = self._idle[place]
        idle[:] = [each for each in idle if not each.ended]
        if len(idle) >= _MOST_IDLE:
            wire.close()
        else:
            wire.idle_since = asyncio.get_running_loop().time()
            idle.append(wire)

    def sweep(self) -> None:
        """Let go of what the other side has ended, and of what nobody needs."""
        since = asyncio.get_running_loop().time() - _LONGEST_IDLE
        for place, idle in list(self._idle.items()):
            for wire in idle:
                if wire.ended or wire.idle_since < since:
                    wire.abort()
            idle[:] = [each for each in idle if not each.transport.is_closing()]
            if not idle:
                del self._idle[place]

    def close(self) -> None:
        for idle in self._idle.values():
            for wire in idle:
                wire.abort()
        self._idle.clear()
