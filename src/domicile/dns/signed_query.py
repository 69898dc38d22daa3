"""Queries that a key has signed get replies that it has signed (RFC 8945 5.3).

Such as nsupdate asks for the zone that it is to update, if it is not told.
"""

from collections.abc import Callable

from domicile.dns.client import Client
from domicile.dns.edns import DATAGRAM_LIMIT, PLAIN_LIMIT
from domicile.dns.message import (
    CD,
    HEADER,
    OPCODE,
    QR,
    RD,
    STREAM_LIMIT,
    TC,
    Malformed,
    write_refusal,
)
from domicile.dns.rdata import Rcode, Rdtype
from domicile.dns.sections import FormError, Whole, read_sections
from domicile.dns.tsig import (
    BadSignature,
    FindKey,
    Signed,
    TsigError,
    read_signed,
    sign_reply,
)

_MOST_RECORDS = 10
# Type, class and TTL of the record, which is the last.
_MARK = b"\x00\xfa\x00\xff\x00\x00\x00\x00"

Reply = Callable[[bytes, Client], bytes | None]


def may_be_signed(packet: bytes) -> bool:
    """Say at little cost that a query has no signature, or that it may have one."""
    return _MARK in packet


def reply_to_signed(
    packet: bytes, client: Client, find_key: FindKey, now: int, reply: Reply
) -> bytes | None:
    """Reply to a query that `may_be_signed` as `reply` does to one that is not."""
    ident, flags, *_ = HEADER.unpack_from(packet)
    if flags & QR:
        return None
    try:
        whole = read_sections(packet, _MOST_RECORDS)
        signed = read_signed(whole, find_key, now)
    except FormError:
        return write_refusal(Malformed(ident, flags, Rcode.FORMERR))
    if signed is None:
        return reply(packet, client)
    if isinstance(signed, BadSignature) or signed.error is not TsigError.NONE:
        return sign_reply(
            _bare(whole, flags & (OPCODE | RD | CD) | Rcode.NOTAUTH), signed, now
        )
    found = reply(whole.unsigned(whole.records[-1].start), client)
    return found and _signed(found, whole, signed, now, _limit(whole, client))


def _signed(found: bytes, whole: Whole, signed: Signed, now: int, limit: int) -> bytes:
    written = sign_reply(found, signed, now)
    if len(written) <= limit:
        return written
    # RFC 8945 5.3.1: where the record does not fit, it and the question alone, and TC.
    flags = int.from_bytes(found[2:4], "big") | TC
    return sign_reply(_bare(whole, flags), signed, now)


def _bare(whole: Whole, flags: int) -> bytes:
    question = whole.packet[HEADER.size : whole.question_end]
    return HEADER.pack(whole.id, flags | QR, 1, 0, 0, 0) + question


def _limit(whole: Whole, client: Client) -> int:
    if client.is_stream:
        return STREAM_LIMIT
    sizes = [each.rdclass for each in whole.records if each.rdtype == Rdtype.OPT]
    return min(max(sizes[0], PLAIN_LIMIT), DATAGRAM_LIMIT) if sizes else PLAIN_LIMIT
