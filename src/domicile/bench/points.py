"""The points at which name servers are compared."""

from typing import NamedTuple

from domicile.bench.makes import Make
from domicile.bench.names import Mix

# From here on some peers are left out: they would take longer to start than to measure.
MANY = 5_000_000
LEFT_OUT_OF_MANY = (Make.BIND, Make.PDNS)
_RUNS, _RUNS_OF_MANY = 5, 3


class Point(NamedTuple):
    """What one table is of: so many names, which are asked, so many changes a second."""

    names: int
    mix: Mix
    changes: float = 0.0

    def __str__(self) -> str:
        changing = f", {self.changes:g} changes/s" if self.changes else ""
        return f"{self.names:,} names, {self.mix}{changing}"


ALL_POINTS = (
    *(Point(100_000, mix) for mix in Mix),
    Point(100_000, Mix.UNIFORM, changes=100.0),
    Point(10_000_000, Mix.UNIFORM),
    Point(10_000_000, Mix.MISSING90),
)


def runs_at(names: int) -> int:
    """Say how many runs are enough where nobody said."""
    return _RUNS if names < MANY else _RUNS_OF_MANY
