"""The one upgrade that is forwarded: WebSocket, exactly as RFC 6455 asks for it."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha1
from typing import Final

from domicile.http.head import (
    Field,
    Framing,
    RequestHead,
    ResponseHead,
    list_members,
)

# Written again by this hop, since both end with the hop before.
UPGRADE_FIELDS: Final[tuple[Field, ...]] = (
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
)

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def find_websocket_key(head: RequestHead) -> bytes | None:
    """Give the key of a WebSocket's opening, None if the request is no such."""
    # RFC 6455 section 4.2.1. Whatever else asks to upgrade is an ordinary request.
    if not _upgrades(head) or head.method != b"GET" or head.minor != 1:
        return None
    if head.framing is not Framing.NONE:
        return None
    if _values(head, b"sec-websocket-version") != [b"13"]:
        return None
    keys = _values(head, b"sec-websocket-key")
    return keys[0] if len(keys) == 1 and _is_key(keys[0]) else None


def accepts_websocket(head: ResponseHead, key: bytes) -> bool:
    """Tell whether this is a real 101 to the opening with this key."""
    # RFC 6455 section 4.1, what a client requires of the server's handshake.
    return (
        head.status == 101
        and head.minor == 1
        and _upgrades(head)
        and _values(head, b"sec-websocket-accept") == [_accept(key)]
    )


def _upgrades(head: RequestHead | ResponseHead) -> bool:
    protocols = head.singled.get(b"upgrade")
    return (
        protocols is not None
        and len(protocols) == 1
        and protocols[0].lower() == b"websocket"
        and b"upgrade" in list_members(head.singled.get(b"connection", []))
    )


def _values(head: RequestHead | ResponseHead, wanted: bytes) -> list[bytes]:
    return [value for name, value in head.fields if name == wanted]


def _is_key(key: bytes) -> bool:
    # "a base64-encoded value that, when decoded, is 16 bytes in length"
    try:
        return len(key) == 24 and len(b64decode(key, validate=True)) == 16
    except NotBase64:
        return False


def _accept(key: bytes) -> bytes:
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())
