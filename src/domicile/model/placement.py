"""Which cluster a new app shall live in: by the owner's plan, then by room."""

from collections.abc import Container, Iterable, Mapping

from domicile.errors import DomicileError
from domicile.model.records import Cluster


class NoRoom(DomicileError):
    """No cluster can take the app."""


def accepts(cluster: Cluster, plan: str) -> bool:
    return not cluster.accepts or plan in cluster.accepts


def choose_cluster(
    clusters: Iterable[Cluster],
    plan: str,
    apps: Mapping[str, int],
    heard: Container[str] = (),
) -> Cluster:
    """Choose for a plan, given the number of apps in each cluster; raises NoRoom.

    None that is declared lost. A cluster whose manager is `heard` comes first, for no
    other would start the app.
    Then one that prefers the plan, one that prefers none, and the one with fewest apps
    for its capacity; the name breaks ties.
    """
    fitting = [
        cluster
        for cluster in clusters
        if accepts(cluster, plan) and _has_room(cluster, apps) and not cluster.lost
    ]
    if not fitting:
        raise NoRoom(
            f"no cluster takes an app of plan {plan!r}: add one, or raise a capacity"
        )
    return min(
        fitting,
        key=lambda cluster: (cluster.name not in heard, *_rank(cluster, plan, apps)),
    )


def _has_room(cluster: Cluster, apps: Mapping[str, int]) -> bool:
    return not cluster.capacity or apps.get(cluster.name, 0) < cluster.capacity


def _rank(
    cluster: Cluster, plan: str, apps: Mapping[str, int]
) -> tuple[int, float, str]:
    preference = 0 if plan in cluster.prefers else 1 if not cluster.prefers else 2
    return preference, apps.get(cluster.name, 0) / (cluster.capacity or 1), cluster.name
