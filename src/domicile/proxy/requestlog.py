"""What the log says of requests: those that end badly by our doing or the app's.

Such a request is a line; of the same app and status one in ten seconds, with how many it
speaks for. Where every request is asked for, each is a line. Neither has anything of a
query, of fields or of a body, for secrets travel there.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from domicile.clock import Clock, monotonic
from domicile.proxy.counts import Ending
from domicile.service.logs import Sparing

BAD: Final = frozenset({502, 503, 504})

# So many apps and statuses are told apart; whoever has more to say is counted anew.
_MOST: Final = 1000

_log = structlog.get_logger()


@dataclass(slots=True)
class Entry:
    """What became of a request, filled in as it goes along."""

    began: float
    app: str = ""
    generation: int = 0
    to: str = ""
    outcome: Ending = Ending.LEFT
    status: int = 0
    reason: str = ""

    @property
    def is_bad(self) -> bool:
        # What a link answered is told by the cluster that answered it.
        ours = self.outcome is Ending.PAGE and self.status in BAD
        return ours or self.outcome is Ending.CUT


class Asking(Protocol):
    """A request, as far as the log tells of it."""

    @property
    def id(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def method(self) -> bytes: ...
    @property
    def target(self) -> bytes: ...
    @property
    def entry(self) -> Entry: ...


class RequestLog:
    """Writes the lines of one worker."""

    __slots__ = ("_clock", "_every", "_sparing")

    def __init__(self, *, every: bool = False, clock: Clock = monotonic) -> None:
        self._every = every
        self._clock = clock
        self._sparing: dict[tuple[str, int], Sparing] = {}

    def begin(self) -> Entry:
        return Entry(self._clock())

    def note(self, request: Asking) -> None:
        """Write the line that is due for a request that is over."""
        entry = request.entry
        if self._every:
            self._tell_each(request)
        elif entry.is_bad and (times := self._count(entry)):
            _log.warning("request failed", **_facts(request), times=times)

    def refused(self, request_id: str, status: int) -> None:
        """A request that was not understood: there is nothing else to tell of it."""
        if self._every:
            _log.info("request", request_id=request_id, status=status, outcome="page")

    def _tell_each(self, request: Asking) -> None:
        entry = request.entry
        tell = _log.warning if entry.is_bad else _log.info
        tell(
            "request",
            **_facts(request),
            method=request.method.decode("ascii"),
            path=request.target.partition(b"?")[0].decode("ascii", "backslashreplace"),
            milliseconds=round((self._clock() - entry.began) * 1000, 1),
        )

    def _count(self, entry: Entry) -> int:
        if len(self._sparing) >= _MOST:
            self._sparing.clear()
        key = entry.app, entry.status
        sparing = self._sparing.setdefault(key, Sparing(self._clock))
        return sparing.count()


def _facts(request: Asking) -> dict[str, object]:
    entry = request.entry
    facts = {
        "request_id": request.id,
        "host": request.host,
        "app": entry.app,
        "generation": entry.generation,
        "to": entry.to,
        "status": entry.status,
        "outcome": entry.outcome.value,
        "reason": entry.reason,
    }
    # What there is none of is left out.
    return {key: value for key, value in facts.items() if value}
