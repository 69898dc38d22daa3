"""What the demo consists of: addresses, clusters, owners and apps."""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import msgspec

from domicile.config import Address
from domicile.service.sockets import Protocol

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

_STOP_SECONDS = 2.0
_UDP_AND_TCP = (Protocol.UDP, Protocol.TCP)


class Place(NamedTuple):
    """Where a part of the demo listens."""

    what: str
    address: Address
    protocols: tuple[Protocol, ...] = (Protocol.TCP,)


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

    def places(self) -> Iterator[Place]:
        for key in ("manager", "manager_admin", "proxy", "link", "proxy_admin"):
            address = Address(self.host, getattr(self, key))
            yield Place(f"{key} of {self.name}", address)


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

    def places(self) -> Iterator[Place]:
        """Give every address and port that the demo needs."""
        yield Place("nameserver", Address(self.host, self.nameserver), _UDP_AND_TCP)
        for key in ("nameserver_admin", "directory", "directory_admin"):
            yield Place(key, Address(self.host, getattr(self, key)))
        if not self.resolvers:
            address = self.customer_address
            yield Place("customer_dns", address, (Protocol.UDP,))
        for cluster in self.clusters:
            yield from cluster.places()

    def find_cluster(self, name: str) -> ClusterPlan | None:
        return next((each for each in self.clusters if each.name == name), None)


def to_toml(table: dict[str, Any]) -> str:
    """Write a service's settings: strings, numbers and lists of strings."""
    lines = []
    for key, value in table.items():
        text = msgspec.json.encode(value).decode()  # JSON's scalars and lists are TOML
        lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"


def directory_settings(plan: Plan, folder: str) -> str:
    nameserver = f"ns1.{plan.zone}"
    table = {
        "data": folder,
        "listen": f"{plan.host}:{plan.directory}",
        "admin": f"{plan.host}:{plan.directory_admin}",
        "step_seconds": plan.step_seconds,
        # The world has no names for who tries this: the demo plays their DNS.
        "resolvers": plan.resolvers or (str(plan.customer_address),),
    }
    return to_toml(table) + (
        f'\n[[zones]]\nname = "{plan.zone}"\nlanding = ["{plan.host}"]\n'
        f'nameservers = {{ "{nameserver}" = ["{plan.host}"] }}\n'
    )


def nameserver_settings(plan: Plan, folder: str, token_file: str) -> str:
    return to_toml(
        {
            "name": "ns1",
            "directory": plan.url,
            "token_file": token_file,
            "data": folder,
            "listen": [f"{plan.host}:{plan.nameserver}"],
            "admin": f"{plan.host}:{plan.nameserver_admin}",
        }
    )


def manager_settings(plan: Plan, cluster: ClusterPlan, folder: str) -> str:
    return to_toml(
        {
            "cluster": cluster.name,
            "data": f"{folder}/manager",
            "directory": plan.url,
            "token": f"{folder}/token",
            "proxy_token": f"{folder}/proxy.token",
            "listen": f"{cluster.host}:{cluster.manager}",
            "admin": f"{cluster.host}:{cluster.manager_admin}",
            "host": cluster.host,
            "drain_seconds": plan.drain_seconds,
            "start_seconds": plan.start_seconds,
            # The whole demo ends within 10 s.
            "stop_seconds": _STOP_SECONDS,
        }
    )


def proxy_settings(cluster: ClusterPlan, folder: str) -> str:
    return to_toml(
        {
            "name": f"proxy-{cluster.name}",
            "cluster": cluster.name,
            "manager": f"http://{cluster.host}:{cluster.manager}",
            "token_file": f"{folder}/proxy.token",
            "data": f"{folder}/proxy",
            "listen": [f"{cluster.host}:{cluster.proxy}"],
            "link": f"{cluster.host}:{cluster.link}",
            "admin": f"{cluster.host}:{cluster.proxy_admin}",
            "answer_seconds": cluster.answer_seconds,
        }
    )
