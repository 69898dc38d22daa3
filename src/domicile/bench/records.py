"""A replica of so many apps, written as a follower would have written it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from domicile.bench.names import ZONE, name_of, owners
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.names import hosts_of
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Endpoint,
    EndpointState,
    Owner,
    Placement,
    Record,
    Residence,
    ResidenceState,
    Zone,
    encode,
)
from domicile.replica.replica import Replica

CLUSTER = "amber"
ADDRESS = "127.0.0.11"
NAMESERVER = f"ns1.{ZONE}"

_BATCH = 2000


def fill(folder: Path, records: Iterable[Record]) -> None:
    """Write a replica that holds these records."""
    # It followed once, long ago: nobody can be asked, and it is behind all the time.
    replica = Replica.open(folder, writable=True, clock=lambda: 1.0)
    successor = replica.start_over()
    serial = 0
    left = iter(records)
    while batch := list(islice(left, _BATCH)):
        successor.add([_change(serial + at, each) for at, each in enumerate(batch, 1)])
        serial += len(batch)
    successor.finish(serial)
    replica.freshness.stamp()
    replica.close()


def of_a_directory(names: int) -> Iterator[Record]:
    """Give what a name server follows."""
    yield Zone(ZONE, {NAMESERVER: ("127.0.0.1",)})
    yield Cluster(CLUSTER, (ADDRESS,), ())
    for owner in owners(names):
        yield Owner(owner, ZONE, "free")
    for name in map(name_of, range(names)):
        yield App(name.id, name.app, name.owner, ZONE, 1, AppState.RUNNING)
        yield Placement(name.id, CLUSTER, 1)


def of_a_cluster(names: int, port: int) -> Iterator[Record]:
    """Give what a proxy follows, where every app listens at this port."""
    yield Cluster(CLUSTER, (ADDRESS,), ())
    for name in map(name_of, range(names)):
        hosts = hosts_of(name.app, name.owner, name.id, ZONE)
        yield Residence(name.id, CLUSTER, 1, ResidenceState.HERE, hosts=hosts)
        yield Endpoint(name.id, 1, EndpointState.RUNNING, "127.0.0.1", port)


def _change(serial: int, record: Record) -> Change:
    value = encode(record)
    return Change(serial, record.kind, record.key, record.scope, value, NO_CHAIN)
