"""Which addresses of a cluster are answered: by the word of many, and slowly.

Reporters (managers, name servers) probe addresses, all of them the same way, and say of
each how many of its last probes in a row went alike. From that, and from what is
withdrawn already, `withdrawn_of` says what is to be withdrawn.

Rule 1: a reporter speaks against an address after BAD_IN_A_ROW probes that failed, and
for it after GOOD_IN_A_ROW that went well; between the two it says neither.
Rule 2: only fresh reporters count, and none that sees nobody well: who says that all
the world is down says more of itself.
Rule 3: an address is withdrawn if most of those who count speak against it, and at
least FEWEST of them count; it is back once most speak for it. Else all stays as it is.
Rule 4: of each family at most half is withdrawn, so never the last: a client that has
IPv4 alone needs one of these. What is withdrawn first stays so while there is no room.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated

import msgspec

from domicile.model.records import Cluster

# What a proxy answers by itself, with the name of its cluster, where the host asked for
# is an address: that is no app's, so no app's path is taken away. That it names its
# cluster tells it from whoever has the address now.
PROBE_PATH = "/.well-known/domicile/health"

BAD_IN_A_ROW = 3
GOOD_IN_A_ROW = 3
FEWEST = 2
# Three rounds of probes, and a little: one that was lost silences nobody.
FRESH_SECONDS = 35.0

LONGEST_DETAIL = 200


class Sighting(msgspec.Struct, frozen=True):
    """What one reporter saw of an address: `row` probes in a row went like the last."""

    cluster: str
    address: str
    well: bool
    row: Annotated[int, msgspec.Meta(ge=1)] = 1
    detail: Annotated[str, msgspec.Meta(max_length=LONGEST_DETAIL)] = ""

    @property
    def is_against(self) -> bool:
        return not self.well and self.row >= BAD_IN_A_ROW

    @property
    def is_for(self) -> bool:
        return self.well and self.row >= GOOD_IN_A_ROW


class Word(msgspec.Struct, frozen=True):
    """All that a reporter says, and when that was heard."""

    reporter: str
    at: float
    sightings: tuple[Sighting, ...] = ()


class Voices(msgspec.Struct, frozen=True):
    """What those who count say of one address, by their names."""

    sightings: dict[str, Sighting] = {}

    @property
    def against(self) -> dict[str, Sighting]:
        return {who: each for who, each in self.sightings.items() if each.is_against}

    @property
    def condemn(self) -> bool:
        count = len(self.sightings)
        return count >= FEWEST and len(self.against) * 2 > count

    @property
    def acquit(self) -> bool:
        speaking = sum(each.is_for for each in self.sightings.values())
        return speaking * 2 > len(self.sightings)


class Hearing(msgspec.Struct, frozen=True):
    """What is said at one moment of every address, by cluster and address."""

    voices: dict[tuple[str, str], Voices]

    def on(self, cluster: str, address: str) -> Voices:
        return self.voices.get((cluster, address), _NOBODY)


_NOBODY = Voices()
NOBODY_HEARD = Hearing({})


def hear(words: Iterable[Word], now: float) -> Hearing:
    """Gather what is said by those who count (rule 2)."""
    voices: dict[tuple[str, str], Voices] = {}
    for word in words:
        # A clock that was set back has words from the future: they count no longer.
        if abs(now - word.at) < FRESH_SECONDS and any(s.well for s in word.sightings):
            for each in word.sightings:
                at = each.cluster, each.address
                voices.setdefault(at, Voices({})).sightings[word.reporter] = each
    return Hearing(voices)


def withdrawn_of(cluster: Cluster, hearing: Hearing) -> tuple[str, ...]:
    """Give the addresses that are to be withdrawn, in the order of the record."""
    wanted = [
        address
        for address in _withdrawn_first(cluster)
        if _is_wanted_away(cluster, address, hearing.on(cluster.name, address))
    ]
    away = {each for family in _families(cluster) for each in _few(family, wanted)}
    return tuple(each for each in cluster.addresses if each in away)


def _withdrawn_first(cluster: Cluster) -> list[str]:
    return sorted(cluster.addresses, key=lambda each: each not in cluster.withdrawn)


def _is_wanted_away(cluster: Cluster, address: str, voices: Voices) -> bool:
    return not voices.acquit if address in cluster.withdrawn else voices.condemn


def _families(cluster: Cluster) -> list[set[str]]:
    versions: dict[int, set[str]] = {}
    for each in cluster.addresses:
        versions.setdefault(ip_address(each).version, set()).add(each)
    return list(versions.values())


def _few(family: set[str], wanted: Iterable[str]) -> list[str]:
    """Give no more than half of a family (rule 4)."""
    return [each for each in wanted if each in family][: len(family) // 2]
