"""From the workers to the process that gives transfers: a question, and its connection.

What is handed over is one end of a new pair of sockets, on which the messages of the
answer come back as they go to the client, and which ends where they end. The way there
is made before the fork and outlives both sides: what waits there waits for a successor.
"""

import socket
from contextlib import suppress

import msgspec

_LONGEST = 128 * 1024
_BUFFER = 1024 * 1024


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What was asked, and from which address of 4 or 16 octets."""

    packet: bytes
    address: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Request)


class HandOver:
    """What the workers hold."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, request: Request) -> socket.socket | None:
        """Hand a request over, and give where the answer comes; None if too many wait."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                octets = _encoder.encode(request)
                socket.send_fds(self._end, [octets], [theirs.fileno()])
            except OSError:
                ours.close()
                return None
        return ours


class Intake:
    """What the process that answers holds."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        return self._end.fileno()

    def take(self) -> list[tuple[Request, socket.socket]]:
        """Take what waits, without waiting."""
        taken = []
        with suppress(BlockingIOError):
            while True:
                octets, descriptors, _, _ = socket.recv_fds(self._end, _LONGEST, 1)
                # Who has no descriptor left gets none; the client asks again.
                if descriptors:
                    end = socket.socket(fileno=descriptors[0])
                    end.setblocking(False)
                    taken.append((_decoder.decode(octets), end))
        return taken


def open_hand_over() -> tuple[HandOver, Intake]:
    """Make both ends, before the fork."""
    # Of datagrams only ten might wait (net.unix.max_dgram_qlen).
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return HandOver(theirs), Intake(ours)
