"""Asks the kernel for listening TCP sockets: sock_diag(7) over netlink(7).

It goes through those that listen and no others. /proc/net/tcp goes through all places
where a connection could be, which takes milliseconds even where there are none.
"""

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from domicile.config import Address

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_DUMP = 0x301  # NLM_F_REQUEST, NLM_F_ROOT, NLM_F_MATCH
_DONE = 3
_ERROR = 2
_LISTENS = 1 << 10

_HEAD = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port id
_ASKED = struct.Struct("=BBBBI48x")  # inet_diag_req_v2: family, protocol, -, -, states
# inet_diag_msg: family, state, -, -, source port, -, source, -, inode
_TOLD = struct.Struct("=BB2x2s2x16s44xI")
_ERRNO = struct.Struct("=i")
_LONGEST = 1 << 18


class Listener(NamedTuple):
    """A listening socket, by its inode."""

    address: Address
    inode: int


def ask(family: socket.AddressFamily) -> Iterator[Listener]:
    """Give the listening sockets of a family; raises OSError where nobody tells."""
    asked = _ASKED.pack(family, socket.IPPROTO_TCP, 0, 0, _LISTENS)
    head = _HEAD.pack(_HEAD.size + len(asked), _SOCK_DIAG_BY_FAMILY, _DUMP, 1, 0)
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    with kernel:
        kernel.send(head + asked)
        while True:
            for kind, body in _messages(kernel.recv(_LONGEST)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError(
                        -_ERRNO.unpack_from(body)[0],
                        "the kernel does not tell who listens",
                    )
                yield _listener(body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        length, kind, *_ = _HEAD.unpack_from(data)
        yield kind, data[_HEAD.size : length]
        data = data[(length + 3) & ~3 :]


def _listener(body: bytes) -> Listener:
    family, _, port, source, inode = _TOLD.unpack_from(body)
    packed = source[:4] if family == socket.AF_INET else source
    host = socket.inet_ntop(family, packed)
    return Listener(Address(host, int.from_bytes(port, "big")), inode)
