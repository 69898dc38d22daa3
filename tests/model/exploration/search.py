"""Breadth first through all states, so that what is found first is shortest."""

from collections.abc import Iterator
from typing import NamedTuple

from exploration import faults, promises
from exploration.faults import Bounds
from exploration.promises import Broken
from exploration.steps import steps
from exploration.world import World


class Found(NamedTuple):
    """How many states there are, and the first promise that was found broken."""

    states: int
    broken: Broken | None = None
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.broken is None:
            return f"{self.states} states, and no promise is broken"
        lines = [f"promise {self.broken.promise}: {self.broken.how}", "after:"]
        return "\n    ".join([*lines, *self.trace])


class Search:
    """The states that were reached, each with how it was reached first."""

    def __init__(self, start: World, bounds: Bounds) -> None:
        self._bounds = bounds
        self._numbers = {start: 0}
        self._worlds = [start]
        self._reached: list[tuple[int, str]] = [(-1, "")]
        # Of each state the states that follow if nothing more goes wrong.
        self._ordinary: list[tuple[int, ...]] = []

    def run(self) -> Found:
        """Look at all states, or until a promise is broken."""
        promises.forget_answers()
        for number, world in enumerate(self._worlds):
            broken = promises.in_state(world)
            if broken is not None:
                return self._found(broken, number)
            for what, after in self._expand(number, world):
                broken = promises.across(world, after)
                if broken is not None:
                    return self._found(broken, number, what)
            if not self._ordinary[number]:
                broken = promises.when_quiet(world)
                if broken is not None:
                    return self._found(broken, number)
        return self._look_for_rest()

    def _expand(self, number: int, world: World) -> Iterator[tuple[str, World]]:
        ordinary = list(steps(world))
        followers = tuple(self._number(after, number, what) for what, after in ordinary)
        self._ordinary.append(followers)
        yield from ordinary
        for what, after in faults.chances(world, self._bounds):
            self._number(after, number, what)
            yield what, after

    def _number(self, world: World, before: int, what: str) -> int:
        number = self._numbers.setdefault(world, len(self._worlds))
        if number == len(self._worlds):
            self._worlds.append(world)
            self._reached.append((before, what))
        return number

    def _look_for_rest(self) -> Found:
        """Without further chances all comes to rest: no steps lead round in a circle.

        So what holds in the quiet states holds at the end of every way.
        """
        waiting = [len(followers) for followers in self._ordinary]
        before: list[list[int]] = [[] for _ in waiting]
        for number, followers in enumerate(self._ordinary):
            for follower in followers:
                before[follower].append(number)
        resting = [number for number, left in enumerate(waiting) if not left]
        for number in resting:
            for one in before[number]:
                waiting[one] -= 1
                if not waiting[one]:
                    resting.append(one)
        restless = [number for number, left in enumerate(waiting) if left]
        if restless:
            return self._found(Broken(1, "the steps go on without end"), restless[0])
        return Found(len(self._worlds))

    def _found(self, broken: Broken, number: int, last: str = "") -> Found:
        trace = [last] if last else []
        while number > 0:
            number, what = self._reached[number]
            trace.append(what)
        return Found(len(self._worlds), broken, tuple(reversed(trace)))


def explore(start: World, bounds: Bounds) -> Found:
    return Search(start, bounds).run()
