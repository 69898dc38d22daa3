"""DNS cookies (RFC 7873) in the form that all makes of servers share (RFC 9018).

A server cookie says: to this client, at this address, I gave this at that time. Whoever
sends one back receives what is sent to the address that it claims.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from domicile.dns.siphash import KEY_SIZE, siphash

CLIENT_SIZE = 8
SERVER_SIZE = 16
SECRET_SIZE = KEY_SIZE
_LEAST_SERVER, _MOST_SERVER = 8, 32

_VERSION = b"\x01\x00\x00\x00"
_WRAP = 1 << 32

# RFC 9018 4.3: "the server SHOULD only accept cookies that are … at most 1 hour old …
# and 5 minutes" ahead, and "SHOULD generate a new Server Cookie" after half an hour.
_OLDEST, _NEWEST, _RENEWED = 3600, 300, 1800


class Standing(Enum):
    """What a query's cookies say of its sender."""

    NONE = "no cookie, or one of the client's only"
    STALE = "a server cookie that is not ours, or is no longer"
    VALID = "a server cookie that we gave to this address"
    MALFORMED = "a COOKIE option of a length that there is not"


@dataclass(frozen=True, slots=True)
class Read:
    """How the sender stands, and the option's data for the answer; none where empty."""

    standing: Standing
    reply: bytes = b""


def read_cookie(
    option: bytes,
    address: bytes,
    secrets: Sequence[bytes],
    now: int,
) -> Read:
    """Judge the data of a COOKIE option; the first secret is the one that signs.

    The others are those of before and after it, so that a roll-over is no break. The
    address is of 4 or 16 octets, `now` is Unix time in seconds.
    """
    client, server = option[:CLIENT_SIZE], option[CLIENT_SIZE:]
    # RFC 7873 5.2.2: a FORMERR is owed "if the length … is not 8, or is less than 16
    # or greater than 40".
    if len(client) < CLIENT_SIZE or not (
        not server or _LEAST_SERVER <= len(server) <= _MOST_SERVER
    ):
        return Read(Standing.MALFORMED)
    age = _age(server, now)
    signed_by = None if age is None else _signer(client, server, address, secrets)
    if age is not None and age < _RENEWED and signed_by == 0:
        return Read(Standing.VALID, option)
    reply = client + make_server_cookie(client, address, secrets[0], now)
    if signed_by is not None:
        return Read(Standing.VALID, reply)
    return Read(Standing.STALE if server else Standing.NONE, reply)


def make_server_cookie(client: bytes, address: bytes, secret: bytes, now: int) -> bytes:
    """Make the cookie for a client (RFC 9018 4)."""
    head = _VERSION + (now % _WRAP).to_bytes(4, "big")
    return head + siphash(secret, client + head + address)


def _age(server: bytes, now: int) -> int | None:
    """Give the seconds since a cookie was made; nothing where it cannot be ours."""
    if len(server) != SERVER_SIZE or server[:4] != _VERSION:
        return None
    made = int.from_bytes(server[4:8], "big")
    # RFC 9018 4.3: "Serial Number Arithmetic", for the clock of 32 bits wraps.
    age = (now - made + _WRAP // 2) % _WRAP - _WRAP // 2
    return age if -_NEWEST <= age <= _OLDEST else None


def _signer(
    client: bytes,
    server: bytes,
    address: bytes,
    secrets: Sequence[bytes],
) -> int | None:
    """Tell by which of the secrets a cookie was made."""
    signed = client + server[:8] + address
    for number, secret in enumerate(secrets):
        if hmac.compare_digest(siphash(secret, signed), server[8:]):
            return number
    return None
