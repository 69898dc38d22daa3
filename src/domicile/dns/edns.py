"""The OPT record (RFC 6891): what a client can take, and the options of both sides."""

from collections.abc import Iterable
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from domicile.dns.rdata import Rcode, Rdtype

_FIXED = Struct("!x2HIH")  # the root as its owner, type, size, flags, length of options
OPT_SIZE = _FIXED.size
_OPTION = Struct("!2H")

DO = 0x8000
CO = 0x4000  # RFC 9824 5.1

PLAIN_LIMIT = 512  # RFC 1035 4.2.1
DATAGRAM_LIMIT = 1232  # DNS flag day 2020: never fragmented, RFC 9715

# RFC 8467 4.1: "a server … SHOULD pad the corresponding response to a multiple of 468".
PADDED_TO = 468


class OptionCode(IntEnum):
    """The options that say something to us."""

    NSID = 3
    COOKIE = 10
    KEEPALIVE = 11
    PADDING = 12
    ERROR = 15


Option = tuple[int, bytes]


class Edns(NamedTuple):
    """What the client's OPT record says."""

    size: int
    version: int
    dnssec_ok: bool
    compact_ok: bool = False
    options: tuple[Option, ...] = ()

    def option(self, code: OptionCode) -> bytes | None:
        """Give the data of an option; of several that are the same, the first's."""
        # RFC 7873 5.2: "only the first (the one closest to the DNS header) is
        # considered".
        return next((data for number, data in self.options if number == code), None)


def read_edns(size: int, flags: int, octets: bytes) -> Edns | None:
    """Read an OPT record; nothing where its options do not fill its data.

    `size` stands where other records have their class, and `flags` in place of a TTL.
    """
    options = []
    at = 0
    while at + _OPTION.size <= len(octets):
        code, length = _OPTION.unpack_from(octets, at)
        at += _OPTION.size
        options.append((code, octets[at : at + length]))
        at += length
    if at != len(octets):
        return None
    return Edns(
        # RFC 6891 6.2.3: "Values lower than 512 MUST be treated as equal to 512."
        size=max(size, PLAIN_LIMIT),
        version=flags >> 16 & 0xFF,
        dnssec_ok=bool(flags & DO),
        compact_ok=bool(flags & CO),
        options=tuple(options),
    )


def write_edns(rcode: Rcode, edns: Edns, options: Iterable[Option] = ()) -> bytes:
    """Write the OPT record of a reply."""
    # RFC 6891 6.1.3: the upper eight bits of the rcode, our version 0, the flags.
    flags = DO if edns.dnssec_ok else 0
    # RFC 9824 5.1: who answers so "will set the Compact Answers OK EDNS header flag".
    flags |= CO if edns.dnssec_ok and edns.compact_ok else 0
    data = b"".join(_OPTION.pack(code, len(each)) + each for code, each in options)
    head = _FIXED.pack(
        Rdtype.OPT, DATAGRAM_LIMIT, (rcode >> 4) << 24 | flags, len(data)
    )
    return head + data


def padding(size: int) -> Option:
    """Give the option that fills a message of `size` octets without it."""
    return OptionCode.PADDING, bytes(-(size + _OPTION.size) % PADDED_TO)
