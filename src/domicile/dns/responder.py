"""From the octets of a query to those of the reply, by a look-up given as argument."""

from collections.abc import Callable
from typing import NamedTuple

from domicile.dns.answer import Answer, Ede, ExtendedError
from domicile.dns.client import Client, Transport
from domicile.dns.cookies import Standing, read_cookie
from domicile.dns.edns import Edns, Option, OptionCode
from domicile.dns.message import (
    CLASS_CH,
    CLASS_IN,
    STREAM_LIMIT,
    Greeting,
    Ignored,
    Malformed,
    Query,
    padded,
    parse_query,
    write_greeting,
    write_refusal,
    write_reply,
)
from domicile.dns.name import fold, name_from_text
from domicile.dns.rdata import Rcode, Rdtype, RRset, hinfo, txt

LookUp = Callable[[bytes, int], Answer]
"""Answers for a name, folded, and a type that is no meta type."""

Sign = Callable[[Query, Answer], Answer]
"""Gives what the answer to a query is for who understands DNSSEC, if that asks."""

_MINIMAL = hinfo(b"RFC8482", b"")

# RFC 6895 3.1: these types stand for no data that a name could have.
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

# RFC 9824 3.5: of a question for NXNAME the reply is FORMERR, with this error.
_NO_QUESTION = ExtendedError(Ede.INVALID_QUERY_TYPE, "NXNAME is never asked for")
_NO_CLASS = ExtendedError(Ede.NOT_SUPPORTED, "there is nothing here but class IN")
_NOT_TOLD = ExtendedError(Ede.PROHIBITED, "this server does not tell")

_VERSIONS = (name_from_text("version.bind"), name_from_text("version.server"))
_IDS = (name_from_text("id.server"), name_from_text("hostname.bind"))


class Server(NamedTuple):
    """What a server says of itself, where it does, and what its cookies are made of.

    The first of the `secrets` signs (`dns.cookies`); `now` is Unix time in seconds, and
    `keepalive` for how long a stream may be idle, in tenths of one.
    """

    nsid: bytes = b""
    version: str = ""
    id: str = ""
    secrets: tuple[bytes, ...] = ()
    now: int = 0
    keepalive: int = 0


SILENT = Server()
"""Says nothing of itself, and gives no cookies."""


def _unsigned(_query: Query, answer: Answer) -> Answer:
    return answer


def respond(
    packet: bytes,
    client: Client,
    look_up: LookUp,
    server: Server = SILENT,
    sign: Sign = _unsigned,
) -> bytes | None:
    """Reply to one message; None where silence is owed."""
    match parse_query(packet):
        case Ignored():
            return None
        case Malformed() as malformed:
            return write_refusal(malformed)
        case Greeting() as greeting:
            return _greet(greeting, client, server)
        case Query() as query:
            return _reply(query, client, look_up, server, sign)


def _reply(
    query: Query, client: Client, look_up: LookUp, server: Server, sign: Sign
) -> bytes:
    limit = STREAM_LIMIT if client.is_stream else query.datagram_limit
    if query.edns is None:
        return write_reply(query, _answer(query, client, look_up, server, sign), limit)
    options = _options(query.edns, client, server)
    if options is None:
        return write_reply(query, Answer(Rcode.FORMERR), limit)
    answer = _answer(query, client, look_up, server, sign)
    options += tuple(map(_error, answer.errors))
    reply = write_reply(query, answer, limit, options)
    asked_to_pad = query.edns.option(OptionCode.PADDING) is not None
    # RFC 7830 6: padding "MUST NOT" be used "on unencrypted transports".
    if asked_to_pad and client.transport is Transport.TLS:
        return padded(query, answer.rcode, reply, options)
    return reply


def _greet(greeting: Greeting, client: Client, server: Server) -> bytes:
    # RFC 6891 6.1.3
    if greeting.edns.version > 0:
        return write_greeting(greeting, Rcode.BADVERS, ())
    options = _options(greeting.edns, client, server)
    if not options:
        return write_greeting(greeting, Rcode.FORMERR, ())
    return write_greeting(greeting, Rcode.NOERROR, options)


def _options(edns: Edns, client: Client, server: Server) -> tuple[Option, ...] | None:
    """Answer the client's options; nothing where one is malformed."""
    if not edns.options or edns.version > 0:
        return ()
    options: tuple[Option, ...] = ()
    if server.nsid and edns.option(OptionCode.NSID) is not None:
        options += ((OptionCode.NSID, server.nsid),)
    cookie = edns.option(OptionCode.COOKIE)
    if cookie is not None and server.secrets:
        read = read_cookie(cookie, client.address, server.secrets, server.now)
        if read.standing is Standing.MALFORMED:
            return None
        options += ((OptionCode.COOKIE, read.reply),)
    # RFC 7828 3.2.2: over UDP servers "MUST ignore the option".
    kept = client.is_stream and edns.option(OptionCode.KEEPALIVE) is not None
    if kept and server.keepalive:
        options += ((OptionCode.KEEPALIVE, server.keepalive.to_bytes(2, "big")),)
    return options


def _error(error: ExtendedError) -> Option:
    return OptionCode.ERROR, error.code.to_bytes(2, "big") + error.text.encode()


def _answer(
    query: Query, client: Client, look_up: LookUp, server: Server, sign: Sign
) -> Answer:
    # RFC 6891 6.1.3: "If a responder does not implement the VERSION level of the
    # request, then it MUST respond with RCODE=BADVERS."
    if query.edns is not None and query.edns.version > 0:
        return Answer(Rcode.BADVERS)
    meta = (_META_OF_STREAMS if client.is_stream else _META).get(query.rdtype)
    if meta is not None:
        errors = (_NO_QUESTION,) if query.rdtype == Rdtype.NXNAME else ()
        return Answer(meta, errors=errors)
    name = fold(query.name)
    if query.rdclass == CLASS_CH:
        return _answer_of_itself(name, query.rdtype, server)
    if query.rdclass != CLASS_IN:
        return Answer.refused(_NO_CLASS)
    if query.rdtype == Rdtype.ANY:
        return sign(query, _answer_any(name, look_up))
    return sign(query, look_up(name, query.rdtype))


def _answer_of_itself(name: bytes, rdtype: int, server: Server) -> Answer:
    """Say which server this is (RFC 4892), if it is to."""
    told = dict.fromkeys(_VERSIONS, server.version)
    told |= dict.fromkeys(_IDS, server.id)
    text = told.get(name, "")
    if not text or rdtype not in {Rdtype.TXT, Rdtype.ANY}:
        return Answer.refused(_NOT_TOLD)
    return Answer.data(RRset(name, Rdtype.TXT, 0, (txt(text.encode()),)))


def _answer_any(name: bytes, look_up: LookUp) -> Answer:
    """Say of a name that exists one made-up record, and of another that it does not."""
    # RFC 8482 4.2: "a responder can return a single synthesized HINFO RRset".
    answer = look_up(name, Rdtype.HINFO)
    if not answer.is_no_data:
        return answer
    ttl = max((rrset.ttl for rrset in answer.authority), default=0)
    return Answer.data(RRset(name, Rdtype.HINFO, ttl, (_MINIMAL,)))
