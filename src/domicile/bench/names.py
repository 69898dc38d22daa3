"""The names that are asked for: so many apps, and which of them how often."""

import random
from base64 import b32encode
from collections.abc import Iterator
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

ZONE = "bench.test"

_APPS_OF_AN_OWNER = 10
# Ids have no order: what a store or replica finds by them lies anywhere. (2^128 / phi)
_SCATTER = 0x9E3779B97F4A7C15F39CC0605CEDC835
# Questions are asked again from the first when the last was asked; so many are enough
# that the rare ones of a mix are met.
_FEWEST_QUESTIONS = 100_000
_MISSING = {"missing10": 0.1, "missing90": 0.9}


class Mix(StrEnum):
    """Which names are asked for."""

    UNIFORM = "uniform"
    ZIPF = "zipf"
    MISSING10 = "missing10"
    MISSING90 = "missing90"


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


def questions(names: int, mix: Mix) -> Iterator[str]:
    """Give the hosts to ask for, in an order that is the same every time."""
    chance = random.Random(names)  # noqa: S311 - a load, and no secret
    count = max(names, _FEWEST_QUESTIONS)
    if mix is Mix.ZIPF:
        # Zipf's law: the name of rank r is asked for 1/r as often as the first.
        weights = list(accumulate(1 / rank for rank in range(1, names + 1)))
        numbers = list(range(names))
        chance.shuffle(numbers)
        asked = chance.choices(numbers, cum_weights=weights, k=count)
    else:
        asked = [number % names for number in range(count)]
        chance.shuffle(asked)
    missing = _MISSING.get(mix, 0.0)
    for number in asked:
        host = name_of(number).host
        # None of these exists, and none is asked for twice in a round.
        yield (
            f"no-{chance.getrandbits(40):x}-{host}"
            if (chance.random() < missing)
            else host
        )
