"""UDP: read what waits, answer it from one view, go back to the loop."""

import asyncio
import socket

from domicile.nameserver.replies import Replies, Reply

# Enough to spread the cost of a wake and of a view, few enough that TCP gets its turn.
BATCH = 64
_LARGEST = 65535


class Datagrams:
    """Answers the datagrams of one socket."""

    def __init__(self, udp: socket.socket, replies: Replies) -> None:
        self._socket = udp
        self._replies = replies

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_reader(self._socket, self._serve)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._socket)

    def _serve(self) -> None:
        with self._replies.batch() as reply:
            for _ in range(BATCH):
                if not self._serve_one(reply):
                    return

    def _serve_one(self, reply: Reply) -> bool:
        """Answer one datagram; tell whether there was one."""
        try:
            packet, peer = self._socket.recvfrom(_LARGEST)
        except OSError:
            # Nothing waits any more, or an ICMP error of an earlier answer came back.
            return False
        # Nobody asks from port 0; it cannot be answered.
        message = reply(packet) if peer[1] else None
        if message is not None:
            self._send(message, peer)
        return True

    def _send(self, message: bytes, peer: tuple[str, int]) -> None:
        try:
            self._socket.sendto(message, peer)
        except OSError:
            # A full buffer or no route: UDP loses messages, and the client asks again.
            return
