"""What the demo consists of: addresses, clusters, owners and apps."""

from collections.abc import Iterator

import msgspec

from domicile.config import Address
from domicile.directory.settings import PlanSettings
from domicile.host.parts import (
    ClusterPart,
    DirectoryPart,
    NameServerPart,
    Parts,
    Place,
    Port,
)
from domicile.model.zone_records import Zone
from domicile.service.sockets import Protocol


class ClusterPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cluster, all on one loopback address."""

    name: str
    host: str
    prefers: tuple[str, ...] = ()
    manager: Port = 8081
    manager_admin: Port = 9081
    proxy: Port = 8080
    link: Port = 8444
    proxy_admin: Port = 9080
    answer_seconds: float = 60.0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.proxy}"

    def place(self, key: str) -> Place:
        return Place(f"{key} of {self.name}", Address(self.host, getattr(self, key)))


class AppPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sample app: a folder of `demo/apps`, started as it is recognised."""

    name: str
    owner: str

    @property
    def full_name(self) -> str:
        return f"{self.name}.{self.owner}"


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole demo; every address and port can be set in a TOML file."""

    zone: str = "apps.test"
    host: str = "127.0.0.1"
    nameserver: Port = 5300
    nameserver_admin: Port = 9053
    directory: Port = 8053
    directory_admin: Port = 9054
    customer_dns: Port = 5301
    drain_seconds: float = 3.0
    start_seconds: float = 30.0
    step_seconds: float = 60.0
    resolvers: tuple[str, ...] = ()
    clusters: tuple[ClusterPlan, ...] = (
        ClusterPlan("amber", "127.0.0.11", ("free",)),
        ClusterPlan("birch", "127.0.0.12", ("pro",)),
    )
    owners: dict[str, str] = msgspec.field(
        default_factory=lambda: {"ada": "free", "bob": "pro"}
    )
    plans: dict[str, PlanSettings] = msgspec.field(
        default_factory=lambda: {"free": PlanSettings(sleep_seconds=900.0)}
    )
    apps: tuple[AppPlan, ...] = (
        AppPlan("hello", "ada"),
        AppPlan("upload", "ada"),
        AppPlan("events", "ada"),
        AppPlan("chat", "bob"),
        AppPlan("site", "bob"),
        AppPlan("express", "ada"),
    )

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.directory}"

    @property
    def customer_address(self) -> Address:
        return Address(self.host, self.customer_dns)

    @property
    def names(self) -> Address:
        return Address(self.host, self.nameserver)

    def places(self) -> Iterator[Place]:
        """Give every address and port that the demo needs."""
        yield from self.parts().places()
        if not self.resolvers:
            yield self._place("customer_dns")._replace(protocols=(Protocol.UDP,))

    def parts(self) -> Parts:
        """Give what runs: a directory, a name server, and the clusters."""
        here = (self.host,)
        return Parts(
            directory=DirectoryPart(
                listen=self._place("directory"),
                admin=self._place("directory_admin"),
                zone=Zone(self.zone, {f"ns1.{self.zone}": here}, landing=here),
                plans=self.plans,
                more={
                    "step_seconds": self.step_seconds,
                    # The world has no names for who tries this: we play their DNS.
                    "resolvers": self.resolvers or (str(self.customer_address),),
                },
            ),
            nameserver=NameServerPart(
                name="ns1",
                directory=self.url,
                listen=self._place("nameserver"),
                admin=self._place("nameserver_admin"),
            ),
            clusters=tuple(map(self._part_of, self.clusters)),
        )

    def _place(self, key: str) -> Place:
        return Place(key, Address(self.host, getattr(self, key)))

    def _part_of(self, cluster: ClusterPlan) -> ClusterPart:
        return ClusterPart(
            name=cluster.name,
            directory=self.url,
            record={
                "addresses": [cluster.host],
                "links": [f"{cluster.host}:{cluster.link}"],
                "prefers": list(cluster.prefers),
                "port": cluster.proxy,
            },
            apps=cluster.host,
            manager=cluster.place("manager"),
            manager_admin=cluster.place("manager_admin"),
            proxy=cluster.place("proxy"),
            link=cluster.place("link"),
            proxy_admin=cluster.place("proxy_admin"),
            of_manager={
                "drain_seconds": self.drain_seconds,
                "start_seconds": self.start_seconds,
            },
            of_proxy={"answer_seconds": cluster.answer_seconds},
        )

    def find_cluster(self, name: str) -> ClusterPlan | None:
        return next((each for each in self.clusters if each.name == name), None)
