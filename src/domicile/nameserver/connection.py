"""One client's connection, plain or by TLS: queries pipelined, answered in order.

Only a whole message is a sign of life, so neither one octet a second nor a client that
does not read holds a connection. What arrives is read on once all that came is
answered, and what is answered goes on once it was taken; so what one client can have
us keep is bounded.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple, cast

from domicile.dns.budget import prefix_of
from domicile.dns.client import Client, Transport
from domicile.dns.message import HEADER, Malformed, write_refusal
from domicile.dns.rdata import Rcode
from domicile.dns.stream import Deframer, frame
from domicile.dns.transfer import is_of_transfers
from domicile.dns.update import is_update
from domicile.nameserver.connections import Connections
from domicile.nameserver.handover import HandOver, Request
from domicile.nameserver.replies import Replies
from domicile.nameserver.tls import Session
from domicile.nameserver.updates import Updates

# From the first octet of a message to its last (RFC 7766, section 6.2.3, leaves it to us).
MESSAGE = 2.0
HANDSHAKE = 3.0
# What one client has pipelined beyond these waits until others had their turn.
BATCH = 64
# Of so many updates the replies may be still to come; with a batch fewer than 100.
MOST_OWED = 36
# For how many times that one may be idle they are waited for.
LONGEST_OWED = 6
# Octets of answers that were not taken yet, and the batch beyond.
MOST_UNTAKEN = 64 * 1024


class Service(NamedTuple):
    """What all connections of a worker share; with a `context` they are of TLS.

    Transfers are handed over to who gives them, if there is anybody.
    """

    connections: Connections
    replies: Replies
    context: ssl.SSLContext | None = None
    updates: Updates | None = None
    hand_over: HandOver | None = None

    @property
    def factory(self) -> Callable[[], asyncio.Protocol]:
        """What `loop.create_server` asks for."""
        return lambda: Connection(self)


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, service: Service) -> None:
        self._connections = service.connections
        self._replies = service.replies
        self._updates = service.updates
        # Of so many updates the replies are still to come; these came amidst a transfer.
        self._owed = self._waited = 0
        self._late = b""
        self._hand_over = service.hand_over
        self._session = Session(service.context) if service.context else None
        self._deframer = Deframer()
        self._ended = False
        self._relay: asyncio.Task[None] | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._timer: asyncio.TimerHandle | None = None
        self.prefix = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = (transport.get_extra_info("peername") or ("0.0.0.0",))[0]
        address = ip_address(peer.partition("%")[0]).packed
        self._client = Client(
            Transport.TLS if self._session else Transport.TCP, address
        )
        self.prefix = prefix_of(address)
        if not self._connections.add(self):
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(MOST_UNTAKEN)
        self._wait(HANDSHAKE if self._session else self._connections.limits.idle)

    def data_received(self, data: bytes) -> None:
        if self._session is not None:
            data = self._decrypt(self._session, data)
        began = self._deframer.in_midst
        self._deframer.receive(data)
        if self._deframer.in_midst and not began:
            self._wait(MESSAGE)
        if not self.stalled and self._relay is None:
            self._serve()

    def eof_received(self) -> bool:
        """Answer what was asked before; we are who closes then."""
        self._ended = True
        self._go_on()
        return True

    @property
    def stalled(self) -> bool:
        """Whether the client has not taken what it was sent."""
        return not self._flowing.is_set()

    def pause_writing(self) -> None:
        self._flowing.clear()

    def resume_writing(self) -> None:
        self._flowing.set()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._connections.remove(self)
        if self._relay is not None:
            self._relay.cancel()

    def close(self) -> None:
        """End the connection once what is written has been sent."""
        if self._session is not None:
            self._transport.write(self._session.end())
        self._transport.close()

    def cut(self) -> None:
        """End the connection now."""
        self._connections.remove(self)
        self._transport.abort()

    def _decrypt(self, session: Session, data: bytes) -> bytes:
        """Give what was said, and send what TLS itself has to say."""
        established = session.established
        try:
            data = session.receive(data)
        except ssl.SSLError:
            self._transport.write(session.take())
            self._transport.close()
            return b""
        self._transport.write(session.take())
        if session.established and not established:
            self._wait(self._connections.limits.idle)
        self._ended = self._ended or session.ended
        return data

    def _serve(self) -> None:
        """Answer a batch of what has arrived."""
        if self._transport.is_closing():
            return
        if self._deframer.has_message:
            self._write(self._answers())
            self._connections.touch(self)
            self._waited = 0
            patience = self._connections.limits.idle
            self._wait(MESSAGE if self._deframer.in_midst else patience)
        self._go_on()

    def _answers(self) -> bytes:
        found = bytearray()
        with self._replies.batch() as reply:
            for _ in range(BATCH):
                if self._owed >= MOST_OWED:
                    break
                message = self._deframer.take()
                if message is None:
                    break
                if self._updates is not None and is_update(message):
                    self._owed += 1
                    self._updates.take(message, self._client, self._answer_late)
                    continue
                if self._hand_over and is_of_transfers(message):
                    found += self._pass_on(self._hand_over, message)
                    break
                answer = reply(message, self._client)
                if answer is not None:
                    found += frame(answer)
                if len(found) > MOST_UNTAKEN:
                    break
        return bytes(found)

    def _answer_late(self, message: bytes) -> None:
        """Answer out of turn, as RFC 7766 6.2.1.1 has it."""
        self._owed -= 1
        if self._relay is not None:
            self._late += frame(message)
        elif not self._transport.is_closing():
            self._write(frame(message))
            asyncio.get_running_loop().call_soon(self._go_on)

    def _pass_on(self, to: HandOver, message: bytes) -> bytes:
        """Have others answer, who take long; give what is answered at once."""
        end = to.send(Request(message, self._client.address))
        if end is None:
            ident, flags = HEADER.unpack_from(message)[:2]
            return frame(write_refusal(Malformed(ident, flags, Rcode.SERVFAIL)))
        self._relay = asyncio.create_task(self._bring(end))
        return b""

    async def _bring(self, end: socket.socket) -> None:
        """Write what comes, as fast as the client takes it."""
        reader, writer = await asyncio.open_unix_connection(sock=end)
        try:
            while octets := await reader.read(MOST_UNTAKEN):
                self._write(octets)
                self._wait(self._connections.limits.idle)
                await self._flowing.wait()
        except OSError:
            # Who gave it has died: what is missing the client will notice.
            self.close()
        finally:
            writer.close()
            self._relay = None
            late, self._late = self._late, b""
            if late and not self._transport.is_closing():
                self._write(late)
            self._go_on()

    def _go_on(self) -> None:
        """Read on if all is answered and the client takes its answers."""
        if self._transport.is_closing():
            return
        if self.stalled or self._relay is not None or self._owed >= MOST_OWED:
            self._transport.pause_reading()
        elif self._deframer.has_message:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._serve)
        elif self._ended:
            if not self._owed:
                self.close()
        else:
            self._transport.resume_reading()

    def _write(self, octets: bytes) -> None:
        if self._session is not None:
            octets = self._session.send(octets)
        self._transport.write(octets)

    def _wait(self, seconds: float) -> None:
        """Wait so long for the next message, or for the rest of one that has begun."""
        self._stop_timer()
        loop = asyncio.get_running_loop()
        patience = min(seconds, self._connections.limits.idle)
        self._timer = loop.call_later(patience, self._time_out)

    def _time_out(self) -> None:
        """Cut it, or wait on for what is owed, which takes no longer than that."""
        self._waited += 1
        if self._owed and self._waited < LONGEST_OWED:
            self._wait(self._connections.limits.idle)
        else:
            self.cut()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
