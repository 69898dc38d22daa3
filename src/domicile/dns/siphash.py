"""SipHash-2-4, the keyed hash of the interoperable DNS cookies (RFC 9018 4.4).

By Aumasson and Bernstein, "SipHash: a fast short-input PRF".
"""

from struct import Struct

KEY_SIZE = 16
HASH_SIZE = 8

_MASK = (1 << 64) - 1
_TWO = Struct("<2Q")
_ONE = Struct("<Q")


def siphash(key: bytes, data: bytes) -> bytes:
    """Give the 8 octets of the hash of a few octets under a key of 16."""
    k0, k1 = _TWO.unpack(key)
    v = (
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    )
    whole = len(data) & ~7
    padding = bytes(7 - len(data) % 8)
    for (word,) in _ONE.iter_unpack(data[:whole]):
        v = _absorb(v, word)
    last = data[whole:] + padding + bytes((len(data) & 0xFF,))
    v = _absorb(v, _ONE.unpack(last)[0])
    v = (v[0], v[1], v[2] ^ 0xFF, v[3])
    for _ in range(4):
        v = _round(v)
    return _ONE.pack(v[0] ^ v[1] ^ v[2] ^ v[3])


_State = tuple[int, int, int, int]


def _absorb(v: _State, word: int) -> _State:
    v = (v[0], v[1], v[2], v[3] ^ word)
    v = _round(_round(v))
    return (v[0] ^ word, v[1], v[2], v[3])


def _round(v: _State) -> _State:
    v0, v1, v2, v3 = v
    v0 = (v0 + v1) & _MASK
    v1 = _left(v1, 13) ^ v0
    v0 = _left(v0, 32)
    v2 = (v2 + v3) & _MASK
    v3 = _left(v3, 16) ^ v2
    v0 = (v0 + v3) & _MASK
    v3 = _left(v3, 21) ^ v0
    v2 = (v2 + v1) & _MASK
    v1 = _left(v1, 17) ^ v2
    v2 = _left(v2, 32)
    return v0, v1, v2, v3


def _left(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK
