"""Three kinds of clients, who ask one app again and again while things happen to it.

One asks DNS each time, one keeps an address for ever, one keeps a connection. None of
them ever tries twice: what fails has failed.
"""

import http.client
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread

from domicile.demo.plan import ClusterPlan
from domicile.demo.tour.expectation import Unexpected
from domicile.demo.tour.teller import Teller
from domicile.demo.tour.visitor import Visitor, open_connection
from domicile.errors import DomicileError

# So that two cores still have time for the rest.
_PAUSE_SECONDS = 0.01

FRESH = "asks DNS each time"
STALE = "keeps an old address"
KEPT = "keeps one connection"
KINDS = (FRESH, STALE, KEPT)


class Client(Thread):
    """One of the crowd; keeps who answered, and what failed."""

    def __init__(
        self, kind: str, visitor: Visitor, host: str, old: ClusterPlan
    ) -> None:
        super().__init__(name=kind, daemon=True)
        self.kind = kind
        self.served: Counter[str] = Counter()
        self.failures: list[str] = []
        self._visitor = visitor
        self._host = host
        self._old = old
        self._kept = open_connection(old) if kind == KEPT else None
        self._over = Event()

    def run(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            try:
                self.served[self._ask()] += 1
            except (OSError, http.client.HTTPException, DomicileError) as error:
                self.failures.append(f"{self.kind}: {error!r}")
                self._visitor.count(failed=1)

    def end(self) -> None:
        self._over.set()
        self.join()
        if self._kept is not None:
            self._kept.close()

    def _ask(self) -> str:
        """Ask once; gives the cluster where the app answered."""
        if self._kept is not None:
            return self._ask_over(self._kept)
        connection = open_connection(self._place())
        try:
            return self._ask_over(connection)
        finally:
            connection.close()

    def _ask_over(self, connection: http.client.HTTPConnection) -> str:
        self._visitor.count(requests=1)
        connection.request("GET", "/", headers={"Host": self._host})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != http.client.OK:
            raise Unexpected(f"status {answer.status}: {text[:80]!r}")
        return answer.headers["Cluster"]

    def _place(self) -> ClusterPlan:
        if self.kind == STALE:
            return self._old
        return self._visitor.cluster_at(self._visitor.resolve(self._host))


class Crowd:
    """One client of each kind; `old` is where those are who do not ask DNS."""

    def __init__(
        self,
        visitor: Visitor,
        host: str,
        old: ClusterPlan,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        self._clients = [Client(kind, visitor, host, old) for kind in kinds]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Have them ask as long as the block runs."""
        for each in self._clients:
            each.start()
        try:
            yield
        finally:
            for each in self._clients:
                with suppress(RuntimeError):  # one that was not started
                    each.end()

    @property
    def failures(self) -> list[str]:
        return [failure for each in self._clients for failure in each.failures]

    @property
    def served(self) -> list[int]:
        """Give how many requests of each were served so far."""
        return [each.served.total() for each in self._clients]

    @property
    def clusters(self) -> dict[str, set[str]]:
        """Give the clusters in which each was served."""
        return {each.kind: set(each.served) for each in self._clients}

    def show(self, teller: Teller, clusters: list[str]) -> None:
        """Draw a table; raises Unexpected for what failed."""
        teller.table(
            ("a client that", "asked", *(f"in {each}" for each in clusters), "failed"),
            [
                (
                    each.kind,
                    each.served.total() + len(each.failures),
                    *(each.served[name] for name in clusters),
                    len(each.failures),
                )
                for each in self._clients
            ],
        )
        if self.failures:
            raise Unexpected(
                f"{len(self.failures)} requests failed, and none should; the first: "
                f"{self.failures[0]}"
            )
