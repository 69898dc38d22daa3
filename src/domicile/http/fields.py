"""Which fields go on to the next hop, and which this hop writes itself.

First what belongs to one connection goes, and what its Connection field lists;
only then are our own fields written, so that no list of a client can take them.
"""

from dataclasses import dataclass
from typing import Final

from domicile.http.head import (
    Field,
    Framing,
    Refusal,
    RequestHead,
    ResponseHead,
    list_members,
)
from domicile.http.host import Asked

CDN_LOOP: Final = b"cdn-loop"
CHUNKED: Final[Field] = (b"transfer-encoding", b"chunked")

# RFC 9110 section 7.6.1, and what each hop settles for itself: Expect is answered
# by us, Proxy-Authorization is for us.
_HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)

# What only a hop can know of its client. Host is written from what was asked.
_OURS: Final = frozenset((b"forwarded", b"host", b"x-real-ip"))
_OURS_BEGIN: Final = b"x-forwarded-"

_DROPPED_OF_REQUEST: Final = _HOP_BY_HOP | _OURS

# Taking one of these away changes who asks for what, or where the message ends.
_NOT_LISTABLE: Final = _OURS | {
    b"authorization",
    b"content-length",
    b"cookie",
    b"set-cookie",
    b"transfer-encoding",
}


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, as we saw it ourselves: its address, and http or https."""

    address: str
    scheme: str


def forward_request(
    head: RequestHead,
    asked: Asked,
    client: Client,
    private: frozenset[bytes] = frozenset(),
) -> list[Field] | Refusal:
    """Write the fields of a request for the next hop, with the body's framing.

    Names in `private` are what our hops tell each other: never from, never to others.
    """
    listed = _read_listed(head.singled)
    if isinstance(listed, Refusal):
        return listed
    dropped = _DROPPED_OF_REQUEST | private
    if listed:
        dropped |= listed
    sent = [(b"host", asked.authority)]
    # A gateway that writes `-` as `_` (CGI, WSGI) would take `x_forwarded_for` for
    # ours.
    sent += [
        field
        for field in head.fields
        if (name := field[0]) not in dropped
        and b"_" not in name
        and not name.startswith(_OURS_BEGIN)
    ]
    sent += _tell_origin(asked, client)
    if head.framing is Framing.CHUNKED:
        sent.append(CHUNKED)
    return sent


def pass_through(head: RequestHead, cdn: bytes) -> Field | Refusal:
    """Write our member of CDN-Loop for the next hop, or refuse what has been here.

    RFC 8586, section 2: each member begins with a cdn-id, parameters may follow.
    """
    before = [value for name, value in head.fields if name == CDN_LOOP]
    seen = {member.partition(b";")[0].strip() for member in list_members(before)}
    if cdn.lower() in seen:
        return Refusal(508, "The request has come through here before.")
    return CDN_LOOP, cdn


def forward_response(head: ResponseHead) -> list[Field] | Refusal:
    """Choose the fields of a response that go on; a chunked body is not told yet."""
    listed = _read_listed(head.singled)
    if isinstance(listed, Refusal):
        return Refusal(502, listed.reason)
    dropped = _HOP_BY_HOP | listed if listed else _HOP_BY_HOP
    # RFC 9110 section 8.6: no Content-Length with 1xx or 204. Beside chunks it was
    # refused already.
    if head.status < 200 or head.status == 204:
        dropped |= {b"content-length"}
    return [field for field in head.fields if field[0] not in dropped]


def write_request_head(method: bytes, target: bytes, fields: list[Field]) -> bytes:
    """Write the head of a request of version 1.1."""
    return _write_head(b"%b %b HTTP/1.1\r\n" % (method, target), fields)


def write_response_head(status: int, reason: bytes, fields: list[Field]) -> bytes:
    """Write the head of a response of version 1.1."""
    return _write_head(b"HTTP/1.1 %d %b\r\n" % (status, reason), fields)


def _write_head(line: bytes, fields: list[Field]) -> bytes:
    lines = [line]
    for name, value in fields:
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def _read_listed(singled: dict[bytes, list[bytes]]) -> frozenset[bytes] | Refusal:
    """Read the names that Connection takes from this message."""
    options = singled.get(b"connection")
    if options is None:
        return frozenset()
    listed = frozenset(list_members(options))
    if not listed.isdisjoint(_NOT_LISTABLE) or any(
        name.startswith(_OURS_BEGIN) for name in listed
    ):
        return Refusal(400, "Connection lists a field that is not for one hop.")
    return listed


def _tell_origin(asked: Asked, client: Client) -> list[Field]:
    address = client.address.encode("ascii")
    scheme = client.scheme.encode("ascii")
    # RFC 7239 section 6: an IPv6 address stands in brackets and quotes.
    node = b'"[%b]"' % address if b":" in address else address
    return [
        (b"x-forwarded-for", address),
        (b"x-forwarded-host", asked.authority),
        (b"x-forwarded-proto", scheme),
        (b"x-real-ip", address),
        (b"forwarded", b'for=%b;host="%b";proto=%b' % (node, asked.authority, scheme)),
    ]
