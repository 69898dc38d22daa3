"""A listener's connections: whom to let in, and which conversations there are."""

import asyncio
import ipaddress
import resource
import secrets
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from domicile.http.head import FROM_A_HOP, FROM_OUTSIDE
from domicile.proxy.conversation import Conversation, Surroundings
from domicile.proxy.pages import write_page
from domicile.proxy.wire import Wire

MOST_OF_ONE_CLIENT: Final = 1024
"""Connections to one worker: a client may be a whole office behind one address."""

_SITE_BITS: Final = 64


@dataclass(slots=True)
class Front:
    """`tasks` are the conversations, `clients` counts them by who they are with."""

    around: Surroundings
    most_of_one_client: int = MOST_OF_ONE_CLIENT
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    clients: Counter[str] = field(default_factory=Counter)

    def accept(self) -> Wire:
        """Make the protocol of a new connection."""
        around = self.around
        limits = FROM_A_HOP if around.link else FROM_OUTSIDE
        return Wire(self._converse, around.patience.stall, limits)

    async def end(self) -> None:
        """Cut what is still open."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _converse(self, wire: Wire) -> None:
        peer = wire.transport.get_extra_info("peername")
        if peer is None:
            # Gone already, in the time between the kernel's accepting and ours.
            wire.abort()
            return
        client = _name_client(peer[0])
        # A link's clients are proxies of ours, and theirs are counted there.
        if not self.around.link and self.clients[client] >= self.most_of_one_client:
            self._turn_away(wire, 429)
            return
        if not self.around.link and len(self.tasks) >= _most_connections():
            self._turn_away(wire, 503)
            return
        task = Conversation(self.around, wire, peer[0]).start()
        self.tasks.add(task)
        self.clients[client] += 1
        self.around.tally.connected(1)
        task.add_done_callback(partial(self._part, client))

    def _part(self, client: str, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.around.tally.connected(-1)
        self.clients[client] -= 1
        if not self.clients[client]:
            del self.clients[client]

    def _turn_away(self, wire: Wire, status: int) -> None:
        self.around.tally.turned_away()
        wire.transport.write(write_page(status, secrets.token_hex(16)))
        wire.close()


def _most_connections() -> int:
    """Give how many clients there may be: each wants a descriptor more for its app."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


def _name_client(address: str) -> str:
    """Of IPv6 a client has a whole /64."""
    if ":" not in address:
        return address
    network = ipaddress.ip_network(
        (address.partition("%")[0], _SITE_BITS), strict=False
    )
    return str(network)
