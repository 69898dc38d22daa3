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


def next_chain(chain: bytes, change: Change) -> bytes:
    """Extend the running hash by one change, whatever its own `chain` says.

    Each part is delimited by its length, so that no two changes hash alike.
    """
    digest = hashlib.blake2b(chain, digest_size=CHAIN_SIZE)
    digest.update(change.serial.to_bytes(8, "big"))
    for part in (change.kind.encode(), change.key.encode(), change.scope.encode()):
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    digest.update(b"\0" if change.value is None else b"\1" + change.value)
    return digest.digest()
