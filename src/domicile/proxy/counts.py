"""What a proxy counts: in a row of shared memory for each worker, summed for operators."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from domicile.model.routing import HoldReason
from domicile.service.counters import Counters, Family, Row

_REQUESTS: Final = "domicile_proxy_requests"
_RESPONSES: Final = "domicile_proxy_responses"
_FORWARDS: Final = "domicile_proxy_forwards"
_REPEATS: Final = "domicile_proxy_repeats"
_HOLDS: Final = "domicile_proxy_holds"
_WAITING: Final = "domicile_proxy_holds_waiting"
_IN_FLIGHT: Final = "domicile_proxy_in_flight"
_CONNECTIONS: Final = "domicile_proxy_connections"
_TURNED_AWAY: Final = "domicile_proxy_connections_turned_away"

_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Ending(StrEnum):
    """What became of a request."""

    APP = "app"  # answered by the app, here
    LINK = "link"  # answered by another cluster
    PAGE = "page"  # answered by a page of ours
    CUT = "cut"  # the app's answer broke off
    LEFT = "left"  # the client went away, or read no further


FAMILIES: Final = (
    Family(_REQUESTS, "Requests by what became of them.", "outcome", tuple(Ending)),
    Family(_RESPONSES, "Responses by the class of their status.", "status", _CLASSES),
    Family(_FORWARDS, "Requests sent to another cluster, by a tombstone."),
    Family(_REPEATS, "Requests repeated because a kept connection had died."),
    Family(
        _HOLDS,
        "Requests that had to wait for their app, by why.",
        "reason",
        tuple(HoldReason),
    ),
    Family(_WAITING, "Requests that wait for their app now.", gauge=True),
    Family(_IN_FLIGHT, "Requests that are with an app or a link now.", gauge=True),
    Family(_CONNECTIONS, "Clients' connections now, links' among them.", gauge=True),
    Family(_TURNED_AWAY, "Connections over the most that one client may have."),
)


class Tally:
    """Counts for one worker."""

    __slots__ = ("_counters", "_endings", "_responses", "_row")

    def __init__(self, counters: Counters, row: Row) -> None:
        self._counters = counters
        self._row = row
        self._endings = {each: counters.place(_REQUESTS, each) for each in Ending}
        self._responses = [counters.place(_RESPONSES, each) for each in _CLASSES]

    def begin(self) -> None:
        """Forget what a worker that died here had open."""
        for name in (_WAITING, _IN_FLIGHT, _CONNECTIONS):
            self._row.set(self._counters.place(name), 0)

    def answered(self, ending: Ending, status: int) -> None:
        """Count a request that has got its whole response."""
        self._row.add(self._endings[ending])
        self._row.add(self._responses[status // 100 - 1])

    def ended(self, ending: Ending) -> None:
        """Count a request without a whole response."""
        self._row.add(self._endings[ending])

    def forwarded(self) -> None:
        self._row.add(self._counters.place(_FORWARDS))

    def repeated(self) -> None:
        self._row.add(self._counters.place(_REPEATS))

    def turned_away(self) -> None:
        self._row.add(self._counters.place(_TURNED_AWAY))

    def connected(self, change: int) -> None:
        self._row.add(self._counters.place(_CONNECTIONS), change)

    def in_flight(self, change: int) -> None:
        self._row.add(self._counters.place(_IN_FLIGHT), change)

    @contextmanager
    def waiting(self, reason: HoldReason) -> Iterator[None]:
        """Count a hold for as long as it lasts, by why it began."""
        place = self._counters.place(_WAITING)
        self._row.add(self._counters.place(_HOLDS, reason))
        self._row.add(place)
        try:
            yield
        finally:
            self._row.add(place, -1)


def lay_out(workers: int) -> tuple[Counters, list[Tally]]:
    """Make the memory, before the fork: all the counters, and a tally each."""
    counters = Counters(FAMILIES, workers)
    return counters, [Tally(counters, counters.row(each)) for each in range(workers)]
