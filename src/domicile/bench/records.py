"""A replica of so many apps, written as a follower writes it: a feed's snapshot."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from domicile.bench.names import ZONE, name_of, owners
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.feed import Begin, End, Entry
from domicile.model.names import hosts_of
from domicile.model.record import Record
from domicile.model.records import (
    Cluster,
    Endpoint,
    EndpointState,
    Owner,
    Placement,
    Residence,
    ResidenceState,
    encode,
)
from domicile.model.zone_records import Zone
from domicile.replica.answer import Answer
from domicile.replica.replica import Replica

CLUSTER = "amber"
ADDRESS = "127.0.0.11"
NAMESERVER = f"ns1.{ZONE}"

_SERIAL = 1_000_000_000
"""That of the snapshot: above those of its records, which come in order."""


def fill(folder: Path, records: Iterable[Record]) -> None:
    """Write a replica that holds these records."""
    # It followed once, long ago: nobody can be asked, and it is behind all the time.
    replica = Replica.open(folder, writable=True, clock=lambda: 1.0)
    answer = Answer(replica, from_start=True)
    answer.take(Begin(0, _SERIAL, NO_CHAIN, snapshot=True))
    serial = 0
    for serial, record in enumerate(records, 1):
        answer.take(Entry(_change(serial, record)))
    answer.take(End(serial))
    replica.freshness.stamp()
    replica.close()


def of_a_directory(names: int) -> Iterator[Record]:
    """Give what a name server follows."""
    yield Zone(ZONE, {NAMESERVER: ("127.0.0.1",)})
    yield Cluster(CLUSTER, (ADDRESS,), ())
    for owner in owners(names):
        yield Owner(owner, ZONE, "free")
    for name in map(name_of, range(names)):
        yield Placement(name.id, CLUSTER, 1, name.app, name.owner, ZONE)


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
