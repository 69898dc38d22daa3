"""Who takes part: zones, owners, clusters and name servers."""

import ipaddress
from collections.abc import Iterable
from typing import Annotated

import msgspec

from domicile.config import Address
from domicile.directory.access import Role, grant
from domicile.directory.apps import AlreadyThere, NotFound
from domicile.errors import DomicileError
from domicile.model.bounds import Natural
from domicile.model.health import NOBODY_HEARD, withdrawn_of
from domicile.model.names import check_cluster_name, check_owner_name
from domicile.model.record import Record
from domicile.model.records import HTTP_PORT, Cluster, Owner
from domicile.model.zone_records import ChallengeMode, Zone
from domicile.store.transaction import AnyRecord, Reading, Transaction

_LONGEST_ALPN = 255


class BadRequest(DomicileError):
    """The request has a value that cannot be used."""


class NewOwner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An owner to add; the zone may be left out where there is one only."""

    name: str
    plan: str = "free"
    zone: str = ""


class NewCluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cluster to add: as its record."""

    name: str
    addresses: tuple[str, ...]
    links: tuple[str, ...]
    prefers: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    capacity: Natural = 0
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = HTTP_PORT
    alpn: tuple[str, ...] = ()


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a cluster is lost, and the addresses of a page that says so."""

    fallback: tuple[str, ...] = ()


async def demand(reading: Reading, kind: type[AnyRecord], key: str) -> AnyRecord:
    """Give the record; raises NotFound."""
    record = await reading.get(kind, key)
    if record is None:
        raise NotFound(f"there is no {kind.kind} {key!r}")
    return record


async def put_if_new(tx: Transaction, record: Record) -> None:
    """Write a record only if it differs from what is there, so that nobody wakes."""
    if await tx.get(type(record), record.key) != record:
        await tx.put(record)


async def add_owner(tx: Transaction, new: NewOwner) -> tuple[Owner, str]:
    """Add an owner and its token; raises BadName, BadRequest or AlreadyThere."""
    check_owner_name(new.name)
    if not new.plan:
        raise BadRequest("the plan is empty: name one, such as free")
    zone = await _zone(tx, new.zone)
    owner = Owner(new.name, zone, new.plan)
    await _put_fresh(tx, owner)
    return owner, await grant(tx, Role.OWNER, owner.name)


async def add_cluster(tx: Transaction, new: NewCluster) -> tuple[Cluster, str]:
    """Add a cluster and its token; raises BadName, BadRequest or AlreadyThere."""
    check_cluster_name(new.name)
    cluster = _judged(new)
    await _put_fresh(tx, cluster)
    return cluster, await grant(tx, Role.CLUSTER, cluster.name)


async def change_cluster(tx: Transaction, name: str, wanted: NewCluster) -> Cluster:
    """Let a cluster be as wanted; raises NotFound, BadRequest."""
    if wanted.name != name:
        raise BadRequest(f"cluster {name!r} cannot be renamed to {wanted.name!r}")
    before = await demand(tx, Cluster, name)
    judged = _judged(wanted)
    cluster = msgspec.structs.replace(
        judged,
        withdrawn=before.withdrawn,
        lost=before.lost,
        fallback=before.fallback,
    )
    # Of other addresses those may be too many, or all.
    withdrawn = withdrawn_of(cluster, NOBODY_HEARD)
    cluster = msgspec.structs.replace(cluster, withdrawn=withdrawn)
    await put_if_new(tx, cluster)
    return cluster


async def declare_lost(tx: Transaction, name: str, fallback: Iterable[str]) -> Cluster:
    """Have a cluster's names lead to a fallback, if there is one, and no app go there."""
    fallback = tuple(fallback)
    _check_addresses(fallback)
    cluster = await demand(tx, Cluster, name)
    cluster = msgspec.structs.replace(cluster, lost=True, fallback=fallback)
    await put_if_new(tx, cluster)
    return cluster


async def declare_found(tx: Transaction, name: str) -> Cluster:
    """Have a cluster be what it was before it was lost."""
    cluster = await demand(tx, Cluster, name)
    cluster = msgspec.structs.replace(cluster, lost=False, fallback=())
    await put_if_new(tx, cluster)
    return cluster


def _judged(new: NewCluster) -> Cluster:
    _check_addresses(new.addresses)
    for link in new.links:
        # Raises BadConfiguration, which says what an address looks like.
        _check_addresses([Address.parse(link).host])
    check_alpn(new.alpn)
    return Cluster(
        name=new.name,
        addresses=new.addresses,
        links=new.links,
        prefers=new.prefers,
        accepts=new.accepts,
        capacity=new.capacity,
        alpn=new.alpn,
        port=new.port,
    )


def check_alpn(protocols: Iterable[str]) -> None:
    """Raise BadRequest for what no protocol's name can be (RFC 7301 3.1)."""
    for each in protocols:
        if not (
            each.isascii() and each.isprintable() and 0 < len(each) <= _LONGEST_ALPN
        ):
            raise BadRequest(
                f"alpn {each!r} is no protocol's name, such as h2 or http/1.1"
            )


async def _put_fresh(tx: Transaction, record: Record) -> None:
    if await tx.get(type(record), record.key) is not None:
        raise AlreadyThere(f"{record.kind} {record.key!r} exists already")
    await tx.put(record)


async def _zone(tx: Transaction, name: str) -> str:
    if name:
        zone = await demand(tx, Zone, name)
        if zone.challenges is ChallengeMode.ONLY:
            raise BadRequest(f"zone {name} has challenges only: choose another")
        return zone.name
    every = await tx.all(Zone)
    zones = [z.name for z in every if z.challenges is not ChallengeMode.ONLY]
    if len(zones) != 1:
        raise BadRequest(f"say which zone: there are {', '.join(zones) or 'none'}")
    return zones[0]


def _check_addresses(addresses: Iterable[str]) -> None:
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise BadRequest(
                f"{address!r} is not an IP address, such as 192.0.2.1"
            ) from None
