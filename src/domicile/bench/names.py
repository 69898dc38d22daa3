"""The names that are asked for: so many apps, and which of them how often."""

import random
from base64 import b32encode
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

ZONE = "bench.test"

_APPS_OF_AN_OWNER = 10
# Ids have no order: what a store or replica finds by them lies anywhere. (2^128 / phi)
_SCATTER = 0x9E3779B97F4A7C15F39CC0605CEDC835
# So many are enough that the rare ones of a mix are met.
_FEWEST_QUESTIONS = 100_000
# More than any server here answers on one core, in a second.
_MOST_A_SECOND = 300_000
# So many names stay in the caches of a processor, or of a server, whatever we do.
_FEW_NAMES = 1_000_000
# A prime beyond all numbers of names: by it ranks are spread over them.
_SPREAD = 2_654_435_761


class Mix(StrEnum):
    """Which names are asked for, and how."""

    UNIFORM = "uniform"
    ZIPF = "zipf"
    MISSING10 = "missing10"
    MISSING90 = "missing90"
    DO = "do"


_MISSING = {Mix.MISSING10: 0.1, Mix.MISSING90: 0.9}


class Name(NamedTuple):
    """An app's name and its owner's, and the app's id."""

    app: str
    owner: str
    id: str

    @property
    def host(self) -> str:
        return f"{self.app}.{self.owner}.{ZONE}"


def name_of(number: int) -> Name:
    """Give the name of an app by its number, the same every time."""
    octets = b32encode((number * _SCATTER % 2**128).to_bytes(16, "big"))
    ident = octets.rstrip(b"=").decode("ascii").lower()
    return Name(f"app{number}", owner_of(number), ident)


def owner_of(number: int) -> str:
    return f"owner{number // _APPS_OF_AN_OWNER}"


def owners(names: int) -> Iterator[str]:
    return map(owner_of, range(0, names, _APPS_OF_AN_OWNER))


def host_of(number: int) -> str:
    return f"app{number}.{owner_of(number)}.{ZONE}"


def count_questions(names: int, mix: Mix, seconds: float) -> int:
    """Say how many questions a run of so many seconds takes.

    They are asked again from the first when the last was asked. That must not be where
    it would make a server remember what its clients do not ask twice.
    """
    if names <= _FEW_NAMES and mix not in _MISSING:
        return max(names, _FEWEST_QUESTIONS)
    return max(_FEWEST_QUESTIONS, round(_MOST_A_SECOND * seconds))


def questions(names: int, mix: Mix, count: int, number: int = 0) -> Iterator[str]:
    """Give the hosts to ask for in a round, by its number: the same every time."""
    chance = random.Random(f"{names} {mix} {number}")  # noqa: S311 - a load, no secret
    ask = _by_rank if mix is Mix.ZIPF else _shuffled
    missing = _MISSING.get(mix, 0.0)
    for host in map(host_of, ask(names, count, chance)):
        # None of these exists, and none is asked for twice.
        yield (
            f"no-{chance.getrandbits(40):x}-{host}"
            if chance.random() < missing
            else host
        )


def _shuffled(names: int, count: int, chance: random.Random) -> Iterator[int]:
    """Give each name once before any comes again."""
    while count > 0:
        part = chance.sample(range(names), min(names, count))
        yield from part
        count -= len(part)


def _by_rank(names: int, count: int, chance: random.Random) -> Iterator[int]:
    """Ask by Zipf's law: for the name of rank r about 1/r as often as for the first."""
    for _ in range(count):
        # Ranks up to r are asked for as often as the logarithm of r + 1 says.
        rank = int((names + 1) ** chance.random()) - 1
        yield rank * _SPREAD % names
