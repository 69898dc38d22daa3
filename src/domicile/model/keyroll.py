"""The life of the keys that sign a zone: what each does, and what it waits for.

The words are those of RFC 7583 where it has one. "Known" is: by every name server.

    state       in DNSKEY   waits until                           then
    INTRODUCED  no          known, and the longest TTL is over    PUBLISHED
    PUBLISHED   yes         known, and the longest TTL is over    READY, a ZSK ACTIVE
    READY       yes         the parent's DS is its own, and the   ACTIVE; those before
                            DS TTL is over                        it are RETIRED
    ACTIVE      yes
    RETIRED     yes         known, and the longest TTL is over    removed, or WITHDRAWN
    WITHDRAWN   no          known, and the longest TTL is over    removed

A key of an algorithm that the zone has not yet begins INTRODUCED, and the last one of
an algorithm ends WITHDRAWN: it signs before validators can know that it is there, and
until they have forgotten it (RFC 6781 4.1.4). So a first signing, a roll-over of a CSK
or KSK (double signature, RFC 7583 3.3.1), of a ZSK (pre-publication, 3.2.1) and of the
algorithm are one walk. Going insecure is another: all keys are `leaving`, they sign on
until the parent's DS has gone and its TTL is over, and then all go at once.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from domicile.dns.keys import ds_of
from domicile.dns.name import name_from_text
from domicile.model.zone_records import KeyRole, KeyState, Zone, ZoneKey

# An answer that was given just before is under way for so long, and then lasts its TTL.
_UNDER_WAY = 5.0
_ALGORITHM = 3
_SEP = frozenset({KeyRole.CSK, KeyRole.KSK})
_OF_DATA = frozenset({KeyRole.CSK, KeyRole.ZSK})
_NOT_IN_DNSKEY = frozenset({KeyState.INTRODUCED, KeyState.WITHDRAWN})
_IN_USE = frozenset({KeyState.READY, KeyState.ACTIVE})
# A key that validators know before one that they may have forgotten or not learned.
_PREFERRED = (
    _IN_USE,
    {KeyState.RETIRED},
    {KeyState.PUBLISHED},
    {KeyState.INTRODUCED, KeyState.WITHDRAWN},
)


class Facts(NamedTuple):
    """What can be known: the DS records at the parent are None where they cannot."""

    now: float
    known: bool
    parent: frozenset[bytes] | None = None


class Step(NamedTuple):
    """Records to write and to delete, in one transaction."""

    put: tuple[ZoneKey, ...] = ()
    removed: tuple[ZoneKey, ...] = ()


class Wait(NamedTuple):
    """What a key waits for; `until` is 0 where nobody can say."""

    what: str
    until: float = 0.0


class Signing(StrEnum):
    """How a zone is signed, in a word."""

    UNSIGNED = "unsigned"
    BEGINNING = "beginning"
    SIGNED = "signed"
    ROLLING = "rolling"
    LEAVING = "leaving"


WAITS_FOR_SERVERS = "every name server to know it"

# What they are for


def published(keys: Iterable[ZoneKey]) -> list[ZoneKey]:
    """Give those of the DNSKEY RRset."""
    return [key for key in keys if key.state not in _NOT_IN_DNSKEY]


def signers_of_keys(keys: Iterable[ZoneKey]) -> list[ZoneKey]:
    """Give those that sign DNSKEY, CDS and CDNSKEY.

    All that a DS may be for: which one a validator has cached is not known.
    """
    return [key for key in published(keys) if key.role in _SEP]


def signers_of_data(keys: Collection[ZoneKey]) -> list[ZoneKey]:
    """Give one key of each algorithm.

    RFC 4035 2.2: "There MUST be an RRSIG for each RRset using at least one DNSKEY of
    each algorithm in the zone apex DNSKEY RRset."
    """
    found = {}
    for key in sorted(keys, key=_rank, reverse=True):
        if key.role in _OF_DATA:
            found[key.public[_ALGORITHM]] = key
    return list(found.values())


def wanted_at_parent(keys: Iterable[ZoneKey]) -> list[ZoneKey]:
    """Give whose DS the parent is to have, and no others': none, or one."""
    usable = [key for key in keys if key.role in _SEP and key.state in _IN_USE]
    newest = sorted((key for key in usable if not key.leaving), key=_rank)
    return newest[:1]


