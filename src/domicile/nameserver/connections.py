"""TCP (RFC 7766): queries pipelined, answered in order; the idle and the slow are cut.

Only a whole message is a sign of life, so neither one octet a second nor a client that
does not read holds a connection. When there are too many, the one idle longest goes.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from ipaddress import ip_address
from typing import cast

from domicile.dns.client import Client, Transport
from domicile.dns.stream import Deframer, frame
from domicile.nameserver.replies import Replies

IDLE = 10.0
# From the first octet of a message to its last (RFC 7766, section 6.2.3, leaves it to us).
MESSAGE = 2.0
MOST = 1000
MOST_OF_ONE_PEER = 100
# What one client has pipelined beyond these waits until others had their turn.
BATCH = 64


class Connections:
    """The open connections of a worker, those idle longest first."""

    def __init__(
        self,
        replies: Replies,
        *,
        idle: float = IDLE,
        most: int = MOST,
        most_of_one_peer: int = MOST_OF_ONE_PEER,
    ) -> None:
        self.replies = replies
        self.idle = idle
        self._most = most
        self._most_of_one_peer = most_of_one_peer
        self._open: dict[Connection, None] = {}
        self._of_peer: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def factory(self) -> Callable[[], asyncio.Protocol]:
        """What `loop.create_server` asks for."""
        return lambda: Connection(self)

    def add(self, connection: "Connection") -> bool:
        """Count a connection in, unless its peer has as many as one may."""
        if self._of_peer[connection.peer] >= self._most_of_one_peer:
            return False
        if len(self._open) >= self._most:
            next(iter(self._open)).cut()
        self._open[connection] = None
        self._of_peer[connection.peer] += 1
        return True

    def touch(self, connection: "Connection") -> None:
        """Make a connection the one that was idle least."""
        if connection in self._open:
            del self._open[connection]
            self._open[connection] = None

    def remove(self, connection: "Connection") -> None:
        if connection not in self._open:
            return
        del self._open[connection]
        self._of_peer[connection.peer] -= 1
        if not self._of_peer[connection.peer]:
            del self._of_peer[connection.peer]

    def close(self) -> None:
        """End all connections; what is written already is still sent."""
        for connection in list(self._open):
            connection.close()


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._deframer = Deframer()
        self._waiting: deque[bytes] = deque()
        self._stalled = False
        self._timer: asyncio.TimerHandle | None = None
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        address = ip_address(self.peer.partition("%")[0] or 0)
        self._client = Client(Transport.TCP, address.packed)
        if not self._connections.add(self):
            self._transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        began = self._deframer.in_midst
        self._waiting += self._deframer.receive(data)
        if self._deframer.in_midst and not began:
            self._wait(MESSAGE)
        if self._waiting and not self._stalled:
            self._serve()

    def pause_writing(self) -> None:
        self._stalled = True

    def resume_writing(self) -> None:
        self._stalled = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._connections.remove(self)

    def close(self) -> None:
        """End the connection once what is written has been sent."""
        self._transport.close()

    def cut(self) -> None:
        """End the connection now."""
        self._connections.remove(self)
        self._transport.abort()

    def _serve(self) -> None:
        """Answer a batch of what waits."""
        if self._transport.is_closing():
            return
        count = min(len(self._waiting), BATCH)
        messages = [self._waiting.popleft() for _ in range(count)]
        with self._connections.replies.batch() as reply:
            found = [reply(message, self._client) for message in messages]
        self._connections.touch(self)
        self._wait(MESSAGE if self._deframer.in_midst else 0.0)
        self._transport.write(b"".join(frame(each) for each in found if each))
        self._go_on()

    def _go_on(self) -> None:
        """Read on if all is answered and the client takes its answers."""
        if self._transport.is_closing():
            return
        if self._stalled:
            self._transport.pause_reading()
        elif self._waiting:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._serve)
        else:
            self._transport.resume_reading()

    def _wait(self, seconds: float = 0.0) -> None:
        """Wait for the next message, or so long for the rest of one that has begun."""
        self._stop_timer()
        loop = asyncio.get_running_loop()
        patience = min(seconds or self._connections.idle, self._connections.idle)
        self._timer = loop.call_later(patience, self.cut)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
