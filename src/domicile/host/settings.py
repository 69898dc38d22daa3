"""The one file of a host: what `domicile up` reads.

The first host has the directory, the name server and a cluster of its own; a host that
joins has a cluster that the directory of the first was told of.
"""

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import msgspec

from domicile.config import Address, BadConfiguration, load
from domicile.directory.settings import PlanSettings, check_plans
from domicile.directory.zones import check_zones
from domicile.host.parts import (
    ClusterPart,
    DirectoryPart,
    NameServerPart,
    Parts,
    Place,
    Port,
)
from domicile.manager.launch import START_SECONDS
from domicile.model.names import BadName, check_cluster_name
from domicile.model.zone_records import Zone
from domicile.proxy.patience import Patience

_NAMESERVER = "ns1"
# In the folder these are others' names.
_NO_CLUSTERS = frozenset({"directory", "nameserver", "logs", "run"})
_KEY_OF = {
    "zones[0].name": "zone",
    "zones[0].hostmaster": "hostmaster",
    "zones[0].ttl": "ttl",
}


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every host says of itself.

    `address` is where the world reaches it, `listen` where it listens for the world, if
    that is another one. What is for nobody outside listens at `internal`.
    """

    address: str
    data: str
    listen: str = ""
    http: Port = 80
    link: Port = 8444
    internal: str = "127.0.0.1"
    manager: Port = 8081
    manager_admin: Port = 9081
    proxy_admin: Port = 9080
    drain_seconds: float = 30.0
    start_seconds: float = START_SECONDS
    answer_seconds: float = Patience().answer

    @property
    def folder(self) -> Path:
        return Path(self.data)

    def outside(self, key: str) -> Place:
        hint = "" if self.listen else "; behind NAT, `listen` is this machine's address"
        at = Address(self.listen or self.address, getattr(self, key))
        return Place(key, at, hint=hint)

    def inside(self, key: str) -> Place:
        return Place(key, Address(self.internal, getattr(self, key)))

    def cluster_part(
        self,
        name: str,
        directory: str,
        prefers: tuple[str, ...] = (),
        token: str = "",
        authority: str = "",
    ) -> ClusterPart:
        return ClusterPart(
            name=name,
            directory=directory,
            record={
                "addresses": [self.address],
                "links": [str(Address(self.address, self.link))],
                "prefers": list(prefers),
                "port": self.http,
            },
            # Its proxy is on this host, and nobody else has business with an app.
            apps="127.0.0.1",
            manager=self.inside("manager"),
            manager_admin=self.inside("manager_admin"),
            proxy=self.outside("http"),
            link=self.outside("link"),
            proxy_admin=self.inside("proxy_admin"),
            token=token,
            of_manager={
                "drain_seconds": self.drain_seconds,
                "start_seconds": self.start_seconds,
                "authority": authority,
            },
            of_proxy={"answer_seconds": self.answer_seconds},
        )


class FirstHost(Host, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The host with the directory and the name server, and with a cluster."""

    zone: str
    cluster: str = "main"
    prefers: tuple[str, ...] = ()
    dns: Port = 53
    nameserver_admin: Port = 9053
    directory: Port = 8053
    directory_admin: Port = 9054
    url: str = ""
    hostmaster: str = ""
    ttl: int = 60
    resolvers: tuple[str, ...] = ()
    plans: dict[str, PlanSettings] = {}

    @property
    def record(self) -> Zone:
        here: tuple[str, ...] = (self.address,)
        servers = {f"{_NAMESERVER}.{self.zone}": here}
        return Zone(
            self.zone, servers, landing=here, hostmaster=self.hostmaster, ttl=self.ttl
        )

    def parts(self) -> Parts:
        directory = DirectoryPart(
            listen=self.inside("directory"),
            admin=self.inside("directory_admin"),
            zone=self.record,
            plans=self.plans,
            more={"url": self.url, "resolvers": self.resolvers},
        )
        nameserver = NameServerPart(
            name=_NAMESERVER,
            directory=directory.url,
            listen=self.outside("dns"),
            admin=self.inside("nameserver_admin"),
        )
        cluster = self.cluster_part(self.cluster, directory.url, self.prefers)
        return Parts(directory=directory, nameserver=nameserver, clusters=(cluster,))


