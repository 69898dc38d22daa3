"""What the proxies tell of apps: who was asked lately, and what is in flight.

A request counts from when it is heard of. Where a proxy was not heard for a while, or is
new, nobody knows what it served meanwhile: then all apps count as asked just now. One
that is silent keeps every app awake, for as long as it is known at all: it may serve.
"""

import asyncio
import math
from collections.abc import Mapping

from domicile.clock import Clock, monotonic
from domicile.model.idleness import TOLD_FOR, Idle, asked_again, left_awake
from domicile.store.feed import Feed
from domicile.store.followers import Word

_LOOK_SECONDS = 0.5
# With what is lost between a worker and us, less than a worker tells of a request.
_LONGEST_GAP = TOLD_FOR / 2


class Activity:
    """When each app was asked last, by the clock of the feed."""

    def __init__(self, feed: Feed, clock: Clock = monotonic) -> None:
        self._feed = feed
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._marks: dict[tuple[str, str], Mapping[str, float]] = {}
        self._heard: dict[str, tuple[Word, float]] = {}
        self._known_since = clock()

    async def run(self) -> None:
        """Listen until cancelled: what is told is told for some seconds only."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Take in what the proxies have told since the last look."""
        for each in self._feed.followers:
            word, at = self._heard.get(each.name, (None, -math.inf))
            if each.word is word:
                continue
            if each.asked - at > _LONGEST_GAP:
                self._known_since = max(self._known_since, each.asked)
            self._heard[each.name] = each.word, each.asked
            for worker, note in each.notes.items():
                before = self._marks.get((each.name, worker), {})
                for app in asked_again(note.active, before):
                    self._asked[app] = each.asked
                self._marks[each.name, worker] = note.active

    def asked_at(self, app: str) -> float:
        """Give when the app was asked last, for all that is known."""
        return max(self._asked.get(app, -math.inf), self._known_since)

    async def until_idle(self, app: str, sleep_seconds: float) -> Idle:
        """Wait until the app may sleep: awake as it is now, it is as if asked now."""
        began = self._clock()
        while True:
            self.look()
            idle = Idle(sleep_seconds, max(began, self.asked_at(app)))
            left = left_awake(idle, self._heard_at())
            if not left:
                return idle
            # asyncio has no infinite sleep.
            await asyncio.sleep(min(max(left, _LOOK_SECONDS), 86400.0))

    def came(self, app: str, idle: Idle, serial: int) -> bool:
        """Whether anybody came since, or may have: to whom the serial is not known."""
        self.look()
        return (
            bool(self._feed.unaware(serial))
            or self.asked_at(app) > idle.since
            or in_flight(self._feed, app, serial) != 0
        )

    def unheard(self) -> list[str]:
        """Name the proxies that keep all apps awake, for they may serve and not tell."""
        feed = self._feed
        return sorted(each.name for each in feed.followers if feed.is_behind(each))

    def _heard_at(self) -> float:
        """Give up to when everybody has told what it knew."""
        asked = [each.asked for each in self._feed.followers]
        return min(asked, default=self._clock())


def in_flight(feed: Feed, app: str, serial: int) -> int:
    """Count what the proxies still do for the app, or -1 while one has not said."""
    notes = [
        note
        for follower in feed.followers
        if not feed.is_behind(follower)
        for note in follower.notes.values()
    ]
    count = sum(note.in_flight.get(app, 0) for note in notes)
    return count or (-1 if any(note.serial < serial for note in notes) else 0)
