"""What there is, as one value: everything durable, and what each process remembers.

A state holds the product's own records. It is hashed, so all in it is immutable; it has
no times, no serials and no texts of errors, for two states that differ in nothing else
have the same future.
"""

from enum import IntEnum
from typing import NamedTuple

import msgspec

from domicile.model.moves import Lodging, Move, Report, Status, Step
from domicile.model.names import hosts_of
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Endpoint,
    EndpointState,
    Owner,
    Placement,
    Release,
    Residence,
    ResidenceState,
    Whereabouts,
)
from domicile.model.zone_records import Zone

CLUSTERS = ("amber", "birch", "cedar")

APP = App("i" * 26, "hello", "ada", "apps.test", 1, AppState.RUNNING, "r")
HOSTS = hosts_of(APP.name, APP.owner, APP.id, APP.zone)
# The environment is a dict in earnest, but a dict has no hash.
RELEASE = Release("r", APP.id, "0" * 64, "python app.py", environment=())  # type: ignore[arg-type]
LODGING = Lodging(HOSTS, RELEASE)

_ZONE = Zone("apps.test", {})
_OWNER = Owner("ada", "apps.test", "free")
_RECORDS = {
    name: Cluster(name, (f"127.0.0.{last}",), (f"127.0.0.{last}:8444",))
    for last, name in enumerate(CLUSTERS, 11)
}


def placed(cluster: str, generation: int) -> Placement:
    return Placement(APP.id, cluster, generation, APP.name, APP.owner, APP.zone)


class Directory(NamedTuple):
    """The directory's store: all of it durable.

    `wanted` and `reports` are in the order of CLUSTERS; `move` is the newest one.
    """

    generation: int
    placement: Placement | None
    move: Move
    wanted: tuple[Residence | None, ...]
    reports: tuple[Report | None, ...]

    def reported(self) -> dict[str, Report]:
        return {report.cluster: report for report in self.reports if report}


class Phase(IntEnum):
    """How far a manager is with its wish; a crash forgets it."""

    BEGUN = 0
    STARTING = 1  # said that nobody can be asked, and about to start the app
    WRITTEN = 2  # waits for the proxies to acknowledge, and to drain
    STOPPED = 3  # about to forget the endpoint
    TOLD = 4  # has nothing to do, unless the app is lost
    GIVEN_UP = 5  # has said that the app does not start
    DOZING = 6  # has written that it sleeps: waits for the proxies, and who came
    ASLEEP = 7  # has stopped it until it is woken


class Manager(NamedTuple):
    """A manager: its replica of the one wish that is its own, which is durable; how
    far it is with it, and the report that it has not brought yet, which are not.
    """

    wish: Residence | None = None
    phase: Phase = Phase.BEGUN
    unsent: Report | None = None
    down: bool = False


class Ledger(NamedTuple):
    """What a cluster's store says of the app, or what a proxy has copied of it."""

    residence: Residence | None = None
    endpoint: Endpoint | None = None


class Proxy(NamedTuple):
    """A cluster's proxy: its replica, and whether it has been silent for ten seconds,
    so that nobody waits for it and it knows itself to be behind.
    """

    copy: Ledger = Ledger()
    silent: bool = False


class Site(NamedTuple):
    """A cluster. `process` is the port at which the app listens, 0 where none runs;
    `killed` are the ports of those that no manager has stopped.
    """

    manager: Manager = Manager()
    store: Ledger = Ledger()
    proxy: Proxy = Proxy()
    process: int = 0
    killed: frozenset[int] = frozenset()

    def known_ports(self) -> set[int]:
        """Give the ports that anybody might still ask at."""
        ledgers = (self.store, self.proxy.copy)
        return {each.endpoint.port for each in ledgers if each.endpoint}


class NameServer(NamedTuple):
    """A name server: its replica, and whether it has been silent for ten seconds."""

    placement: Placement | None = None
    silent: bool = False


class World(NamedTuple):
    """All there is, and what the promises have to remember of how it came so.

    `late` is what a slow process or packet has yet to do, `request` the cluster whose
    app has one in flight. `plans` and `faults` are how many there have been; `given_up`
    is the generation of an undone move whose source was silent until the deadline. An
    app with `naps` left may fall asleep, whenever nobody has asked it for long enough.
    """

    directory: Directory
    sites: tuple[Site, ...]
    name_server: NameServer
    late: object = None
    request: str = ""
    plans: int = 0
    faults: int = 0
    given_up: int = 0
    naps: int = 0
    may_sleep: bool = False

    def site(self, cluster: str) -> Site:
        return self.sites[CLUSTERS.index(cluster)]

    def with_site(self, cluster: str, site: Site) -> "World":
        place = CLUSTERS.index(cluster)
        if site.killed:
            site = site._replace(killed=site.killed & site.known_ports())
        sites = (*self.sites[:place], site, *self.sites[place + 1 :])
        return self._replace(sites=sites)


