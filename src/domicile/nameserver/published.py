"""The serials of the zones that secondaries take: those of the editions that are given.

What is answered may be newer than the edition at hand, for a second; but a serial that
is told is one that can be taken. They are in memory that all processes share.
"""

import mmap
from collections.abc import Sequence

from domicile.dns.answer import Answer
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.transfer import with_serial

_SIZE = 8
_NONE = -1


class Published:
    """One number for each zone; make it before the workers are forked."""

    def __init__(self, apexes: Sequence[bytes]) -> None:
        self._places = {apex: place for place, apex in enumerate(apexes)}
        shared = mmap.mmap(-1, len(apexes) * _SIZE)
        self._serials = memoryview(shared).cast("q")
        for place in self._places.values():
            self._serials[place] = _NONE

    def publish(self, apex: bytes, serial: int | None) -> None:
        """Tell this serial from now on; where there is none, the replica's again."""
        self._serials[self._places[apex]] = _NONE if serial is None else serial

    def renumbered(self, found: Answer) -> Answer:
        """Give an answer whose SOAs have the serials that can be taken."""
        if not any(
            each.rdtype == Rdtype.SOA for each in found.answer + found.authority
        ):
            return found
        return found._replace(
            answer=tuple(map(self._renumber, found.answer)),
            authority=tuple(map(self._renumber, found.authority)),
        )

    def _renumber(self, rrset: RRset) -> RRset:
        place = self._places.get(rrset.name.lower())
        if place is None or rrset.rdtype != Rdtype.SOA:
            return rrset
        serial = self._serials[place]
        if serial == _NONE:
            return rrset
        return rrset._replace(rdatas=(with_serial(rrset.rdatas[0], serial),))
