"""Plays a scenario line by line, where what happens earlier matters to what comes later.

The first word of a line says what is done, the others how; what comes of it is told by
the lines below it that are set in. So each such word is a method of a stage, which gives
the lines that it has to tell.
"""

import inspect
from typing import NamedTuple


class Line(NamedTuple):
    """What is done, what is expected of it, where that stands, and why it is so."""

    number: int
    words: list[str]
    expected: list[str]
    why: str


def lines_of(file):
    found, why, ends = [], [], False
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.startswith("#"):
            why = [line] if ends else [*why, line]
            ends = False
        elif line.startswith(" "):
            found[-1].expected.append(" ".join(line.split()))
        elif line:
            found.append(Line(number, line.split(), [], "\n".join(why)))
            ends = True
    return found


async def play(file, stage):
    for line in lines_of(file):
        what, *how = line.words
        # The lines below a zone are its master file.
        given, expected = (
            ([line.expected], []) if what == "zone" else ([], line.expected)
        )
        told = getattr(stage, what)(*how, *given)
        if inspect.isawaitable(told):
            told = await told
        told = list(told or ())
        came = "\n    ".join(["it came out as", *told])
        where = f"{file.name}, line {line.number}: {came}\n{line.why}"
        assert told == expected, where


def words_of(how):
    """Read words such as `cookie` and `times=20` into what they are, and are to be."""
    return {
        name: value or True for name, _, value in (each.partition("=") for each in how)
    }
