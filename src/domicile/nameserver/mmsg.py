"""Many datagrams by one system call each way; here one by one, as Python can.

Where there was a C compiler, `mmsg.pyx` is what is imported by this name: the same, by
recvmmsg(2) and sendmmsg(2).
"""

import socket
from typing import Any

from domicile.dns.budget import prefix_of

# As large as a datagram can be.
_LARGEST = 65535
_HEAD = 10


class Batch:
    """Up to `size` datagrams of a socket that does not block, and their replies."""

    def __init__(self, udp: socket.socket, size: int) -> None:
        self._socket = udp
        self._size = size
        self._taken: list[tuple[bytes, tuple[Any, ...]]] = []
        self._replies: list[bytes | None] = []

    def receive(self) -> int:
        """Take what waits, and say how many there are; 0 where none can be had."""
        self._taken = []
        while len(self._taken) < self._size:
            try:
                self._taken.append(self._socket.recvfrom(_LARGEST))
            except OSError:
                # None waits any more, or an earlier reply came back as an ICMP error.
                break
        self._replies = [None] * len(self._taken)
        return len(self._taken)

    def packet(self, place: int) -> bytes:
        return self._taken[place][0]

    def size(self, place: int) -> int:
        return len(self._taken[place][0])

    def octets(self, place: int) -> bytes:
        """Give the packet where it lies, until that is rewritten."""
        return self._taken[place][0]

    def address(self, place: int) -> bytes:
        """Give whom it says it came from: 4 or 16 octets."""
        text = self._taken[place][1][0].partition("%")[0]
        return socket.inet_pton(self._socket.family, text)

    def prefix(self, place: int) -> int:
        """Give the number of the network that it says it came from (`dns.budget`)."""
        return prefix_of(self.address(place))

    def peer(self, place: int) -> tuple[str | int, ...]:
        """Give the same as `sendto` takes it: for what is answered later."""
        return self._taken[place][1]

    def reply(self, place: int, message: bytes) -> None:
        """Have this sent to whom that datagram came from."""
        self._replies[place] = message

    def rewrite(self, place: int, piece: bytes, end: int, pointer: int) -> None:
        """Have the packet itself sent back, with a piece about its question.

        The piece's first octets take the place of the header's behind the id; then, what
        followed on the question gives way to the pointer, if it is not 0, and the rest.
        """
        packet = self.packet(place)
        rest = pointer.to_bytes(2, "big") if pointer else b""
        rest += piece[_HEAD:]
        self._replies[place] = (
            packet[:2] + piece[:_HEAD] + packet[_HEAD + 2 : end] + rest
        )

    def send(self) -> None:
        for (_, peer), message in zip(self._taken, self._replies, strict=True):
            # Nobody asks from port 0; it cannot be answered.
            if message is not None and peer[1]:
                self._send(message, peer)

    def _send(self, message: bytes, peer: tuple[Any, ...]) -> None:
        try:
            self._socket.sendto(message, peer)
        except OSError:
            # A full buffer or no route: UDP loses messages, and the client asks again.
            return
