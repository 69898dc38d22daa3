"""What the tour expects: a promise that does not hold ends it with one clear line."""

import time
from collections.abc import Callable

from domicile.errors import DomicileError

# As long as a service may take to start.
_PATIENCE = 40.0
_LOOK_SECONDS = 0.05


class Unexpected(DomicileError):
    """Something is not as the tour has told."""


def expect(what: str, seen: object, expected: object) -> None:
    """Go on only if what was seen is what was expected; raises Unexpected."""
    if seen != expected:
        raise Unexpected(f"{what}: expected was {expected!r}, seen was {seen!r}")


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    """Wait until it holds; raises Unexpected where it takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise Unexpected(f"{what}: expected within {_PATIENCE:g} s, and not seen")
        time.sleep(_LOOK_SECONDS)
