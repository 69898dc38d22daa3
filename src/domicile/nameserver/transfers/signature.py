"""Signatures of the messages of one answer (TSIG, RFC 8945), by dnspython."""

from struct import Struct
from typing import Any

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

from domicile.dns.tsig import Key

_RECORD = Struct("!2HIH")
_ADDITIONAL = slice(10, 12)
# RFC 8945 10: "a Fudge value of 300 seconds is RECOMMENDED".
_FUDGE = 300


def as_dnspython_has_it(key: Key) -> dns.tsig.Key:
    return dns.tsig.Key(key.name, key.secret, dns.name.from_text(key.algorithm))


class Signer:
    """Signs one message after the other, each with those before it (RFC 8945 5.3.1)."""

    def __init__(self, key: dns.tsig.Key, request_mac: bytes, now: int) -> None:
        self._key = key
        self._request_mac = request_mac
        self._now = now
        self._context: Any = None

    def sign(self, message: bytes, error: int = 0, other: bytes = b"") -> bytes:
        blank = blank_signature(self._key, message, error, other)
        signature, self._context = dns.tsig.sign(  # type: ignore[no-untyped-call]
            message, self._key, blank, self._now, self._request_mac, self._context, True
        )
        return append(message, self._key, signature)


def blank_signature(
    key: dns.tsig.Key, message: bytes, error: int = 0, other: bytes = b"", now: int = 0
) -> TSIG:
    """Make a signature without a MAC."""
    return TSIG(  # type: ignore[no-untyped-call]
        dns.rdataclass.ANY,
        dns.rdatatype.TSIG,
        key.algorithm,
        now,
        _FUDGE,
        b"",
        int.from_bytes(message[:2], "big"),
        error,
        other,
    )


def append(message: bytes, key: dns.tsig.Key, signature: TSIG) -> bytes:
    """Put a signature behind a message, and count it there."""
    data = signature.to_wire()
    owner = key.name.to_wire()
    assert data is not None
    assert owner is not None
    count = int.from_bytes(message[_ADDITIONAL], "big") + 1
    head = _RECORD.pack(dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(data))
    return b"".join(
        (message[:10], count.to_bytes(2, "big"), message[12:], owner, head, data)
    )
