"""Counters that a service's workers share: one row of shared memory each.

They are laid out before the fork, so what can be counted is fixed and bounded; a
worker adds to its own row without a lock, its successor goes on with it, and whoever
serves /metrics sums the rows.
"""

import mmap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_SIZE = 8


class Family(NamedTuple):
    """What is counted under one name: one number for each value of its label.

    A gauge goes up and down; every other only up.
    """

    name: str
    text: str
    label: str = ""
    values: tuple[str, ...] = ("",)
    gauge: bool = False


class Row:
    """One worker's numbers."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: memoryview) -> None:
        self._numbers = numbers

    def add(self, place: int, count: int = 1) -> None:
        """Add to the number at a place that `Counters.place` gave."""
        self._numbers[place] += count

    def set(self, place: int, value: int) -> None:
        self._numbers[place] = value


class Counters(Collector):
    """The numbers of all workers; make it before they are forked."""

    def __init__(self, families: Sequence[Family], workers: int) -> None:
        self._families = families
        self._places: dict[tuple[str, str], int] = {}
        for family in families:
            for value in family.values:
                self._places[family.name, value] = len(self._places)
        self._width = len(self._places)
        shared = mmap.mmap(-1, max(1, self._width * workers) * _SIZE)
        self._numbers = memoryview(shared).cast("q")

    def place(self, name: str, value: str = "") -> int:
        """Give the place of a number in every row; KeyError if it is not counted."""
        return self._places[name, value]

    def row(self, worker: int) -> Row:
        start = worker * self._width
        return Row(self._numbers[start : start + self._width])

    def total(self, name: str, value: str = "") -> int:
        """Sum a number over the workers."""
        return sum(self._numbers[self._places[name, value] :: self._width])

    def collect(self) -> Iterator[Metric]:
        """Give the sums to prometheus-client."""
        for family in self._families:
            kind = GaugeMetricFamily if family.gauge else CounterMetricFamily
            labels = [family.label] if family.label else []
            metric = kind(family.name, family.text, labels=labels)
            for value in family.values:
                total = self.total(family.name, value)
                metric.add_metric([value] if labels else [], total)
            yield metric
