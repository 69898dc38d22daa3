"""The parts of a host: which services run here, and the settings of each.

A host has parts; each part says where it listens and writes what its services read.
The demo is a host with two clusters, `domicile up` one with its own.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from domicile.config import Address
from domicile.directory.settings import PlanSettings
from domicile.model.zone_records import Zone
from domicile.service.sockets import Protocol

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

# All that a host runs ends within 10 s, apps included.
_STOP_SECONDS = 2.0
_UDP_AND_TCP = (Protocol.UDP, Protocol.TCP)
_ASKED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Place(NamedTuple):
    """Where a part listens; `hint` is for who has not got that address."""

    what: str
    address: Address
    protocols: tuple[Protocol, ...] = (Protocol.TCP,)
    hint: str = ""


class DirectoryPart(msgspec.Struct, frozen=True, kw_only=True):
    """The directory of a host, with its zone; `more` are other settings of it."""

    listen: Place
    admin: Place
    zone: Zone
    plans: dict[str, PlanSettings] = {}
    more: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Give where it is asked from this host."""
        return f"http://{asked_at(self.listen.address)}"

    def settings(self, folder: str) -> str:
        table = {
            "data": folder,
            "listen": str(self.listen.address),
            "admin": str(self.admin.address),
        }
        zone = msgspec.to_builtins(self.zone)
        servers = {f'"{name}"': at for name, at in zone.pop("nameservers").items()}
        plans = "".join(
            f"\n[plans.{_key(name)}]\n{to_toml(msgspec.structs.asdict(plan))}"
            for name, plan in self.plans.items()
        )
        return (
            f"{to_toml(table | self.more)}{plans}\n[[zones]]\n{to_toml(zone)}"
            f"\n[zones.nameservers]\n{to_toml(servers)}"
        )

    def places(self) -> tuple[Place, ...]:
        return self.listen, self.admin


class NameServerPart(msgspec.Struct, frozen=True, kw_only=True):
    """The name server of a host."""

    name: str
    directory: str
    listen: Place
    admin: Place

    def settings(self, folder: str, token_file: str, sealing_key_file: str) -> str:
        return to_toml(
            {
                "name": self.name,
                "directory": self.directory,
                "token_file": token_file,
                "sealing_key_file": sealing_key_file,
                "data": folder,
                "listen": [str(self.listen.address)],
                "admin": str(self.admin.address),
            }
        )

    def places(self) -> tuple[Place, ...]:
        return self.listen._replace(protocols=_UDP_AND_TCP), self.admin


class ClusterPart(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster's manager and proxy; apps listen at `apps`.

    `record` is what the directory is to know of it. A cluster that has it from
    elsewhere comes with the token that it got there.
    """

    name: str
    directory: str
    record: dict[str, Any]
    apps: str
    manager: Place
    manager_admin: Place
    proxy: Place
    link: Place
    proxy_admin: Place
    token: str = ""
    of_manager: dict[str, Any] = {}
    of_proxy: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Give where clients come in."""
        return f"http://{asked_at(self.proxy.address)}"

    def manager_settings(self, folder: str) -> str:
        return to_toml(
            {
                "cluster": self.name,
                "data": f"{folder}/manager",
                "directory": self.directory,
                "token": f"{folder}/token",
                "proxy_token": f"{folder}/proxy.token",
                "listen": str(self.manager.address),
                "admin": str(self.manager_admin.address),
                "host": self.apps,
                "stop_seconds": _STOP_SECONDS,
                **self.of_manager,
            }
        )

    def proxy_settings(self, folder: str) -> str:
        return to_toml(
            {
                "name": f"proxy-{self.name}",
                "cluster": self.name,
                "manager": f"http://{self.manager.address}",
                "token_file": f"{folder}/proxy.token",
                "data": f"{folder}/proxy",
                "listen": [str(self.proxy.address)],
                "link": str(self.link.address),
                "admin": str(self.proxy_admin.address),
                **self.of_proxy,
            }
        )

    def places(self) -> tuple[Place, ...]:
        return (
            self.manager, self.manager_admin, self.proxy, self.link, self.proxy_admin
        )  # fmt: skip


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """All that runs on a host."""

    directory: DirectoryPart | None = None
    nameserver: NameServerPart | None = None
    clusters: tuple[ClusterPart, ...] = ()

    def places(self) -> Iterator[Place]:
        """Give every address and port that the host needs."""
        if self.nameserver:
            yield from self.nameserver.places()
        if self.directory:
            yield from self.directory.places()
        for cluster in self.clusters:
            yield from cluster.places()


def asked_at(address: Address) -> Address:
    """Give where somebody who listens at an address is asked from this host."""
    return Address(_ASKED_AT.get(address.host, address.host), address.port)


def _key(name: str) -> str:
    """Give a key of a table: a JSON string is one of TOML."""
    return msgspec.json.encode(name).decode()


def to_toml(table: Mapping[str, Any]) -> str:
    """Write settings: strings, numbers and lists of strings."""
    lines = []
    for key, value in table.items():
        text = msgspec.json.encode(value).decode()  # JSON's scalars and lists are TOML
        lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"
