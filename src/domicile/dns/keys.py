"""The keys of a signed zone (RFC 4034, RFC 6605, RFC 8080), and what is told of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from domicile.errors import DomicileError

ZONE_KEY = 0x0100
SECURE_ENTRY_POINT = 0x0001
_PROTOCOL = 3
_COORDINATE = 32
_SHA256 = 2


class BadKey(DomicileError):
    """What should be a zone's private key is none that we can sign with."""


class Algorithm(IntEnum):
    """The two that are worth signing with today (RFC 8624 3.1)."""

    ECDSAP256SHA256 = 13
    ED25519 = 15


PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Key:
    """A key that signs; `flags` tell whether the parent's DS is for it."""

    private: PrivateKey
    flags: int = ZONE_KEY | SECURE_ENTRY_POINT

    @cached_property
    def algorithm(self) -> Algorithm:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return Algorithm.ED25519
        return Algorithm.ECDSAP256SHA256

    @cached_property
    def rdata(self) -> bytes:
        """Give the data of its DNSKEY record."""
        head = self.flags.to_bytes(2, "big") + bytes((_PROTOCOL, self.algorithm))
        return head + _public(self.private)

    @cached_property
    def tag(self) -> int:
        return key_tag(self.rdata)

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        # RFC 6605 4: "The signature is the combination of two non-negative integers
        # called r and s", of 32 octets each.
        signature = self.private.sign(data, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")

    def to_pem(self) -> bytes:
        """Give the private key, unencrypted: for a keeper that encrypts."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def make_key(
    algorithm: Algorithm = Algorithm.ECDSAP256SHA256,
    flags: int = ZONE_KEY | SECURE_ENTRY_POINT,
) -> Key:
    if algorithm is Algorithm.ED25519:
        return Key(ed25519.Ed25519PrivateKey.generate(), flags)
    return Key(ec.generate_private_key(ec.SECP256R1()), flags)


def read_key(pem: bytes, flags: int = ZONE_KEY | SECURE_ENTRY_POINT) -> Key:
    """Read what `to_pem` gave; raises BadKey."""
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadKey(f"a zone's private key is wanted in PEM: {error}") from error
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return Key(private, flags)
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(
        private.curve, ec.SECP256R1
    ):
        return Key(private, flags)
    raise BadKey("a zone's key is of P-256 or Ed25519, and no other")


def key_tag(rdata: bytes) -> int:
    """Give the number by which signatures name a DNSKEY (RFC 4034 B)."""
    total = sum(octet << 8 if at % 2 == 0 else octet for at, octet in enumerate(rdata))
    return (total + (total >> 16)) & 0xFFFF


def ds_of(zone: bytes, dnskey: bytes) -> bytes:
    """Give the data of the DS that the parent is to have: SHA-256 (RFC 4509)."""
    digest = hashlib.sha256(zone + dnskey).digest()
    return key_tag(dnskey).to_bytes(2, "big") + bytes((dnskey[3], _SHA256)) + digest


def _public(private: PrivateKey) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
    point = private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    # RFC 6605 4: Q is "the simple bit string" x | y, without what says uncompressed.
    return point[1:]
