"""Challenges (RFC 8555 8.4): where those of a name are, who may change them, and how.

What a client calls `_acme-challenge.ada.apps.test` is there, or in a validation zone of
ours where its zone delegates challenges. Everything here goes by the name of the place
where they are answered.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum

import msgspec

from domicile.errors import DomicileError
from domicile.model.names import LONGEST_HOST
from domicile.model.resolution import CHALLENGE_LABEL
from domicile.model.zone_records import Challenge, ChallengeMode, UpdateKey, Zone

LIFETIME = 86400.0
"""So many seconds a value is answered: an authority asks within minutes, and a client
that waits for a slow DNS may not write it again."""

MOST_VALUES = 100
"""So many a name has: each is for one certificate that is being issued now."""

LONGEST_VALUE = 255

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")

FindZone = Callable[[str], Zone | None]


class NotAChallenge(DomicileError):
    """No challenges are answered at the name."""


class BadValue(DomicileError):
    """What is to be answered as a challenge cannot be."""


class TooManyValues(DomicileError):
    """A name has as many challenges as one may."""


class Action(StrEnum):
    """What a change does; each is harmless to repeat."""

    ADD = "add"
    REMOVE = "remove"
    CLEAR = "clear"


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Add or remove a value at a name, or clear it of all its values."""

    name: str
    action: Action
    value: str = ""


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has to be so before anything is changed.

    The name has a value, or it has none; or it has just these `values`.
    """

    name: str
    present: bool
    values: tuple[str, ...] | None = None

    def is_met(self, live: Iterable[str]) -> bool:
        found = set(live)
        if self.values is not None:
            return found == set(self.values)
        return bool(found) is self.present


class Update(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was signed by a key: changes, and what has to be so before.

    `mac` tells one update from another, in hex.
    """

    key: str
    mac: str
    changes: tuple[Change, ...]
    requires: tuple[Requirement, ...] = ()


class Updated(msgspec.Struct, frozen=True):
    """As of which serial it is done; or the place of the requirement that is not met."""

    serial: int
    unmet: int | None = None


def zone_of(find_zone: FindZone, name: str) -> Zone | None:
    """Find the zone that a name is in: the longest that matches."""
    labels = name.split(".")
    for depth in range(len(labels)):
        zone = find_zone(".".join(labels[depth:]))
        if zone is not None:
            return zone
    return None


def place_of(find_zone: FindZone, name: str) -> str:
    """Give the name at which the challenges are answered that a client writes at `name`.

    Raises NotAChallenge.
    """
    if len(name) > LONGEST_HOST or not all(map(_LABEL.fullmatch, name.split("."))):
        raise NotAChallenge(
            f"{name[:80]!r} is not a name of a-z, 0-9, _, hyphens and dots"
        )
    zone = zone_of(find_zone, name)
    if zone is None:
        raise NotAChallenge(f"{name} is in no zone of ours")
    if zone.challenges is ChallengeMode.ONLY and name != zone.name:
        return name
    label, _, host = name.partition(".")
    if zone.challenges is ChallengeMode.ONLY or label != CHALLENGE_LABEL:
        raise NotAChallenge(
            f"{name} is no place for challenges: in {zone.name} they are "
            + ("below its apex" if zone.name == name else f"at {CHALLENGE_LABEL}.NAME")
        )
    if zone.challenges is ChallengeMode.DIRECT:
        return name
    target = f"{host}.{zone.validation}"
    validation = zone_of(find_zone, target)
    if validation is None or validation.challenges is not ChallengeMode.ONLY:
        raise NotAChallenge(
            f"challenges of {zone.name} are answered in {zone.validation}, which is no "
            f"validation zone of ours: write {target} there"
        )
    return target


def may_update(key: UpdateKey, find_zone: FindZone, place: str) -> bool:
    """Say whether a key is good for the challenges that are answered at a place."""
    zone = zone_of(find_zone, place)
    if zone is None:
        return False
    if zone.challenges is ChallengeMode.ONLY:
        return any(place == f"{name}.{zone.name}" for name in key.names)
    return any(place == f"{CHALLENGE_LABEL}.{name}" for name in key.names)


def check_value(value: str) -> str:
    """Return what can be answered as one string of a TXT record; raises BadValue."""
    if not (value.isascii() and value.isprintable() and value):
        raise BadValue(f"the value {value[:40]!r} is not of printable ASCII characters")
    if len(value) > LONGEST_VALUE:
        raise BadValue(
            f"the value {value[:40]!r}… has {len(value)} characters: {LONGEST_VALUE} are "
            "allowed"
        )
    return value


def check_values(place: str, values: Collection[str]) -> None:
    """Raise TooManyValues where there are more than one place may have."""
    if len(values) > MOST_VALUES:
        raise TooManyValues(
            f"{place} would have {len(values)} challenges: {MOST_VALUES} are allowed"
        )


def changed(
    before: Challenge | None, place: str, changes: Sequence[Change], now: float
) -> Challenge | None:
    """Make the changes at one place, in their order; None where nothing is left.

    Raises BadValue, TooManyValues.
    """
    values = dict(before.values) if before else {}
    for change in changes:
        match change.action:
            case Action.ADD:
                values[check_value(change.value)] = now + LIFETIME
            case Action.REMOVE:
                values.pop(change.value, None)
            case Action.CLEAR:
                values.clear()
    live = {value: until for value, until in values.items() if now < until}
    check_values(place, live)
    return Challenge(place, live) if live else None
