"""When an idle app is put to sleep: decided from what proxies told, never guessed.

A request counts by when it was last heard of; silence counts only as long as somebody
was there to tell. So `heard_at` is the moment up to which every proxy has told all that
it knew, and what may have happened since then is nobody's idleness.
"""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

TOLD_LATE: Final = 1.5
"""A worker tells every second what it does: so old may be the newest that it told."""

TOLD_FOR: Final = 10.0
"""So long a worker tells of a request: it is heard of however many asks are lost."""

MOST_TOLD: Final = 1000
"""Of so many apps, the newest: who is asked again is among them at the next telling."""


class Idle(msgspec.Struct, frozen=True):
    """An app that is awake: after how long it sleeps, and since when nobody asked it."""

    sleep_seconds: float
    since: float


def left_awake(idle: Idle, heard_at: float) -> float:
    """Give for how many seconds more silence has to be heard; infinite for ever."""
    if not idle.sleep_seconds > 0:
        return math.inf
    return max(0.0, idle.since + idle.sleep_seconds - (heard_at - TOLD_LATE))


def told(
    asked: Mapping[str, float], now: float, most: int = MOST_TOLD
) -> dict[str, float]:
    """Give what a worker tells: which apps were asked lately, and when by its clock."""
    lately = {app: at for app, at in asked.items() if at > now - TOLD_FOR}
    if len(lately) <= most:
        return lately
    return dict(sorted(lately.items(), key=lambda each: -each[1])[:most])


def asked_again(now: Mapping[str, float], before: Mapping[str, float]) -> set[str]:
    """Give the apps that were asked between two tellings of one worker.

    By marks, and not by times: clocks differ, and what is told twice happened once.
    """
    return {app for app, mark in now.items() if before.get(app) != mark}
