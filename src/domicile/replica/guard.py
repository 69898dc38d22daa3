"""Holds back an answer that would take away more names than anybody can have meant.

A bug, a wrong database or an empty one must not take all names at once: what is there is
served on, as by one that is behind, and an operator decides. A consent names the chain
of what the replica holds, so it is good for that replica as it is, and for no other time.

A snapshot replaces history, so that it shrinks the names at all by so much is suspicious;
within one history a few may go as they please.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from domicile.errors import DomicileError
from domicile.model.changes import Change
from domicile.model.records import Consent, Placement, Residence, decode
from domicile.model.zone_records import Zone
from domicile.replica.view import View

GUARDED: tuple[type[Zone | Placement | Residence], ...] = (Zone, Placement, Residence)
"""What names are found by: without one of these a name is gone."""

SHARE = 0.5
"""So much of them may go with one answer."""

LEAST = 20
"""So many may go within one history, whatever their share."""


class HeldBack(DomicileError):
    """So much would go that an operator has to say that it is meant."""


def look_at_range(view: View, changes: Sequence[Change]) -> None:
    """Raise HeldBack where a range of changes takes too much away."""
    for kind in GUARDED:
        last = {each.key: each.value for each in changes if each.kind == kind.kind}
        if sum(value is None for value in last.values()) < LEAST:
            continue
        there = {key for key in last if view.get(kind, key) is not None}
        gone = sum(value is None and key in there for key, value in last.items())
        come = sum(
            value is not None and key not in there for key, value in last.items()
        )
        before = view.count(kind)
        if gone >= LEAST:
            _judge(kind.kind, before, before - gone + come)


def look_at_snapshot(view: View, counts: Mapping[str, int]) -> None:
    """Raise HeldBack where a snapshot, of so many records a kind, has too few."""
    for kind in GUARDED:
        _judge(kind.kind, view.count(kind), counts.get(kind.kind, 0))


def consents(changes: Iterable[Change], chain: bytes) -> bool:
    """Whether an operator has said that what follows on this chain is meant."""
    return any(
        chain in _consent_of(each.value).chains.values()
        for each in changes
        if each.kind == Consent.kind and each.value is not None
    )


def _judge(kind: str, before: int, after: int) -> None:
    if after < before * (1 - SHARE):
        raise HeldBack(
            f"{before - after} of {before} {kind}s would go: what is there is served on "
            "until `domicile follower accept` says that this is meant"
        )


def _consent_of(value: bytes) -> Consent:
    try:
        found = decode(Consent.kind, value)
    except msgspec.DecodeError:
        found = None
    return found if isinstance(found, Consent) else Consent("", 0)
