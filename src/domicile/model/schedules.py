"""A move that is scheduled: when it begins, and what clients are told until then.

Who asks for an app's addresses right before it moves would keep the old ones for as
long as others keep theirs. So answers last no longer than until the move begins: at
that time few have an old answer left, and those who have one for seconds only.
"""

import re
from datetime import UTC, datetime

from domicile.errors import DomicileError

# What lasts shorter than this, resolvers ask for again and again.
SHORTEST_TTL = 5
LONGEST_AHEAD = 366 * 86400.0

_AHEAD = re.compile(r"\+([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadTime(DomicileError):
    """What is given as a time is none, or is no time for a move."""


def ttl_until(ttl: int, moves_at: float, now: float) -> int:
    """Give how long an app's addresses last; `moves_at` is 0 where it is to stay.

    A move that is due and of which we have not heard may be over at any moment.
    """
    if not moves_at:
        return ttl
    # Not by `int` alone: what an operator has written may be any number.
    left = min(max(float(SHORTEST_TTL), moves_at - now), float(ttl))
    return int(left)


def read_time(text: str, now: float) -> float:
    """Read `+10m`, or a time as ISO 8601 has it, with its zone; raises BadTime."""
    at = _read(text, now)
    if at <= now:
        raise BadTime(f"{text!r} is over: a move is scheduled for a time to come")
    if at > now + LONGEST_AHEAD:
        raise BadTime(f"{text!r} is more than a year ahead: schedule it nearer")
    return at


def _read(text: str, now: float) -> float:
    ahead = _AHEAD.fullmatch(text)
    if ahead:
        return now + int(ahead[1]) * _SECONDS[ahead[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(
            f"{text!r} is no time: write it as +10m (s, m, h, d), or as "
            "2030-01-31T14:30:00Z"
        ) from None
    if at.tzinfo is None:
        raise BadTime(f"{text!r} does not say in which zone: end it with Z, or +01:00")
    return at.timestamp()


def write_time(at: float) -> str:
    """Write a time as RFC 3339 has it, to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
