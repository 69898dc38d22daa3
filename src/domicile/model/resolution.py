"""What a DNS name stands for, computed from the directory's records: no zone rows.

The labels are lower case, leftmost first, without the root.
"""

from typing import Protocol

import msgspec

from domicile.model.ids import looks_like_id
from domicile.model.names import split_joined
from domicile.model.records import Cluster, Owner, Placement, Whereabouts, dotted_host
from domicile.model.zone_records import Challenge, ChallengeMode, Zone

CHALLENGE_LABEL = "_acme-challenge"


class InCluster(msgspec.Struct, frozen=True):
    """The name is an app's, and the app lives in this cluster.

    `moves_at` is when it is going to move, 0 where no move is scheduled.
    """

    zone: Zone
    generation: int
    cluster: Cluster
    moves_at: float = 0.0


class Apex(msgspec.Struct, frozen=True):
    """The zone's own name."""

    zone: Zone


class NameServer(msgspec.Struct, frozen=True):
    """A name server's name inside the zone."""

    zone: Zone
    addresses: tuple[str, ...]


class Challenged(msgspec.Struct, frozen=True):
    """The name is where challenges are answered; there may be none now."""

    zone: Zone
    challenge: Challenge | None


class Delegated(msgspec.Struct, frozen=True):
    """The name is an alias of one in a validation zone."""

    zone: Zone
    target: str


class Empty(msgspec.Struct, frozen=True):
    """The name exists and has no records: an empty non-terminal (RFC 8020)."""

    zone: Zone


class Missing(msgspec.Struct, frozen=True):
    """No such name in the zone."""

    zone: Zone


class OutOfZone(msgspec.Struct, frozen=True):
    """The name is in no zone of ours."""


Resolution = (
    InCluster | Apex | NameServer | Challenged | Delegated | Empty | Missing | OutOfZone
)


class DirectoryView(Protocol):
    """The directory's records, as far as a name server follows them."""

    def zone(self, name: str) -> Zone | None: ...

    def owner(self, name: str) -> Owner | None: ...

    def placement(self, app: str) -> Placement | None: ...

    def placed(self, host: str) -> Whereabouts | None: ...

    def cluster(self, name: str) -> Cluster | None: ...

    def challenge(self, name: str) -> Challenge | None: ...

    def has_challenge_below(self, name: str) -> bool: ...


def resolve(view: DirectoryView, labels: tuple[str, ...]) -> Resolution:
    """Find what a name stands for; the longest zone that matches answers."""
    for depth in range(len(labels)):
        zone = view.zone(".".join(labels[depth:]))
        if zone is not None:
            return resolve_in(view, zone, labels[:depth])
    return OutOfZone()


def resolve_in(view: DirectoryView, zone: Zone, labels: tuple[str, ...]) -> Resolution:
    """Find what a name stands for by its labels below the apex of its zone."""
    if not labels:
        return Apex(zone)
    special = _name_of_a_server(zone, labels)
    if special is not None:
        return special
    if zone.challenges is ChallengeMode.ONLY:
        return _resolve_validation(view, zone, ".".join((*labels, zone.name)))
    if labels[0] == CHALLENGE_LABEL:
        return _resolve_challenge(view, zone, labels[1:])
    return _resolve_below(view, zone, labels)


def challenge_of(
    view: DirectoryView, zone: Zone, labels: tuple[str, ...]
) -> Resolution:
    """Say what `_acme-challenge` of a name is that exists in the zone."""
    name = ".".join((*labels, zone.name))
    if zone.challenges is ChallengeMode.DELEGATE:
        return Delegated(zone, f"{name}.{zone.validation}")
    return Challenged(zone, view.challenge(f"{CHALLENGE_LABEL}.{name}"))


def _resolve_challenge(
    view: DirectoryView, zone: Zone, labels: tuple[str, ...]
) -> Resolution:
    """Promise 8: a name that does not exist has no challenges either."""
    exists = (
        not labels
        or _name_of_a_server(zone, labels) is not None
        or not isinstance(_resolve_below(view, zone, labels), Missing)
    )
    return challenge_of(view, zone, labels) if exists else Missing(zone)


def _resolve_validation(view: DirectoryView, zone: Zone, name: str) -> Resolution:
    challenge = view.challenge(name)
    if challenge is not None:
        return Challenged(zone, challenge)
    return Empty(zone) if view.has_challenge_below(name) else Missing(zone)


def _resolve_below(
    view: DirectoryView, zone: Zone, labels: tuple[str, ...]
) -> Resolution:
    match labels:
        case (label,):
            return _resolve_label(view, zone, label)
        case (app, owner):
            return _resolve_app(view, zone, owner, app)
        case _:
            return Missing(zone)


def _name_of_a_server(zone: Zone, labels: tuple[str, ...]) -> Resolution | None:
    relative = ".".join(labels)
    for server, addresses in zone.nameservers.items():
        inside = server.removesuffix("." + zone.name)
        if inside == server:
            continue
        if inside == relative:
            return NameServer(zone, addresses)
        if inside.endswith("." + relative):
            return Empty(zone)
    return None


def _resolve_label(view: DirectoryView, zone: Zone, label: str) -> Resolution:
    if looks_like_id(label):
        placement = view.placement(label)
        if placement is None or placement.zone != zone.name:
            return Missing(zone)
        return _resolve_cluster(view, zone, placement)
    joined = split_joined(label)
    if joined is not None:
        return _resolve_app(view, zone, owner=joined[1], app=joined[0])
    owner = view.owner(label)
    if owner is not None and owner.zone == zone.name:
        return Empty(zone)
    return Missing(zone)


def _resolve_app(view: DirectoryView, zone: Zone, owner: str, app: str) -> Resolution:
    where = view.placed(dotted_host(app, owner, zone.name))
    return Missing(zone) if where is None else _resolve_cluster(view, zone, where)


def _resolve_cluster(
    view: DirectoryView, zone: Zone, where: Placement | Whereabouts
) -> Resolution:
    cluster = view.cluster(where.cluster)
    if cluster is None:
        return Missing(zone)
    return InCluster(zone, where.generation, cluster, where.moves_at)
