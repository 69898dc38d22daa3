"""The messages of a zone's transfer (AXFR, RFC 5936; IXFR, RFC 1995).

All of them have the zone's name as their question, so a record is written once, with
the end of its owner a pointer there, and goes as it is into whichever message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple

from domicile.dns.message import AA, CLASS_IN, HEADER, OPCODE, POINTER, QR, RD
from domicile.dns.name import read_name
from domicile.dns.rdata import Rdtype, RRset

_QUESTION = Struct("!2H")
_RECORD = Struct("!2HIH")
_APEX = (POINTER | HEADER.size).to_bytes(2, "big")
_SERIAL = slice(-20, -16)

# Enough to have the cost of a message spread, few enough that its size is no matter.
MESSAGE = 16 * 1024


class Piece(NamedTuple):
    """Some records, one behind the other."""

    records: int
    octets: bytes


NOTHING = Piece(0, b"")


class Step(NamedTuple):
    """From one edition of a zone to the next: the SOA of each, and what changed."""

    before: bytes
    after: bytes
    deleted: Iterable[bytes]
    added: Iterable[bytes]


def is_of_transfers(packet: bytes) -> bool:
    """Whether it asks for a transfer."""
    if len(packet) < HEADER.size or packet[4:6] != b"\0\1":
        return False
    if int.from_bytes(packet[2:4], "big") & (QR | OPCODE):
        return False
    name = read_name(packet, HEADER.size)
    if name is None:
        return False
    at = HEADER.size + len(name)
    return int.from_bytes(packet[at : at + 2], "big") in {Rdtype.AXFR, Rdtype.IXFR}


def write_records(apex: bytes, rrsets: Iterable[RRset]) -> Piece:
    """Write the records of one name, of the zone of that apex."""
    found = [
        rrset.name[: len(rrset.name) - len(apex)]
        + _APEX
        + _RECORD.pack(rrset.rdtype, CLASS_IN, rrset.ttl, len(rdata))
        + rdata
        for rrset in rrsets
        for rdata in rrset.rdatas
    ]
    return Piece(len(found), b"".join(found))


def split_records(octets: bytes) -> list[bytes]:
    """Take apart what `write_records` wrote."""
    found = []
    start = at = 0
    while at < len(octets):
        while octets[at] < POINTER >> 8:
            at += octets[at] + 1
        at += len(_APEX) + _RECORD.size
        at += int.from_bytes(octets[at - 2 : at], "big")
        found.append(octets[start:at])
        start = at
    return found


def with_serial(soa: bytes, serial: int) -> bytes:
    """Put a serial into an SOA, as a record or as its data."""
    return soa[: _SERIAL.start] + serial.to_bytes(4, "big") + soa[_SERIAL.stop :]


def serial_of(soa: bytes) -> int:
    return int.from_bytes(soa[_SERIAL], "big")


def whole_zone(soa: bytes, pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Give a zone whole: RFC 5936 2.2, its SOA begins and ends it."""
    yield Piece(1, soa)
    yield from pieces
    yield Piece(1, soa)


def differences(soa: bytes, steps: Iterable[Step]) -> Iterator[Piece]:
    """Give what changed since, edition by edition (RFC 1995 4); `soa` is the newest."""
    yield Piece(1, soa)
    for step in steps:
        yield Piece(1, step.before)
        yield from (Piece(1, each) for each in step.deleted)
        yield Piece(1, step.after)
        yield from (Piece(1, each) for each in step.added)
    yield Piece(1, soa)


def bundled(pieces: Iterable[Piece], limit: int = MESSAGE) -> Iterator[Piece]:
    """Put pieces together to some that fit a message; one that does not is taken apart."""
    count, octets = NOTHING
    for piece in _fitting(pieces, limit):
        if len(octets) + len(piece.octets) > limit and count:
            yield Piece(count, octets)
            count, octets = NOTHING
        count += piece.records
        octets += piece.octets
    if count:
        yield Piece(count, octets)


def _fitting(pieces: Iterable[Piece], limit: int) -> Iterator[Piece]:
    for piece in pieces:
        if len(piece.octets) <= limit:
            yield piece
        else:
            yield from (Piece(1, each) for each in split_records(piece.octets))


class Envelope(NamedTuple):
    """What all messages of an answer have in common."""

    id: int
    flags: int
    apex: bytes
    rdtype: int

    def message(self, piece: Piece, opt: bytes = b"") -> bytes:
        """Write one message, with an OPT record where there is one."""
        flags = QR | AA | self.flags & RD
        header = HEADER.pack(self.id, flags, 1, piece.records, 0, bool(opt))
        question = self.apex + _QUESTION.pack(self.rdtype, CLASS_IN)
        return b"".join((header, question, piece.octets, opt))