def is_leaving(keys: Iterable[ZoneKey]) -> bool:
    """Whether the zone goes insecure: the parent is asked to take its DS away."""
    return any(key.leaving for key in keys)


def ds_records(keys: Iterable[ZoneKey]) -> list[bytes]:
    """Give the DS records that the parent is to have (SHA-256)."""
    return [
        ds_of(name_from_text(key.zone), key.public) for key in wanted_at_parent(keys)
    ]


# How they go on


def advance(zone: Zone, keys: Sequence[ZoneKey], facts: Facts) -> Step | None:
    """Give the next step of a zone's keys, if the facts allow one."""
    noted = tuple(filter(None, (_noted(key, keys, facts) for key in keys)))
    if noted:
        return Step(noted)
    due = [key for key in keys if _due(zone, key) <= facts.now]
    if is_leaving(keys):
        return Step(removed=tuple(keys)) if len(due) == len(keys) else None
    after = {key.tag: key for key in keys}
    for key in due:
        # What one has put in another state waits anew.
        if after[key.tag] is key:
            _enter_next(key, after, facts.now)
    return _difference(keys, after)


def wait_of(zone: Zone, key: ZoneKey) -> Wait | None:
    """Say what a key waits for; None where it is for nothing."""
    if key.leaving or key.state is KeyState.READY:
        wanted = "to have no DS of the zone" if key.leaving else "to have its DS"
        if not key.parent_at:
            return Wait(f"the parent zone {wanted}")
        return Wait("resolvers to forget the DS before", _due(zone, key))
    if key.state is KeyState.ACTIVE:
        return None
    if not key.known_at:
        return Wait(WAITS_FOR_SERVERS)
    return Wait("resolvers to forget what was before", _due(zone, key))


def signing_of(keys: Collection[ZoneKey]) -> Signing:
    if not keys:
        return Signing.UNSIGNED
    if is_leaving(keys):
        return Signing.LEAVING
    if not is_rolling(keys):
        return Signing.SIGNED
    settled = any(key.state is KeyState.ACTIVE for key in keys if key.role in _SEP)
    return Signing.ROLLING if settled else Signing.BEGINNING


def waits_for_parent(keys: Iterable[ZoneKey]) -> bool:
    """Whether the parent has not done its part yet."""
    return any(_waits_for_parent(key) and not key.parent_at for key in keys)


def is_rolling(keys: Iterable[ZoneKey]) -> bool:
    """Whether a walk is under way that another one would disturb."""
    return any(key.leaving or key.state is not KeyState.ACTIVE for key in keys)


def first_state(algorithm: int, keys: Collection[ZoneKey]) -> KeyState:
    """Give the state in which a new key of an algorithm begins."""
    if keys and all(key.public[_ALGORITHM] != algorithm for key in keys):
        return KeyState.INTRODUCED
    return KeyState.PUBLISHED


def confirmed(keys: Iterable[ZoneKey], now: float) -> list[ZoneKey]:
    """Give the keys that wait for the parent, as of a word that it has done its part."""
    return [
        replace(key, parent_at=now)
        for key in keys
        if _waits_for_parent(key) and not key.parent_at
    ]


def leave(keys: Iterable[ZoneKey]) -> list[ZoneKey]:
    """Have the zone go insecure."""
    return [replace(key, leaving=True, parent_at=0.0) for key in keys]


def stay(keys: Iterable[ZoneKey], now: float) -> list[ZoneKey]:
    """Have a zone that was to go insecure stay signed: its DS is wanted again."""
    staying = [replace(key, leaving=False, parent_at=0.0) for key in keys]
    wanted = wanted_at_parent(staying)
    return [
        _entered(key, KeyState.READY, now) if key in wanted else key for key in staying
    ]


