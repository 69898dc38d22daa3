"""Messages of the DNS: a query read from untrusted octets, a reply written.

Whatever the octets are, reading yields a value: a `Query` to answer, a `Malformed` to
reply to with its rcode alone, a `Greeting`, or `Ignored`. Work is bounded by the packet's length.
"""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from domicile.dns.answer import Answer
from domicile.dns.edns import (
    DATAGRAM_LIMIT,
    PLAIN_LIMIT,
    Edns,
    Option,
    OptionCode,
    padding,
    read_edns,
    write_edns,
)
from domicile.dns.name import (
    LONGEST_LABEL,
    LONGEST_NAME,
    fold,
    offset_of_suffix,
    read_name,
)
from domicile.dns.rdata import Rcode, Rdtype, RRset

HEADER = Struct("!6H")
_QUESTION = Struct("!2H")
_RECORD = Struct("!2HIH")  # type, class, TTL, length of the data

QR = 0x8000
AA = 0x0400
TC = 0x0200
RD = 0x0100
CD = 0x0010
OPCODE = 0x7800
NOTIFY = 4 << 11

CLASS_IN = 1
CLASS_CH = 3
CLASS_ANY = 255
POINTER = 0xC000
# No name has more labels than that, so honest pointers are fewer; all the owners of a
# query share them, or 5,000 short owners could each ask for a long walk.
_MOST_POINTERS = 127

STREAM_LIMIT = 65535


class Query(NamedTuple):
    """One question; its name in the letter case in which it was asked."""

    id: int
    flags: int
    name: bytes
    rdtype: int
    rdclass: int
    edns: Edns | None = None

    @property
    def datagram_limit(self) -> int:
        if self.edns is None:
            return PLAIN_LIMIT
        return min(self.edns.size, DATAGRAM_LIMIT)


@dataclass(frozen=True, slots=True)
class Greeting:
    """No question, only what EDNS says: it asks for a cookie (RFC 7873 5.4)."""

    id: int
    flags: int
    edns: Edns


@dataclass(frozen=True, slots=True)
class Malformed:
    """Has a header, and cannot be answered: `rcode` says why."""

    id: int
    flags: int
    rcode: Rcode


@dataclass(frozen=True, slots=True)
class Ignored:
    """Too short, or itself an answer: replying could go round for ever."""


def parse_query(packet: bytes) -> Query | Greeting | Malformed | Ignored:
    if len(packet) < HEADER.size:
        return Ignored()
    ident, flags, questions, answers, authorities, additionals = HEADER.unpack_from(
        packet
    )
    if flags & QR:
        return Ignored()
    if flags & OPCODE:
        # RFC 1996 3.10: a NOTIFY is for a secondary, from its primary; we have neither.
        known = flags & OPCODE == NOTIFY
        return Malformed(ident, flags, Rcode.REFUSED if known else Rcode.NOTIMP)
    # RFC 9619 4: "a DNS message with OPCODE = 0 and QDCOUNT > 1 MUST NOT be accepted".
    if questions > 1 or answers:
        return Malformed(ident, flags, Rcode.FORMERR)
    found = (
        _parse_body(packet, ident, flags, authorities, additionals)
        if questions
        else _parse_greeting(packet, ident, flags, authorities, additionals)
    )
    return found or Malformed(ident, flags, Rcode.FORMERR)


def write_reply(
    query: Query, answer: Answer, limit: int, options: tuple[Option, ...] = ()
) -> bytes:
    """Write an answer in at most `limit` octets; what does not fit leaves TC.

    The `options` are for a query with EDNS.
    """
    flags = _reply_flags(query.flags) | (AA if answer.authoritative else 0)
    question = query.name + _QUESTION.pack(query.rdtype, query.rdclass)
    opt = b"" if query.edns is None else write_edns(answer.rcode, query.edns, options)
    room = limit - HEADER.size - len(question) - len(opt)
    answers = _write_section(query, answer.answer, room)
    authorities = _write_section(query, answer.authority, room - answers.size)
    room -= answers.size + authorities.size
    extras = _write_section(query, answer.additional, room)
    sections = [answers, authorities, extras]
    # RFC 2181 9: TC is set only where an RRset that is required does not fit.
    extra = extras.whole or not answer.needs_additional
    if answer.is_truncated or not (answers.whole and authorities.whole and extra):
        flags |= TC
        sections = [_Section(), _Section(), _Section()]
    counts = [section.records for section in sections]
    counts[2] += bool(opt)
    header = HEADER.pack(query.id, flags | (answer.rcode & 0xF), 1, *counts)
    return b"".join([header, question, *(part.octets for part in sections), opt])


def padded(
    query: Query, rcode: Rcode, reply: bytes, options: tuple[Option, ...]
) -> bytes:
    """Fill a reply that `write_reply` wrote with these options (RFC 8467)."""
    assert query.edns is not None
    opt = write_edns(rcode, query.edns, options)
    filled = write_edns(rcode, query.edns, (*options, padding(len(reply))))
    return reply[: len(reply) - len(opt)] + filled


