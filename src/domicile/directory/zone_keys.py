"""What an operator has done with the keys of a zone: each function is one transaction.

It makes keys, or marks them; `directory.keyrolls` then goes on as the facts allow.
"""

from collections.abc import Iterable, Sequence

import msgspec

from domicile.directory.registry import BadRequest, demand
from domicile.dns.keys import (
    SECURE_ENTRY_POINT,
    ZONE_KEY,
    Algorithm,
    Key,
    make_key,
)
from domicile.errors import DomicileError
from domicile.model import keyroll
from domicile.model.sealing import context_of, seal
from domicile.model.zone_records import KeyRole, Zone, ZoneKey
from domicile.store.transaction import Reading, Transaction

ALGORITHMS = {each.name.lower(): each for each in Algorithm}
DEFAULT = Algorithm.ECDSAP256SHA256


class KeysInUse(DomicileError):
    """The keys of the zone are in a state that does not allow it."""


class SigningWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to sign a zone: by one key for all, or `split` into a KSK and a ZSK."""

    algorithm: str = ""
    split: bool = False


class RollWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which keys to roll, all or those of one `role`, and to which algorithm."""

    role: str = ""
    algorithm: str = ""


async def keys_of(reading: Reading, zone: str) -> list[ZoneKey]:
    return await reading.find_all(ZoneKey, zone)


async def sign_zone(
    tx: Transaction, sealing_key: bytes, name: str, wanted: SigningWanted
) -> None:
    """Have a zone signed; one that was to go insecure stays signed."""
    zone = await demand(tx, Zone, name)
    keys = await keys_of(tx, zone.name)
    algorithm = _algorithm(wanted.algorithm) or DEFAULT
    if keyroll.is_leaving(keys):
        await _put_all(tx, keyroll.stay(keys, tx.now))
        return
    if keys:
        raise KeysInUse(f"zone {name} has keys already: roll them")
    roles = (KeyRole.KSK, KeyRole.ZSK) if wanted.split else (KeyRole.CSK,)
    await _add(tx, sealing_key, keys, [(zone.name, role, algorithm) for role in roles])


async def roll_zone(
    tx: Transaction, sealing_key: bytes, name: str, wanted: RollWanted
) -> None:
    """Have new keys take the place of a zone's; raises KeysInUse, BadRequest."""
    zone = await demand(tx, Zone, name)
    keys = await keys_of(tx, zone.name)
    algorithm = _algorithm(wanted.algorithm)
    if not keys:
        raise KeysInUse(f"zone {name} is not signed: sign it first")
    if keyroll.is_rolling(keys):
        raise KeysInUse(
            f"the keys of zone {name} are not settled: see domicile zone show {name} for "
            "what is waited for"
        )
    old = [key for key in keys if wanted.role in {"", key.role}]
    if not old:
        has = ", ".join(sorted(key.role for key in keys))
        raise BadRequest(f"zone {name} has no {wanted.role!r}, but {has}")
    if len(old) < len(keys) and any(
        algorithm not in {None, key.public[3]} for key in keys
    ):
        raise BadRequest("another algorithm is for all keys of a zone: name no role")
    new = [(zone.name, key.role, algorithm or Algorithm(key.public[3])) for key in old]
    await _add(tx, sealing_key, keys, new)


async def leave_zone(tx: Transaction, name: str, *, now: bool) -> None:
    """Have a zone go insecure: once the parent's DS is gone, or at once.

    At once it is bogus to all who still have the DS.
    """
    zone = await demand(tx, Zone, name)
    keys = await keys_of(tx, zone.name)
    if not keys:
        raise KeysInUse(f"zone {name} is not signed")
    if now:
        for key in keys:
            await tx.delete(ZoneKey, key.key)
    elif not keyroll.is_leaving(keys):
        await _put_all(tx, keyroll.leave(keys))


async def confirm_parent(tx: Transaction, name: str) -> None:
    """Take an operator's word that the parent's DS is as wanted; raises KeysInUse."""
    zone = await demand(tx, Zone, name)
    keys = keyroll.confirmed(await keys_of(tx, zone.name), tx.now)
    if not keys:
        raise KeysInUse(f"no key of zone {name} waits for the parent zone")
    await _put_all(tx, keys)


async def _put_all(tx: Transaction, keys: Iterable[ZoneKey]) -> None:
    for key in keys:
        await tx.put(key)


async def _add(
    tx: Transaction,
    sealing_key: bytes,
    keys: Sequence[ZoneKey],
    wanted: Iterable[tuple[str, KeyRole, Algorithm]],
) -> None:
    tags = {key.tag for key in keys}
    for zone, role, algorithm in wanted:
        flags = ZONE_KEY | (0 if role is KeyRole.ZSK else SECURE_ENTRY_POINT)
        made = _make_unlike(tags, algorithm, flags)
        tags.add(made.tag)
        context = context_of(ZoneKey.kind, f"{zone}/{made.tag}")
        await tx.put(
            ZoneKey(
                zone=zone,
                tag=made.tag,
                role=role,
                state=keyroll.first_state(algorithm, keys),
                public=made.rdata,
                sealed=seal(sealing_key, made.to_pem(), context),
                made_at=tx.now,
                since=tx.now,
            )
        )


def _make_unlike(tags: set[int], algorithm: Algorithm, flags: int) -> Key:
    """Make a key that signatures name by a tag of its own."""
    while (made := make_key(algorithm, flags)).tag in tags:
        pass
    return made


def _algorithm(name: str) -> Algorithm | None:
    """Raises BadRequest."""
    if not name:
        return None
    if name not in ALGORITHMS:
        raise BadRequest(
            f"there is no algorithm {name!r} here: {' and '.join(ALGORITHMS)} are known"
        )
    return ALGORITHMS[name]
