"""What is wrong with clusters' addresses, as the API and the status show it."""

from collections.abc import Iterable

import msgspec

from domicile.directory.health import hearing_of, say, withdrawals_of
from domicile.model.records import Cluster
from domicile.model.schedules import write_time
from domicile.store.transaction import Reading


class Ailing(msgspec.Struct, frozen=True):
    """An address that is withdrawn, or that most speak against: who says what of it."""

    address: str
    withdrawn: bool
    since: str
    said: str


class ClusterShown(Cluster, frozen=True, omit_defaults=True):
    """A cluster, and what is wrong with its addresses."""

    ailing: tuple[Ailing, ...] = ()


Health = dict[str, tuple[Ailing, ...]]


async def health_of(
    reading: Reading, clusters: Iterable[Cluster], now: float
) -> Health:
    """Give what is wrong with each cluster's addresses, where anything is."""
    hearing = await hearing_of(reading, now)
    since = await withdrawals_of(reading)
    found: Health = {}
    for cluster in clusters:
        for address in cluster.addresses:
            withdrawn = address in cluster.withdrawn
            if not withdrawn and not hearing.on(cluster.name, address).condemn:
                continue
            noted = since.get((cluster.name, address)) if withdrawn else None
            said = say(hearing, cluster.name, address) or (noted.said if noted else "")
            at = write_time(noted.at) if noted else ""
            ailing = Ailing(address, withdrawn, at, said)
            found[cluster.name] = (*found.get(cluster.name, ()), ailing)
    return found


async def cluster_shown(reading: Reading, cluster: Cluster, now: float) -> ClusterShown:
    health = await health_of(reading, [cluster], now)
    fields = msgspec.structs.asdict(cluster)
    return ClusterShown(**fields, ailing=health.get(cluster.name, ()))
