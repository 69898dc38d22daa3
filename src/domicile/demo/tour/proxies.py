"""What the proxies themselves say: their counts on /metrics, their records on /explain."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.tour.expectation import Unexpected
from domicile.model.routing import HoldReason

_REQUESTS = "domicile_proxy_requests_total"
_FORWARDS = "domicile_proxy_forwards_total"
_HOLDS = "domicile_proxy_holds_total"
_BEHIND = "domicile_proxy_behind"


class Counted(NamedTuple):
    """What the proxies of one cluster have counted."""

    app: int = 0
    link: int = 0
    page: int = 0
    broken: int = 0
    forwards: int = 0
    holds: int = 0

    @property
    def ended(self) -> int:
        return self.app + self.link + self.page + self.broken

    def since(self, before: "Counted") -> "Counted":
        return Counted(*(now - then for now, then in zip(self, before, strict=True)))


class Proxies:
    """The admin listeners of every cluster's proxies."""

    def __init__(self, plan: Plan) -> None:
        self._clusters = plan.clusters
        self._web = httpx.Client(trust_env=False, timeout=5.0)

    def count(self) -> dict[str, Counted]:
        """Give what has been counted since the start, by cluster."""
        return {each.name: self._count(each) for each in self._clusters}

    def since(self, before: Mapping[str, Counted]) -> dict[str, Counted]:
        return {
            name: counted.since(before[name]) for name, counted in self.count().items()
        }

    def behind(self) -> list[bool]:
        """Say of each cluster's whether they know that newer records may be missing."""
        return [bool(self._numbers(each)[_BEHIND]) for each in self._clusters]

    def tombstone(self, cluster: ClusterPlan, host: str) -> tuple[str, int]:
        """Give where a cluster's tombstone leads, and its generation."""
        page = self._get(cluster, "/explain", {"host": host}).json()
        if page["outcome"] != "Forward":
            raise Unexpected(f"{cluster.name} has no tombstone of {host}: {page}")
        return page["way"]["cluster"], page["way"]["generation"]

    def close(self) -> None:
        self._web.close()

    def _count(self, cluster: ClusterPlan) -> Counted:
        numbers = self._numbers(cluster)
        return Counted(
            app=numbers[f"{_REQUESTS} app"],
            link=numbers[f"{_REQUESTS} link"],
            page=numbers[f"{_REQUESTS} page"],
            broken=numbers[f"{_REQUESTS} cut"] + numbers[f"{_REQUESTS} left"],
            forwards=numbers[_FORWARDS],
            holds=sum(numbers[f"{_HOLDS} {reason}"] for reason in HoldReason),
        )

    def _numbers(self, cluster: ClusterPlan) -> dict[str, int]:
        """Give each number by its name and, if it has one, its label's value."""
        text = self._get(cluster, "/metrics", {}).text
        return {
            " ".join((sample.name, *sample.labels.values())): int(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def _get(
        self, cluster: ClusterPlan, path: str, query: dict[str, Any]
    ) -> httpx.Response:
        url = f"http://{cluster.host}:{cluster.proxy_admin}{path}"
        try:
            return self._web.get(url, params=query).raise_for_status()
        except httpx.HTTPError as error:
            raise Unexpected(f"the proxies of {cluster.name}: {error}") from error