def _waits_for_parent(key: ZoneKey) -> bool:
    return key.leaving or key.state is KeyState.READY


def _noted(key: ZoneKey, keys: Sequence[ZoneKey], facts: Facts) -> ZoneKey | None:
    """Give a key with the time of what has come true."""
    if facts.known and not key.known_at:
        return replace(key, known_at=facts.now)
    if _waits_for_parent(key) and not key.parent_at and _is_as_wanted(keys, facts):
        return replace(key, parent_at=facts.now)
    return None


def _is_as_wanted(keys: Sequence[ZoneKey], facts: Facts) -> bool:
    """Whether the parent has our DS, by whatever digests, and nobody else's."""
    if facts.parent is None:
        return False
    if is_leaving(keys):
        return not facts.parent
    wanted = ds_records(keys)
    return all(
        each in facts.parent and all(ds[:3] == each[:3] for ds in facts.parent)
        for each in wanted
    )


def _due(zone: Zone, key: ZoneKey) -> float:
    """Give when its wait is over, infinity where it has none or nobody knows."""
    if key.state is KeyState.ACTIVE and not key.leaving:
        return math.inf
    if _waits_for_parent(key):
        since, ttl = key.parent_at, zone.ds_ttl
    else:
        since, ttl = key.known_at, zone.longest_ttl
    return since + ttl + _UNDER_WAY if since else math.inf


def _enter_next(key: ZoneKey, after: dict[int, ZoneKey], now: float) -> None:
    """Have a key, and those that it replaces, enter the next state."""
    match key.state:
        case KeyState.INTRODUCED:
            after[key.tag] = _entered(key, KeyState.PUBLISHED, now)
        case KeyState.PUBLISHED if key.role in _SEP:
            after[key.tag] = _entered(key, KeyState.READY, now)
        case KeyState.PUBLISHED | KeyState.READY:
            for old in after.values():
                if old.state in _IN_USE and _is_replaced(old, key):
                    after[old.tag] = _entered(old, KeyState.RETIRED, now)
            after[key.tag] = _entered(key, KeyState.ACTIVE, now)
        case KeyState.RETIRED if _is_last_of_algorithm(key, after.values()):
            after[key.tag] = _entered(key, KeyState.WITHDRAWN, now)
        case _:
            del after[key.tag]


def _difference(before: Iterable[ZoneKey], after: Mapping[int, ZoneKey]) -> Step | None:
    step = Step(
        tuple(after[key.tag] for key in before if after.get(key.tag, key) is not key),
        tuple(key for key in before if key.tag not in after),
    )
    return step if any(step) else None


def _is_replaced(old: ZoneKey, new: ZoneKey) -> bool:
    """Whether a key that has become ACTIVE stands in the place of another one."""
    if old.made_at >= new.made_at:
        return False
    same_algorithm = old.public[_ALGORITHM] == new.public[_ALGORITHM]
    if new.role is KeyRole.ZSK:
        # That of another algorithm goes with the KSK, or its data would be unsigned.
        return old.role is KeyRole.ZSK and same_algorithm
    return old.role in _SEP or not same_algorithm


def _is_last_of_algorithm(key: ZoneKey, keys: Iterable[ZoneKey]) -> bool:
    return all(
        each.public[_ALGORITHM] != key.public[_ALGORITHM]
        for each in keys
        if each.state not in {KeyState.RETIRED, KeyState.WITHDRAWN}
    )


def _entered(key: ZoneKey, state: KeyState, now: float) -> ZoneKey:
    return replace(key, state=state, since=now, known_at=0.0, parent_at=0.0)


def _rank(key: ZoneKey) -> tuple[int, float]:
    preference = next(at for at, of in enumerate(_PREFERRED) if key.state in of)
    return preference, -key.made_at