def write_greeting(
    greeting: Greeting, rcode: Rcode, options: tuple[Option, ...]
) -> bytes:
    """Reply to what has no question."""
    flags = _reply_flags(greeting.flags) | (rcode & 0xF)
    opt = write_edns(rcode, greeting.edns, options)
    return HEADER.pack(greeting.id, flags, 0, 0, 0, 1) + opt


def write_refusal(malformed: Malformed) -> bytes:
    """Write a header alone, as nothing behind it can be trusted."""
    flags = _reply_flags(malformed.flags) | malformed.rcode
    return HEADER.pack(malformed.id, flags, 0, 0, 0, 0)


def _parse_body(
    packet: bytes, ident: int, flags: int, authorities: int, additionals: int
) -> Query | None:
    name = read_name(packet, HEADER.size)
    if name is None:
        return None
    at = HEADER.size + len(name) + _QUESTION.size
    if at > len(packet):
        return None
    rdtype, rdclass = _QUESTION.unpack_from(packet, at - _QUESTION.size)
    edns = None
    hops = _MOST_POINTERS
    for index in range(authorities + additionals):
        fixed, hops = _end_of_owner(packet, at, hops)
        if not fixed or fixed + _RECORD.size > len(packet):
            return None
        kind, size, ttl, length = _RECORD.unpack_from(packet, fixed)
        data = fixed + _RECORD.size
        if data + length > len(packet) or (index < authorities and kind != Rdtype.SOA):
            return None
        if kind == Rdtype.OPT:
            # RFC 6891 6.1.1: "If a query message with more than one OPT RR is
            # received, a FORMERR (RCODE=1) MUST be returned." And 6.1.2: "MUST be 0
            # (root domain)".
            repeated = edns is not None or packet[at]
            options = packet[data : data + length]
            edns = None if repeated else read_edns(size, ttl, options)
            if edns is None:
                return None
        at = data + length
    # RFC 1995 3: IXFR comes with "the authority section containing the SOA record".
    whole = at == len(packet) and authorities <= (rdtype == Rdtype.IXFR)
    return Query(ident, flags, name, rdtype, rdclass, edns) if whole else None


def _parse_greeting(
    packet: bytes, ident: int, flags: int, authorities: int, additionals: int
) -> Greeting | None:
    # RFC 7873 5.4: a query "with a QDCOUNT of zero" and "a COOKIE option".
    at = HEADER.size + 1 + _RECORD.size
    if authorities or additionals != 1 or len(packet) < at or packet[HEADER.size]:
        return None
    kind, size, ttl, length = _RECORD.unpack_from(packet, HEADER.size + 1)
    if kind != Rdtype.OPT or at + length != len(packet):
        return None
    edns = read_edns(size, ttl, packet[at:])
    if edns is None or edns.option(OptionCode.COOKIE) is None:
        return None
    return Greeting(ident, flags, edns)


def _end_of_owner(packet: bytes, start: int, hops: int) -> tuple[int, int]:
    """Step over a name that may go on at pointers: its end, 0 where there is none.

    `hops` is how many pointers may be followed; what is left of them comes back.
    """
    at = segment = start
    limit = len(packet)
    end = 0
    room = LONGEST_NAME - 1
    while at < limit:
        length = packet[at]
        if length == 0:
            return end or at + 1, hops
        if length >= POINTER >> 8:
            target = int.from_bytes(packet[at : at + 2], "big") & ~POINTER
            hops -= 1
            # RFC 1035 4.1.4: "a pointer to a prior occurance of the same name". So
            # each leads further back, none in a circle, and what it leads to ends
            # before what led there.
            if at + 2 > limit or not HEADER.size <= target < segment or hops < 0:
                break
            end = end or at + 2
            limit = segment
            at = segment = target
            continue
        room -= length + 1
        if length > LONGEST_LABEL or room < 0:
            break
        at += length + 1
    return 0, hops


def _reply_flags(flags: int) -> int:
    # RFC 4035 3.1.6: "the CD bit in a query MUST be copied into the response".
    return QR | flags & (OPCODE | RD | CD)


class _Section(NamedTuple):
    octets: bytes = b""
    records: int = 0
    whole: bool = True

    @property
    def size(self) -> int:
        return len(self.octets)


def _write_section(query: Query, rrsets: tuple[RRset, ...], room: int) -> _Section:
    """Write as many RRsets as fit, and none in part."""
    written: list[bytes] = []
    count = 0
    for rrset in rrsets:
        octets = _write_rrset(query, rrset)
        room -= len(octets)
        if room < 0:
            return _Section(b"".join(written), count, whole=False)
        written.append(octets)
        count += len(rrset.rdatas)
    return _Section(b"".join(written), count)


def _write_rrset(query: Query, rrset: RRset) -> bytes:
    owner = _write_owner(query, rrset.name)
    return b"".join(
        owner + _RECORD.pack(rrset.rdtype, query.rdclass, rrset.ttl, len(rdata)) + rdata
        for rdata in rrset.rdatas
    )


def _write_owner(query: Query, owner: bytes) -> bytes:
    """Point at the question's name, or at its end, rather than repeat it."""
    offset = offset_of_suffix(fold(query.name), fold(owner))
    if offset is None or len(owner) == 1:
        return owner
    return (POINTER | HEADER.size + offset).to_bytes(2, "big")
