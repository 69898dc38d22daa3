"""Starts again what has died, later each time that it dies soon."""

import time
from collections.abc import Callable

from domicile.host.services import Services

_BACK_OFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
_STEADY = 20.0
"""Who lived that long, in seconds, had a start that went well: its back-off is over."""


class Revival:
    """Looks after the services of a host, once they have all been started."""

    def __init__(self, services: Services, say: Callable[[str], None]) -> None:
        self._services = services
        self._say = say
        self._failures: dict[str, int] = {}
        self._started_at: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def look(self) -> None:
        """Take note of the dead, and start those again whose time has come."""
        for name, status in self._services.ended():
            self._bury(name, status)
        for name in [name for name, at in self._due.items() if at <= time.monotonic()]:
            del self._due[name]
            self._started_at[name] = time.monotonic()
            self._services.start_again(name)

    def _bury(self, name: str, status: int) -> None:
        now = time.monotonic()
        failures = self._failures.get(name, 0)
        if now - self._started_at.get(name, -_STEADY) >= _STEADY:
            failures = 0
        delay = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
        self._failures[name] = failures + 1
        self._due[name] = now + delay
        when = f"in {delay:g} s" if delay else "now"
        self._say(f"{name} ended with status {status}: it starts again {when}")
