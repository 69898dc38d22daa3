"""Signatures made as they are asked for (RFC 4034), and denials that name only what was
asked for (compact denial, RFC 9824): of no zone can all names be walked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

from domicile.dns.canonical import canonical_records, label_count
from domicile.dns.keys import Key
from domicile.dns.name import LONGEST_LABEL, LONGEST_NAME
from domicile.dns.rdata import Rdtype, RRset

_RRSIG = Struct("!HBBIIIH")
# Folded, no name has these; what comes next may not be one that equals another.
_CAPITALS = range(ord("A"), ord("Z") + 1)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when signatures are good, in Unix time."""

    inception: int
    expiration: int


def signature(zone: bytes, key: Key, rrset: RRset, validity: Validity) -> bytes:
    """Give the data of the RRSIG, by one key of a zone, of a set with a folded owner."""
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
        + zone
    )
    # RFC 4034 3.1.8.1: "RRSIG_RDATA | RR(1) | RR(2)…", without the signature itself.
    return head + key.sign(head + canonical_records(rrset, rrset.ttl))


def denial(name: bytes, types: Iterable[int], ttl: int, *, cut: bool = False) -> RRset:
    """Say which types a name has: of one that is not there, that (RFC 9824 3).

    `types` are those of the name without RRSIG and NSEC; NXNAME alone says that there
    is no such name, and none that there are names below it only. At a `cut` what is
    below is not the zone's to speak of.
    """
    present = {*types, Rdtype.RRSIG, Rdtype.NSEC}
    after = _successor_beside(name) if cut else _successor(name)
    return RRset(name, Rdtype.NSEC, ttl, (after + type_bitmap(present),))


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


def _successor(name: bytes) -> bytes:
    # RFC 9824 3.1: the next name is "the immediate lexicographic successor".
    if len(name) + 2 <= LONGEST_NAME:
        return b"\x01\x00" + name
    return _successor_beside(name)


def _successor_beside(name: bytes) -> bytes:
    """Give the next name after all that are below this one (RFC 4471 3.1)."""
    size = name[0]
    label, rest = name[1 : 1 + size], name[1 + size :]
    if size < LONGEST_LABEL and len(name) < LONGEST_NAME:
        return bytes((size + 1,)) + label + b"\x00" + rest
    # Without room for an octet more the last that can grow does, without those behind.
    while label and label[-1] == 0xFF:
        label = label[:-1]
    if not label:
        return _successor_beside(rest)
    last = label[-1] + 1
    if last in _CAPITALS:
        last = _CAPITALS.stop
    return bytes((len(label),)) + label[:-1] + bytes((last,)) + rest