class JoiningHost(Host, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A host for one more cluster.

    `join` is the file that `domicile cluster add` printed; `authority` the CA by which
    the directory's https is known, if not a public one.
    """

    join: str
    authority: str = ""

    def parts(self) -> Parts:
        joined = _read_join(self.join)
        part = self.cluster_part(
            joined.name, joined.url, token=joined.token, authority=self.authority
        )
        return Parts(clusters=(part,))


class _Joined(msgspec.Struct, frozen=True):
    name: str
    url: str
    token: str


class _Kind(msgspec.Struct, frozen=True):
    join: str | None = None


def load_host(path: Path) -> FirstHost | JoiningHost:
    """Read and judge the whole file; raises BadConfiguration."""
    host: FirstHost | JoiningHost
    if load(path, _Kind).join is None:
        host = load(path, FirstHost)
    else:
        host = load(path, JoiningHost)
    try:
        _judge(host)
    except (BadConfiguration, BadName) as error:
        raise BadConfiguration(f"{path}: {error}") from error
    return host


def _judge(host: FirstHost | JoiningHost) -> None:
    if not host.data:
        raise BadConfiguration("data is empty, where a folder is expected")
    for key in ("address", "listen", "internal"):
        _judge_address(key, getattr(host, key))
    for key in ("drain_seconds", "start_seconds", "answer_seconds"):
        if not (value := getattr(host, key)) > 0:
            raise BadConfiguration(f"{key} is {value}, where more than 0 is expected")
    if isinstance(host, FirstHost):
        _judge_first(host)
    for name in (each.name for each in host.parts().clusters):
        if check_cluster_name(name) in _NO_CLUSTERS:
            raise BadConfiguration(f"cluster is {name!r}: choose another name")
        _judge_folder(host.folder, name)


def _judge_first(host: FirstHost) -> None:
    if host.url and not host.url.startswith(("http://", "https://")):
        raise BadConfiguration(f"url is {host.url!r}, where an http(s) URL is expected")
    for resolver in host.resolvers:
        Address.parse(resolver)
    check_plans(host.plans)
    try:
        check_zones([host.record])
    except BadConfiguration as error:
        told = str(error)
        for theirs, ours in _KEY_OF.items():
            told = told.replace(theirs, ours)
        raise BadConfiguration(told) from error


def _judge_address(key: str, text: str) -> None:
    """Only `listen` may be left out, and may be all addresses."""
    if key == "listen" and not text:
        return
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise BadConfiguration(
            f"{key} is {text!r}, where an IP address such as 203.0.113.7 is expected"
        ) from None
    if found.is_unspecified and key != "listen":
        raise BadConfiguration(
            f"{key} is {text}, where the address is expected at which others reach "
            "this host"
        )


def _judge_folder(folder: Path, name: str) -> None:
    """Refuse to start a cluster where another's apps would be left behind."""
    others = {path.parent.name for path in _tokens(folder)} - {name}
    if others and not (folder / name).exists():
        raise BadConfiguration(
            f"cluster is {name!r}, and {folder} has the apps of {', '.join(others)}: a "
            "cluster keeps its name; name another folder for another one"
        )


def _tokens(folder: Path) -> Iterator[Path]:
    return folder.glob("*/token")


def _read_join(file: str) -> _Joined:
    """Read what `domicile cluster add` printed; raises BadConfiguration."""
    expected = "the JSON that `domicile cluster add` printed is expected there"
    try:
        return msgspec.json.decode(Path(file).read_bytes(), type=_Joined)
    except OSError as error:
        raise BadConfiguration(f"join: {file}: {error.strerror}; {expected}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"join: {file}: {error}; {expected}") from error
