"""Signatures that were made before are given again, and new ones cost a budget.

A signature is known by what it signs, so it lives on through changes that do not touch
that, and is made anew some days before it expires. Of names that do not exist there is
no end: their signatures have a budget and a room of their own, and spend nobody else's.
So have those over streams, to which a client is sent whose datagram was too much.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

from domicile.dns.keys import Key
from domicile.dns.rdata import RRset
from domicile.dns.signing import Validity, signature
from domicile.errors import DomicileError

DAY: Final = 86400
PER_SECOND: Final = 1000
"""New signatures: some 4 % of a core."""

# A validator's clock may be an hour behind ours.
_BEFORE: Final = 3600
_LASTS: Final = 7 * DAY
# Expiring not all at once, they are not made anew all at once.
_JITTER: Final = DAY
# Resolvers keep what they were given for at most a day.
_RENEWED_BEFORE: Final = 3 * DAY
_USABLE_BEFORE: Final = DAY
# Of each kind so many are kept, at some 700 octets each.
_ROOM: Final = 50_000


class OverBudget(DomicileError):
    """So many signatures were made within this second that this one has to wait."""


class Purpose(NamedTuple):
    """What a signature is for; `now` is Unix time."""

    now: int
    is_stream: bool = False
    is_missing: bool = False


class _Kept(NamedTuple):
    rdata: bytes
    validity: Validity

    def is_good(self, now: int, before: int) -> bool:
        """Whether it is valid, and will be for a while."""
        # A clock that was set back makes signatures that are not good yet.
        return self.validity.inception <= now < self.validity.expiration - before


class Budget:
    """So many a second, and as many at once after a quiet one."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate
        self._at = 0

    def take(self, now: int) -> bool:
        if now != self._at:
            passed = max(0, now - self._at)
            self._left = min(self._rate, self._left + self._rate * passed)
            self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Signatures:
    """Makes and keeps the signatures of one worker."""

    def __init__(self, per_second: float = PER_SECOND, room: int = _ROOM) -> None:
        self._budgets = {
            (is_stream, is_missing): Budget(per_second)
            for is_stream in (False, True)
            for is_missing in (False, True)
        }
        self._kept = {is_missing: _Generations(room) for is_missing in (False, True)}
        self.made = 0

    def get(self, zone: bytes, key: Key, rrset: RRset, purpose: Purpose) -> bytes:
        """Give the data of the RRSIG of a set with a folded owner; raises OverBudget."""
        now, kept = purpose.now, self._kept[purpose.is_missing]
        name = (zone, key.tag, rrset)
        found = kept.find(name)
        if found is not None and found.is_good(now, _RENEWED_BEFORE):
            return found.rdata
        if not self._budgets[purpose.is_stream, purpose.is_missing].take(now):
            if found is not None and found.is_good(now, _USABLE_BEFORE):
                return found.rdata
            raise OverBudget("too many new signatures now: ask again in a second")
        jitter = zlib.crc32(b"%d" % now, zlib.crc32(rrset.name)) % _JITTER
        validity = Validity(now - _BEFORE, now + _LASTS - jitter)
        rdata = signature(zone, key, rrset, validity)
        kept.keep(name, _Kept(rdata, validity))
        self.made += 1
        return rdata


_Name = tuple[bytes, int, RRset]


class _Generations:
    """What is asked for again stays, and of the rest what is newer."""

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, room: int) -> None:
        self._half = max(1, room // 2)
        self._young: dict[_Name, _Kept] = {}
        self._old: dict[_Name, _Kept] = {}

    def find(self, name: _Name) -> _Kept | None:
        found = self._young.get(name)
        if found is None and (found := self._old.pop(name, None)) is not None:
            self.keep(name, found)
        return found

    def keep(self, name: _Name, kept: _Kept) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[name] = kept