def settled_world() -> World:
    """The app was deployed to amber, and has never been elsewhere."""
    move = Move("1", APP.id, 1, "", "amber", step=Step.FINISHED)
    here = _residence("amber", 1, ResidenceState.HERE)
    served = Report(APP.id, "amber", 1, Status.SERVING)
    placement = placed("amber", 1)
    directory = Directory(1, placement, move, (here, None, None), (served, None, None))
    amber = _site_at_rest(here, port=1)
    return World(directory, (amber, Site(), Site()), NameServer(placement), plans=1)


def travelled_world() -> World:
    """The app was deployed to cedar, and then moved to amber."""
    move = Move("2", APP.id, 2, "cedar", "amber", step=Step.FINISHED)
    here = _residence("amber", 2, ResidenceState.HERE)
    away = _residence("cedar", 2, ResidenceState.AWAY)
    served = Report(APP.id, "amber", 2, Status.SERVING)
    settled = Report(APP.id, "cedar", 2, Status.SETTLED)
    placement = placed("amber", 2)
    directory = Directory(
        2, placement, move, (here, None, away), (served, None, settled)
    )
    sites = (_site_at_rest(here, port=1), Site(), _site_at_rest(away, port=0))
    return World(directory, sites, NameServer(placement), plans=2)


def sleepy_world() -> World:
    """The app was deployed to amber, and its plan lets it sleep."""
    return settled_world()._replace(naps=1, may_sleep=True)


def _residence(cluster: str, generation: int, state: ResidenceState) -> Residence:
    away = state is ResidenceState.AWAY
    return Residence(
        APP.id, cluster, generation, state,
        to="amber" if away else "",
        hosts=HOSTS,
        name=f"{APP.name}.{APP.owner}",
        release=None if away else RELEASE,
    )  # fmt: skip


def _site_at_rest(wish: Residence, port: int) -> Site:
    ledger = Ledger(told_to_proxies(wish), endpoint_at(wish, port) if port else None)
    return Site(Manager(wish, Phase.TOLD), ledger, Proxy(ledger), process=port)


def empty_world() -> World:
    """The app was just made: the first plan is its deployment."""
    nowhere = Move("0", APP.id, 0, "", "", step=Step.FAILED)
    directory = Directory(0, None, nowhere, (None, None, None), (None, None, None))
    return World(directory, (Site(), Site(), Site()), NameServer())


def endpoint_at(wish: Residence, port: int) -> Endpoint:
    state = EndpointState.RUNNING if port else EndpointState.STARTING
    address = wish.cluster if port else ""
    return Endpoint(wish.app, wish.generation, state, address, port)


def asleep_at(wish: Residence) -> Endpoint:
    return Endpoint(wish.app, wish.generation, EndpointState.ASLEEP)


def told_to_proxies(wish: Residence) -> Residence:
    return msgspec.structs.replace(wish, release=None, port=0)


class ClusterView(NamedTuple):
    """What `route` sees: a proxy's replica."""

    proxy: Proxy

    @property
    def behind(self) -> bool:
        return self.proxy.silent

    def residence_of_host(self, host: str) -> Residence | None:
        residence = self.proxy.copy.residence
        return residence if residence and host in residence.hosts else None

    def residence(self, app: str) -> Residence | None:
        return self.proxy.copy.residence

    def endpoint(self, app: str) -> Endpoint | None:
        return self.proxy.copy.endpoint

    def cluster(self, name: str) -> Cluster | None:
        return _RECORDS.get(name)


class DirectoryView(NamedTuple):
    """What `resolve` sees: a name server's replica."""

    name_server: NameServer

    def zone(self, name: str) -> Zone | None:
        return _ZONE if name == _ZONE.name else None

    def owner(self, name: str) -> Owner | None:
        return _OWNER if name == _OWNER.name else None

    def placed(self, host: str) -> Whereabouts | None:
        placement = self.name_server.placement
        return placement.entries.get(host) if placement else None

    def placement(self, app: str) -> Placement | None:
        return self.name_server.placement

    def cluster(self, name: str) -> Cluster | None:
        return _RECORDS.get(name)
