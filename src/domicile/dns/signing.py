"""Signatures made as they are asked for (RFC 4034), and denials that name only what was
asked for (compact denial, RFC 9824): of no zone can all names be walked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

from domicile.dns.canonical import canonical_records, label_count
from domicile.dns.keys import Key
from domicile.dns.rdata import Rdtype, RRset

_RRSIG = Struct("!HBBIIIH")


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when signatures are good, in Unix time."""

    inception: int
    expiration: int


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs what is in one zone, by all the keys that are to sign it at present."""

    zone: bytes
    keys: Sequence[Key]

    def sign(self, rrset: RRset, validity: Validity) -> RRset:
        """Give the signatures of a set with a folded owner, one by each key."""
        rdatas = (self._signature(rrset, each, validity) for each in self.keys)
        return RRset(rrset.name, Rdtype.RRSIG, rrset.ttl, tuple(rdatas))

    def deny(self, name: bytes, types: Iterable[int], ttl: int) -> RRset:
        """Say which types a name has: of one that is not there, that (RFC 9824 3).

        `types` are those of the name without RRSIG and NSEC; NXNAME alone says that
        there is no such name, and none that there are names below it only.
        """
        present = {*types, Rdtype.RRSIG, Rdtype.NSEC}
        # RFC 9824 3.1: the next name is "the immediate lexicographic successor".
        return RRset(
            name, Rdtype.NSEC, ttl, (b"\x01\x00" + name + type_bitmap(present),)
        )

    def _signature(self, rrset: RRset, key: Key, validity: Validity) -> bytes:
        head = (
            _RRSIG.pack(
                rrset.rdtype,
                key.algorithm,
                label_count(rrset.name),
                rrset.ttl,
                validity.expiration & 0xFFFFFFFF,
                validity.inception & 0xFFFFFFFF,
                key.tag,
            )
            + self.zone
        )
        # RFC 4034 3.1.8.1: "RRSIG_RDATA | RR(1) | RR(2)…", without the signature itself.
        return head + key.sign(head + canonical_records(rrset, rrset.ttl))


def type_bitmap(types: Iterable[int]) -> bytes:
    """Write a set of types in windows of 256 (RFC 4034 4.1.2)."""
    windows: dict[int, bytearray] = {}
    for rdtype in sorted(set(types)):
        bits = windows.setdefault(rdtype >> 8, bytearray())
        low = rdtype & 0xFF
        bits.extend(bytes((low >> 3) + 1 - len(bits)))
        bits[low >> 3] |= 0x80 >> (low & 7)
    return b"".join(
        bytes((window, len(bits))) + bits for window, bits in windows.items()
    )
