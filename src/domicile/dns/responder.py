"""From the octets of a query to those of the reply, by a look-up given as argument."""

from collections.abc import Callable

from domicile.dns.answer import Answer
from domicile.dns.message import (
    CLASS_IN,
    STREAM_LIMIT,
    Ignored,
    Malformed,
    Query,
    parse_query,
    write_refusal,
    write_reply,
)
from domicile.dns.name import fold
from domicile.dns.rdata import Rcode, Rdtype, RRset, hinfo

LookUp = Callable[[bytes, int], Answer]
"""Answers for a name, folded, and a type that is no meta type."""

_MINIMAL = hinfo(b"RFC8482", b"")

# RFC 6895 3.1: these types stand for no data that a name could have. RFC 9824 3.5:
# NXNAME "MUST" be refused with FORMERR.
_META: dict[int, Rcode] = {
    0: Rcode.FORMERR,
    Rdtype.OPT: Rcode.FORMERR,
    Rdtype.NXNAME: Rcode.FORMERR,
    Rdtype.TKEY: Rcode.NOTIMP,
    Rdtype.TSIG: Rcode.FORMERR,
    Rdtype.IXFR: Rcode.NOTIMP,
    Rdtype.AXFR: Rcode.NOTIMP,
    Rdtype.MAILB: Rcode.NOTIMP,
    Rdtype.MAILA: Rcode.NOTIMP,
}
_META_OF_STREAMS = _META | {Rdtype.IXFR: Rcode.REFUSED, Rdtype.AXFR: Rcode.REFUSED}


def respond(packet: bytes, look_up: LookUp, *, stream: bool = False) -> bytes | None:
    """Reply to one message; None where silence is owed."""
    match parse_query(packet):
        case Ignored():
            return None
        case Malformed() as malformed:
            return write_refusal(malformed)
        case Query() as query:
            limit = STREAM_LIMIT if stream else query.datagram_limit
            return write_reply(query, _answer(query, look_up, stream=stream), limit)


def _answer(query: Query, look_up: LookUp, *, stream: bool) -> Answer:
    # RFC 6891 6.1.3: "If a responder does not implement the VERSION level of the
    # request, then it MUST respond with RCODE=BADVERS."
    if query.edns is not None and query.edns.version > 0:
        return Answer(Rcode.BADVERS)
    meta = (_META_OF_STREAMS if stream else _META).get(query.rdtype)
    if meta is not None:
        return Answer(meta)
    if query.rdclass != CLASS_IN:
        return Answer.refused()
    name = fold(query.name)
    if query.rdtype == Rdtype.ANY:
        return _answer_any(name, look_up)
    return look_up(name, query.rdtype)


def _answer_any(name: bytes, look_up: LookUp) -> Answer:
    """Say of a name that exists one made-up record, and of another that it does not."""
    # RFC 8482 4.2: "a responder can return a single synthesized HINFO RRset".
    answer = look_up(name, Rdtype.HINFO)
    if not answer.is_no_data:
        return answer
    ttl = max((rrset.ttl for rrset in answer.authority), default=0)
    return Answer.data(RRset(name, Rdtype.HINFO, ttl, (_MINIMAL,)))
