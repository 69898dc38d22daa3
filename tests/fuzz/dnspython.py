"""What dnspython makes of a query, and where we differ from it on purpose.

The two tables are all the differences there may be. Whatever else one of us takes and
the other does not, or takes for something else, is a bug.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import dns.message
import dns.name
import dns.rdatatype
import dns.wire
from dns.message import Message

_OPAQUE_TYPE = 65280  # RFC 6895 3.1: for private use
_OPAQUE_OPTION = 65001  # RFC 6891 9: for local use


@dataclass(frozen=True)
class Asked:
    """A query, as both are to read it; `edns` is size, version and DO."""

    name: bytes
    rdtype: int
    rdclass: int
    edns: tuple[int, int, bool] | None


@dataclass(frozen=True)
class Greeted:
    """No question, and an OPT record with a cookie (RFC 7873 5.4)."""

    edns: tuple[int, int, bool]


def read(packet: bytes) -> Message | Exception:
    try:
        return dns.message.from_wire(packet, keyring=False)
    except Exception as error:
        return error


def asked(message: Message) -> Asked | Greeted:
    edns = None
    if message.edns >= 0:
        size = max(message.payload, 512)
        edns = (size, message.edns, bool(message.ednsflags & 0x8000))
    if edns is not None and not message.question:
        return Greeted(edns)
    (question,) = message.question
    name = question.name.to_wire()
    return Asked(name, question.rdtype, question.rdclass, edns)


# We take it, dnspython does not.
LENIENCES = {
    "data of other records": "RFC 6891 6.1.1: of the additional section only OPT is for "
    "us; TSIG and SIG(0), that sign a query, we do not speak yet",
    "contents of options": "RFC 6891 6.1.2: OPTION-CODE values that are not understood "
    "MUST be ignored, and we understand few",
    "a chain of more than 16 pointers": "RFC 1035 4.1.4 names no limit; ours is 127",
}


def find_lenience(packet: bytes, error: Exception) -> tuple[str, Message | None]:
    """Tell what makes us take a packet, and what dnspython makes of it without that."""
    try:
        list(_Walk(packet).records())
    except dns.name.PointerChainTooLong:
        return "a chain of more than 16 pointers", None
    for reason, options in (
        ("data of other records", False),
        ("contents of options", True),
    ):
        message = read(_make_opaque(packet, options=options))
        if isinstance(message, Message):
            return reason, message
    raise AssertionError(f"taken here, and by dnspython not: {error!r}") from error


# dnspython takes it, we do not.
STRICTNESS = {
    "not one question": "RFC 9619 4; none is well with a cookie alone (RFC 7873 5.4)",
    "an answer in a query": "RFC 1035 4.1.1: it is we who answer",
    "an authority in a query": "RFC 1995 3: an IXFR alone has one, and it is an SOA",
    "a pointer in the question": "RFC 1035 4.1.4: no name is prior to it",
    "a pointer into the header": "RFC 1035 4.1.4: there are no names",
    "more than 127 pointers": "RFC 9267 2: work is bounded by the packet, not by what "
    "its pointers lead to",
    "an OPT whose owner is a pointer": "RFC 6891 6.1.2: MUST be 0 (root domain)",
}


def find_strictness(packet: bytes, message: Message) -> str:
    """Tell why we do not take what dnspython takes."""
    walk = _Walk(packet)
    records = list(walk.records())
    authorities = [each.rdtype for each in records if each.section == 2]
    questions = [(each.name.to_wire(), each.rdtype) for each in message.question]
    name, rdtype = questions[0] if questions else (b"", 0)
    allowed = [[], [dns.rdatatype.SOA]] if rdtype == dns.rdatatype.IXFR else [[]]
    found = {
        "not one question": len(questions) != 1,
        "an answer in a query": any(each.section == 1 for each in records),
        "an authority in a query": authorities not in allowed,
        "a pointer in the question": not packet[12:].startswith(name),
        "a pointer into the header": any(target < 12 for target in walk.targets),
        "more than 127 pointers": len(walk.targets) > 127,
        "an OPT whose owner is a pointer": any(
            each.rdtype == dns.rdatatype.OPT and packet[each.start] for each in records
        ),
    }
    reasons = [reason for reason in STRICTNESS if found[reason]]
    assert reasons, f"taken by dnspython, and not here: {message}"
    return reasons[0]


@dataclass(frozen=True)
class _Record:
    section: int
    start: int
    owner: dns.name.Name
    rdtype: int
    size: int  # which OPT has in the place of a class
    ttl: int
    data: bytes


class _Walk(dns.wire.Parser):
    """Steps over what dnspython's own reader of names has read."""

    def __init__(self, packet: bytes) -> None:
        super().__init__(packet)
        self.targets: list[int] = []

    def seek(self, where: int) -> None:
        self.targets.append(where)
        super().seek(where)

    def records(self) -> Iterator[_Record]:
        _, _, *counts = self.get_struct("!6H")
        for section, count in enumerate(counts):
            for _ in range(count):
                start = self.current
                owner = self.get_name(decompress=True)
                if section == 0:
                    self.get_bytes(4)
                    continue
                *fixed, length = self.get_struct("!2HIH")
                data = self.get_bytes(length)
                yield _Record(section, start, owner, *fixed, data)


def _make_opaque(packet: bytes, *, options: bool) -> bytes:
    """Write the query again: that there are other records, and not what they say."""
    records = list(_Walk(packet).records())
    end = min((record.start for record in records), default=len(packet))
    written = [packet[:end]]
    for each in records:
        rdtype, data = _OPAQUE_TYPE, each.data
        if each.rdtype == dns.rdatatype.OPT:
            rdtype = each.rdtype
            data = _hide_options(data) if options else data
        fixed = struct.pack("!2HIH", rdtype, each.size, each.ttl, len(data))
        written += [each.owner.to_wire(), fixed, data]
    return b"".join(written)


def _hide_options(data: bytes) -> bytes:
    octets = bytearray(data)
    at = 0
    while at + 4 <= len(octets):
        octets[at : at + 2] = _OPAQUE_OPTION.to_bytes(2)
        at += 4 + int.from_bytes(octets[at + 2 : at + 4])
    return bytes(octets)
