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

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Annotated

import msgspec

from domicile.model.records import Cluster

BAD_IN_A_ROW = 3
GOOD_IN_A_ROW = 3
FEWEST = 2
# Three rounds of probes, and a little: one that was lost silences nobody.
FRESH_SECONDS = 35.0

_LONGEST_DETAIL = 200


class Sighting(msgspec.Struct, frozen=True):
    """What one reporter saw of an address: `row` probes in a row went like the last."""

    cluster: str
    address: str
    well: bool
    row: Annotated[int, msgspec.Meta(ge=1)] = 1
    detail: Annotated[str, msgspec.Meta(max_length=_LONGEST_DETAIL)] = ""

    @property
    def speaks_against(self) -> bool:
        return not self.well and self.row >= BAD_IN_A_ROW

    @property
    def speaks_for(self) -> bool:
        return self.well and self.row >= GOOD_IN_A_ROW


class Word(msgspec.Struct, frozen=True):
    """All that a reporter says, and when that was heard."""

    reporter: str
    at: float
    sightings: tuple[Sighting, ...] = ()


class Voices(msgspec.Struct, frozen=True):
    """Who counts for one address, and what each says of it."""

    sightings: dict[str, Sighting]

    @property
    def against(self) -> dict[str, Sighting]:
        return {who: s for who, s in self.sightings.items() if s.speaks_against}

    @property
    def condemn(self) -> bool:
        count = len(self.sightings)
        return count >= FEWEST and len(self.against) * 2 > count

    @property
    def acquit(self) -> bool:
        speaking = sum(each.speaks_for for each in self.sightings.values())
        return speaking * 2 > len(self.sightings)


def counted(words: Iterable[Word], now: float) -> list[Word]:
    """Give the words that count (rule 2)."""
    return [
        word
        for word in words
        # A clock that was set back has words from the future: they count no longer.
        if abs(now - word.at) < FRESH_SECONDS
        and any(sighting.well for sighting in word.sightings)
    ]


def voices_on(cluster: str, address: str, words: Iterable[Word]) -> Voices:
    """Gather what is said of an address, by words that count."""
    return Voices(
        {
            word.reporter: sighting
            for word in words
            for sighting in word.sightings
            if (sighting.cluster, sighting.address) == (cluster, address)
        }
    )


def withdrawn_of(
    cluster: Cluster, words: Iterable[Word], now: float
) -> tuple[str, ...]:
    """Give the addresses that are to be withdrawn, in the order of the record."""
    counting = counted(words, now)
    wanted = [
        address
        for address in _withdrawn_first(cluster)
        if _is_wanted_away(cluster, address, counting)
    ]
    away = {each for family in _families(cluster) for each in _few(family, wanted)}
    return tuple(each for each in cluster.addresses if each in away)


def _withdrawn_first(cluster: Cluster) -> list[str]:
    return sorted(cluster.addresses, key=lambda each: each not in cluster.withdrawn)


def _is_wanted_away(cluster: Cluster, address: str, words: Sequence[Word]) -> bool:
    voices = voices_on(cluster.name, address, words)
    if address in cluster.withdrawn:
        return not voices.acquit
    return voices.condemn


def _families(cluster: Cluster) -> list[set[str]]:
    versions: dict[int, set[str]] = {}
    for each in cluster.addresses:
        versions.setdefault(ip_address(each).version, set()).add(each)
    return list(versions.values())


def _few(family: set[str], wanted: Iterable[str]) -> list[str]:
    """Give no more than half of a family (rule 4)."""
    return [each for each in wanted if each in family][: len(family) // 2]
