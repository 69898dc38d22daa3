"""The digest of a set of records: the same in whatever order, kept up record by record.

Each record is hashed, and the hashes are added up modulo 2^128. So a store keeps its
digest with every write, and a replica is held against it by adding up what it holds. It
guards against faults, not against who could choose the records.
"""

import hashlib

DIGEST_SIZE = 16
NOTHING = 0

# LMDB's limit, which is the least of all our stores'.
LONGEST_KEY = 511

_MODULUS = 1 << 8 * DIGEST_SIZE


def record_key(kind: str, key: str) -> bytes:
    """Give the one key of a record among all kinds.

    A longer one than a store takes keeps its beginning and is told apart by its hash.
    """
    whole = b"%s\0%s" % (kind.encode(), key.encode())
    if len(whole) <= LONGEST_KEY:
        return whole
    digest = hashlib.blake2b(whole, digest_size=DIGEST_SIZE).digest()
    return whole[: LONGEST_KEY - DIGEST_SIZE] + digest


def record_digest(record_key: bytes, value: bytes) -> int:
    """Give the part of one record."""
    digest = hashlib.blake2b(digest_size=DIGEST_SIZE)
    digest.update(len(record_key).to_bytes(4, "big"))
    digest.update(record_key)
    digest.update(value)
    return int.from_bytes(digest.digest(), "big")


def add_up(*digests: int) -> int:
    """Add parts; a record that goes is added with a minus."""
    return sum(digests) % _MODULUS


def to_bytes(digest: int) -> bytes:
    return digest.to_bytes(DIGEST_SIZE, "big")


def from_bytes(digest: bytes) -> int:
    return int.from_bytes(digest, "big")
