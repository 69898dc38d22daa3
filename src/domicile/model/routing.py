"""Where a request goes: decided from the cluster's own records and nothing else.

A tombstone takes the same path as any request: the outcome is `Forward` where another
would be `ToUpstream`. A forward carries the tombstone's generation, and only a higher
one leads further (promise 3), so no chain of stale tombstones can loop.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from domicile.model.records import (
    Cluster,
    Endpoint,
    EndpointState,
    Residence,
    ResidenceState,
)


class HoldReason(StrEnum):
    """Why a request waits; STOPPED does not wait at all."""

    ASLEEP = "asleep"
    STARTING = "starting"
    MOVING = "moving"
    BEHIND = "behind"
    STOPPED = "stopped"


HOLD_SECONDS = {
    HoldReason.ASLEEP: 30.0,
    HoldReason.STARTING: 30.0,
    HoldReason.MOVING: 10.0,
    HoldReason.BEHIND: 2.0,
    HoldReason.STOPPED: 0.0,
}


class Hop(msgspec.Struct, frozen=True):
    """What another cluster's proxy says of a request that it forwards.

    Believed on the link and nowhere else.
    """

    app: str
    generation: int
    client: str
    scheme: str
    request_id: str


class ToUpstream(msgspec.Struct, frozen=True):
    """The app lives here and listens."""

    app: str
    generation: int
    address: str
    port: int


class Hold(msgspec.Struct, frozen=True):
    """Let it wait, body unread, until the app's records change or the seconds pass."""

    app: str
    reason: HoldReason

    @property
    def seconds(self) -> float:
        return HOLD_SECONDS[self.reason]


class Forward(msgspec.Struct, frozen=True):
    """A tombstone: the app lives in another cluster, reached by its links."""

    app: str
    generation: int
    cluster: str
    links: tuple[str, ...]


class Gone(msgspec.Struct, frozen=True):
    """The app was deleted."""

    app: str


class Unknown(msgspec.Struct, frozen=True):
    """No app has this host name here."""


Outcome = ToUpstream | Hold | Forward | Gone | Unknown


class ClusterView(Protocol):
    """A cluster's records at one serial."""

    @property
    def behind(self) -> bool: ...

    def residence_of_host(self, host: str) -> Residence | None: ...

    def residence(self, app: str) -> Residence | None: ...

    def endpoint(self, app: str) -> Endpoint | None: ...

    def cluster(self, name: str) -> Cluster | None: ...


def route(view: ClusterView, host: str, hop: Hop | None) -> Outcome:
    """Decide what to do with a request for `host`, normalised to lower case."""
    if hop is not None:
        return _route_hop(view, hop)
    residence = view.residence_of_host(host)
    if residence is None:
        # Promise 5: what a follower that is behind does not know is no confident no.
        return Hold("", HoldReason.BEHIND) if view.behind else Unknown()
    return _route_residence(view, residence)


def _route_hop(view: ClusterView, hop: Hop) -> Outcome:
    residence = view.residence(hop.app)
    if residence is None or residence.generation < hop.generation:
        return Hold(hop.app, HoldReason.BEHIND)
    if (
        residence.state is ResidenceState.AWAY
        and residence.generation <= hop.generation
    ):
        return Hold(hop.app, HoldReason.BEHIND)
    return _route_residence(view, residence)


def _route_residence(view: ClusterView, residence: Residence) -> Outcome:
    match residence.state:
        case ResidenceState.HERE:
            return _route_here(view, residence)
        case ResidenceState.HELD:
            return Hold(residence.app, HoldReason.MOVING)
        case ResidenceState.AWAY:
            return _route_away(view, residence)
        case ResidenceState.GONE:
            return Gone(residence.app)


def _route_here(view: ClusterView, residence: Residence) -> Outcome:
    endpoint = view.endpoint(residence.app)
    if endpoint is None or endpoint.generation != residence.generation:
        return Hold(residence.app, HoldReason.STARTING)
    match endpoint.state:
        case EndpointState.RUNNING:
            return ToUpstream(
                residence.app, residence.generation, endpoint.address, endpoint.port
            )
        case EndpointState.STARTING:
            return Hold(residence.app, HoldReason.STARTING)
        case EndpointState.ASLEEP:
            return Hold(residence.app, HoldReason.ASLEEP)
        case EndpointState.STOPPED:
            return Hold(residence.app, HoldReason.STOPPED)


def _route_away(view: ClusterView, residence: Residence) -> Outcome:
    target = view.cluster(residence.to)
    if target is None or not target.links:
        return Hold(residence.app, HoldReason.BEHIND)
    return Forward(residence.app, residence.generation, target.name, target.links)
