"""The route of one request, as those tell it who saw it pass.

DNS says where it was sent; the proxies' counts, which of them passed it on; the asked
proxy's record, by which tombstone; the app's answer, where it ended.
"""

from collections.abc import Iterator
from typing import NamedTuple

import httpx

from domicile.demo.plan import ClusterPlan
from domicile.demo.tour.expectation import Unexpected, expect, wait_until
from domicile.demo.tour.proxies import Proxies
from domicile.demo.tour.visitor import Visitor

_OK = httpx.codes.OK


class Route(NamedTuple):
    """Where a request went; `tombstone` is the generation of the one that it met."""

    host: str
    fresh: bool
    asked: ClusterPlan
    tombstone: int | None
    answered: str
    says: str

    def drawn(self) -> Iterator[str]:
        address = self.asked.host
        if self.fresh:
            yield f"client ── DNS: {self.host}? ──> {address} ({self.asked.name})"
        else:
            yield f"client ── an address from before ──> {address} ({self.asked.name})"
        yield f"  └── GET / ──> proxy in {self.asked.name}"
        indent = "        "
        if self.tombstone is not None:
            told = f"tombstone, generation {self.tombstone}"
            yield f"{indent}└── link ({told}) ──> proxy in {self.answered}"
            indent += "      "
        yield f"{indent}└──> {self.says}"


class Observer:
    """Follows single requests; nobody else may ask meanwhile."""

    def __init__(self, visitor: Visitor, proxies: Proxies) -> None:
        self._visitor = visitor
        self._proxies = proxies

    def follow(self, host: str, cluster: ClusterPlan | None = None) -> Route:
        """Ask a cluster, or where DNS says; raises Unexpected where nothing answers."""
        asked = cluster or self._visitor.cluster_at(self._visitor.resolve(host))
        before = self._proxies.count()
        answer = self._visitor.fetch(host, asked)
        expect(f"status of {host} at {asked.name}", answer.status_code, _OK)
        # What is answered is counted a moment later than it is read.
        wait_until(
            f"the request for {host} among the counts of {asked.name}",
            lambda: self._proxies.since(before)[asked.name].ended > 0,
        )
        passed = self._proxies.since(before)
        served = [name for name, counted in passed.items() if counted.app]
        told = answer.headers["cluster"]
        expect(f"clusters whose proxies served {host}", served, [told])
        hops = sum(counted.forwards for counted in passed.values())
        if hops > 1 or bool(hops) is (told == asked.name):
            raise Unexpected(f"{host} took {hops} hops from {asked.name} to {told}")
        return Route(
            host,
            fresh=cluster is None,
            asked=asked,
            tombstone=self._tombstone(asked, host, told) if hops else None,
            answered=told,
            says=answer.text.strip(),
        )

    def _tombstone(self, asked: ClusterPlan, host: str, told: str) -> int:
        to, generation = self._proxies.tombstone(asked, host)
        expect(f"where the tombstone of {host} in {asked.name} leads", to, told)
        return generation
