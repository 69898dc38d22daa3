"""Upgrades: exactly a WebSocket, and a tunnel only after a real 101."""

import pytest

from domicile.http.head import (
    RequestHead,
    ResponseHead,
    parse_request_head,
    parse_response_head,
)
from domicile.http.upgrade import (
    UPGRADE_FIELDS,
    accepts_websocket,
    find_websocket_key,
)

# RFC 6455 section 1.3
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

OPENING = b"""GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: keep-alive, Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
Origin: http://b.example

""".replace(b"\n", b"\r\n")

ANSWER = b"""HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=

""".replace(b"\n", b"\r\n")


def key_of(opening):
    head = parse_request_head(opening)
    assert isinstance(head, RequestHead)
    return find_websocket_key(head)


def accepts(sent):
    head = parse_response_head(sent, method=b"GET")
    assert isinstance(head, ResponseHead)
    return accepts_websocket(head, KEY)


def test_the_opening_of_the_rfc_is_known():
    assert key_of(OPENING) == KEY
    assert key_of(OPENING.replace(b": websocket", b": WebSocket")) == KEY


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET", b"POST"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b": websocket", b": h2c"),
        (b": websocket", b": websocket, h2c"),
        (b": websocket", b": websocket/1"),
        (b": websocket\r\n", b": websocket\r\nUpgrade: websocket\r\n"),
        (b"Upgrade: websocket\r\n", b""),
        (b"keep-alive, Upgrade", b"keep-alive"),
        (b"keep-alive, Upgrade", b"upgraded"),
        (b"Version: 13", b"Version: 8"),
        (b"Version: 13", b"Version: 13, 8"),
        (b"Version: 13", b"Version: 13\r\nSec-WebSocket-Version: 13"),
        (b"Key: ", b"Key: x"),
        (KEY, b"dGhlIHNhbXBsZSBub25jZQ"),
        (KEY, b"dGhlIHNhbXBsZSBub25jZTEy"),
        (KEY, b"dGhlIHNhbXBsZSBub25j!Q=="),
        (KEY, KEY + b"\r\nSec-WebSocket-Key: " + KEY),
        (b"Sec-WebSocket-Key: " + KEY + b"\r\n", b""),
        (b"Origin", b"Content-Length: 5\r\nOrigin"),
        (b"Origin", b"Transfer-Encoding: chunked\r\nOrigin"),
    ],
)
def test_what_is_not_exactly_a_websocket_is_an_ordinary_request(old, new):
    assert old in OPENING
    assert key_of(OPENING.replace(old, new, 1)) is None


def test_a_real_101_opens_the_tunnel():
    assert accepts(ANSWER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"101", b"200"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b": websocket", b": h2c"),
        (b"Connection: Upgrade\r\n", b""),
        (ACCEPT, KEY),
        (ACCEPT, ACCEPT + b"\r\nSec-WebSocket-Accept: " + ACCEPT),
        (b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n", b""),
    ],
)
def test_anything_else_opens_no_tunnel(old, new):
    assert old in ANSWER
    assert not accepts(ANSWER.replace(old, new, 1))


def test_the_fields_we_write_again_are_an_upgrade():
    lines = b"".join(b"%b: %b\r\n" % field for field in UPGRADE_FIELDS)
    rewritten = OPENING.replace(b"Upgrade: websocket\r\n", b"", 1)
    rewritten = rewritten.replace(b"Connection: keep-alive, Upgrade\r\n", lines, 1)
    assert key_of(rewritten) == KEY
