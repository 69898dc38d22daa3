"""Changes: every write to a record is one, numbered densely, chained by a hash."""

import hashlib

import msgspec

CHAIN_SIZE = 16
NO_CHAIN = bytes(CHAIN_SIZE)


class Change(msgspec.Struct, frozen=True, array_like=True):
    """One numbered write; `value` None is a deletion.

    `chain` is the running hash over this change and all before it.
    """

    serial: int
    kind: str
    key: str
    scope: str
    value: bytes | None
    chain: bytes


def next_chain(
    chain: bytes, serial: int, kind: str, key: str, scope: str, value: bytes | None
) -> bytes:
    """Extend the running hash by one change; each part is delimited by its length."""
    digest = hashlib.blake2b(chain, digest_size=CHAIN_SIZE)
    digest.update(serial.to_bytes(8, "big"))
    for part in (kind.encode(), key.encode(), scope.encode()):
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    digest.update(b"\0" if value is None else b"\1" + value)
    return digest.digest()
