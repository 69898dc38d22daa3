"""Connections to apps and to other clusters' links, kept for the next request."""

import asyncio
import ssl
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from domicile.proxy.wire import Wire
from domicile.service.tls import link_name

_MOST_IDLE: Final = 64
_CONNECT_SECONDS: Final = 5.0


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

    __slots__ = ("_idle", "context")

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        """`context` is for links."""
        self.context = context
        self._idle: defaultdict[Place, list[Wire]] = defaultdict(list)

    async def connect(self, place: Place) -> Wire:
        """Make a new connection; raises OSError, TimeoutError among them."""
        loop = asyncio.get_running_loop()
        tls = self.context if place.cluster else None
        if place.cluster and tls is None:
            raise ConnectionRefusedError("there is no link certificate yet")
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, wire = await loop.create_connection(
                Wire,
                place.address,
                place.port,
                ssl=tls,
                server_hostname=link_name(place.cluster) if tls else None,
            )
        return wire

    def take(self, place: Place) -> Wire | None:
        """Give an idle connection that seems to live."""
        idle = self._idle.get(place, [])
        while idle:
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
            idle.append(wire)

    def sweep(self) -> None:
        """Let go of what the other side has ended."""
        for place, idle in list(self._idle.items()):
            for wire in idle:
                if wire.ended:
                    wire.abort()
            idle[:] = [wire for wire in idle if not wire.ended]
            if not idle:
                del self._idle[place]

    def close(self) -> None:
        for idle in self._idle.values():
            for wire in idle:
                wire.abort()
        self._idle.clear()
