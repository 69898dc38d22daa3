"""Who asks, and by which way: what a reply depends on beside its query."""

from enum import Enum
from typing import NamedTuple


class Transport(Enum):
    """How messages come and go."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Client(NamedTuple):
    """The other end of one message.

    `address` is of 4 or 16 octets; over UDP it may be anybody's.
    """

    transport: Transport
    address: bytes

    @property
    def is_stream(self) -> bool:
        """Whether what is long may be sent, and the address is the sender's."""
        return self.transport is not Transport.UDP
