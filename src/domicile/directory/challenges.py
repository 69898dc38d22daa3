"""Challenges in the directory's store, and when all name servers answer with them.

Each function that takes a transaction does its work in it, whole. An update is what
a name server was sent, signed (RFC 2136 and 8945): what was signed once is done once,
however often and by whatever name server it comes in, and is answered as it was.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import structlog

from domicile.clock import monotonic
from domicile.directory.access import Caller, Forbidden, Role
from domicile.directory.apps import NotFound
from domicile.directory.idempotency import Answer, keep, recall
from domicile.directory.service import Directory
from domicile.errors import DomicileError
from domicile.model.challenges import (
    LIFETIME,
    BadValue,
    Change,
    FindZone,
    Update,
    Updated,
    changed,
    check_value,
    check_values,
    may_update,
    place_of,
)
from domicile.model.zone_records import Challenge, UpdateKey, Zone, challenge_key
from domicile.store.feed import BEHIND_SECONDS
from domicile.store.transaction import Reading, Transaction

EVERYWHERE_SECONDS = 8.0
"""So long whoever asks is kept waiting: one that falls silent is behind before that."""

_LONGEST_LIFETIME = 7 * 86400.0
_NAMESERVERS = f"{Role.NAMESERVER}/"

_log = structlog.get_logger()


class NotYetEverywhere(DomicileError):
    """It is written, and a name server that is not behind has not taken it in."""


class NewChallenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All the values that a name shall have, and for how long."""

    values: tuple[str, ...]
    seconds: float = LIFETIME


class ValueShown(msgspec.Struct, frozen=True):
    """A value, and the time until which it is answered."""

    value: str
    until: float


class ChallengeShown(msgspec.Struct, frozen=True):
    """What is answered now, and at which name."""

    name: str
    values: tuple[ValueShown, ...]


def shown_challenge(challenge: Challenge, now: float) -> ChallengeShown:
    live = challenge.live(now)
    values = [ValueShown(each, challenge.values[each]) for each in live]
    return ChallengeShown(challenge.name, tuple(values))


async def find_zone_in(reading: Reading) -> FindZone:
    return {zone.name: zone for zone in await reading.all(Zone)}.get


async def find_challenge(reading: Reading, name: str, now: float) -> ChallengeShown:
    """Give what is answered for a name; raises NotAChallenge, NotFound."""
    place = place_of(await find_zone_in(reading), name)
    challenge = await reading.get(Challenge, challenge_key(place))
    shown = shown_challenge(challenge, now) if challenge else None
    if shown is None or not shown.values:
        raise NotFound(f"no challenge is answered at {place}")
    return shown


async def set_challenge(tx: Transaction, name: str, new: NewChallenge) -> int:
    """Have a name have these values; gives the serial to wait for.

    Raises NotAChallenge, BadValue, TooManyValues.
    """
    if not 0 < new.seconds <= _LONGEST_LIFETIME:
        raise BadValue(
            f"seconds is {new.seconds:g}, where more than 0 and at most "
            f"{_LONGEST_LIFETIME:.0f} are expected"
        )
    place = place_of(await find_zone_in(tx), name)
    values = dict.fromkeys(map(check_value, new.values), tx.now + new.seconds)
    check_values(place, values)
    await _write(tx, place, Challenge(place, values) if values else None)
    return await _serial_of(tx)


async def update(tx: Transaction, wanted: Update) -> Updated:
    """Do what was signed, or give what came of it before.

    Raises NotAChallenge, BadValue, TooManyValues, and Forbidden where the key is not for
    a name.
    """
    signer = _signer(wanted.key)
    request = hashlib.sha256(msgspec.json.encode(wanted)).digest()
    before = await recall(tx, signer, wanted.mac, request)
    if before is not None:
        return msgspec.json.decode(before.body, type=Updated)
    done = await _update(tx, wanted)
    answer = Answer(200, msgspec.json.encode(done))
    await keep(tx, signer, wanted.mac, request, answer)
    return done


async def everywhere(directory: Directory, serial: int) -> None:
    """Wait until every name server that is not behind has it; raises NotYetEverywhere."""
    deadline = monotonic() + EVERYWHERE_SECONDS
    missing = await directory.feed.acknowledged(
        serial, _NAMESERVERS, deadline, patience=BEHIND_SECONDS
    )
    if missing:
        raise NotYetEverywhere(
            f"it is written (serial {serial}), and after {EVERYWHERE_SECONDS:g} s not yet "
            f"with {', '.join(sorted(missing))}: ask again"
        )


async def forget_ended(tx: Transaction) -> int:
    """Delete the challenges of which nothing is answered any more."""
    every = await tx.all(Challenge)
    ended = [each for each in every if not each.live(tx.now)]
    for each in ended:
        await tx.delete(Challenge, each.key)
    return len(ended)


async def _update(tx: Transaction, wanted: Update) -> Updated:
    find_zone = await find_zone_in(tx)
    key = await tx.get(UpdateKey, wanted.key)
    names = [each.name for each in wanted.requires]
    names += [each.name for each in wanted.changes]
    places = {name: _allowed_place(find_zone, key, name) for name in names}
    for number, requirement in enumerate(wanted.requires):
        found = await tx.get(Challenge, challenge_key(places[requirement.name]))
        if not requirement.is_met(found.live(tx.now) if found else ()):
            return Updated(0, unmet=number)
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in wanted.changes:
        changes[places[change.name]].append(change)
    for place, those in changes.items():
        await _change(tx, place, those)
    _log.info("challenges updated", key=wanted.key, names=sorted(changes))
    return Updated(await _serial_of(tx))


def _allowed_place(find_zone: FindZone, key: UpdateKey | None, name: str) -> str:
    place = place_of(find_zone, name)
    if key is None or not may_update(key, find_zone, place):
        raise Forbidden(f"the key is not for the challenges of {name}")
    return place


async def _change(tx: Transaction, place: str, changes: Sequence[Change]) -> None:
    before = await tx.get(Challenge, challenge_key(place))
    await _write(tx, place, changed(before, place, changes, tx.now))


async def _write(tx: Transaction, place: str, challenge: Challenge | None) -> None:
    if challenge is None:
        await tx.delete(Challenge, challenge_key(place))
    else:
        await tx.put(challenge)


async def _serial_of(tx: Transaction) -> int:
    """Where nothing had to be written, what was written before is waited for."""
    return tx.serial or (await tx.head()).serial


def _signer(key: str) -> Caller:
    """Whose answers are kept: the key's, whichever name server brings what it signed."""
    digests = [hashlib.sha256(f"{what} {key}".encode()) for what in ("signed", "seal")]
    return Caller(Role.NAMESERVER, key, *(each.digest() for each in digests))
