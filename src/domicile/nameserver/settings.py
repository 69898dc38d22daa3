"""The settings of a name server: one TOML file."""

import secrets
from ipaddress import ip_network
from pathlib import Path

import msgspec

from domicile.config import Address, BadConfiguration, load
from domicile.dns.budget import Budget
from domicile.dns.cookies import SECRET_SIZE
from domicile.dns.rdata import LONGEST_STRING
from domicile.dns.responder import Server
from domicile.dns.signatures import PER_SECOND
from domicile.dns.zonefile import StaticZone, read_zone
from domicile.nameserver import connections
from domicile.nameserver.connections import Limits
from domicile.nameserver.replies import Own
from domicile.nameserver.tls import Certificate
from domicile.nameserver.transfers.offers import Offer, Transfer, read_offers
from domicile.nameserver.where import Network
from domicile.replica.follower import Source
from domicile.service.probing import PROBE_SECONDS, check_probe_seconds
from domicile.service.sealing import read_sealing_key

# Who was silent for a while may have the answers to as many questions at once as a
# resolver asks whose cache is cold.
BURST = 5
"""In seconds: for so long a budget is saved up."""


class ZoneFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A zone, and the path of its master file."""

    name: str
    file: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a name server needs to start; `listen` is for UDP and TCP each.

    Without a `directory` it serves its `zones`, and needs no token and no `data`;
    without a `sealing_key_file` nothing for which a secret of the directory is needed.
    """

    name: str
    directory: str = ""
    token_file: str = ""
    sealing_key_file: str = ""
    data: str = ""
    listen: tuple[str, ...] = ("127.0.0.1:5300",)
    admin: str = ""
    ca_file: str = ""
    workers: int = 2
    idle: float = connections.IDLE
    tcp_most: int = connections.MOST
    tcp_most_of_one_peer: int = connections.MOST_OF_ONE_PEER
    listen_tls: tuple[str, ...] = ()
    certificate_file: str = ""
    key_file: str = ""
    transfers: tuple[Transfer, ...] = ()
    budget: int = 100_000
    budget_exempt: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    signatures_per_second: int = PER_SECOND
    zones: tuple[ZoneFile, ...] = ()
    nsid: str = ""
    version: str = ""
    id: str = ""
    told_where: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    probe_seconds: float = PROBE_SECONDS

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def addresses(self) -> list[Address]:
        return [Address.parse(text) for text in self.listen]

    @property
    def tls_addresses(self) -> list[Address]:
        return [Address.parse(text) for text in self.listen_tls]

    @property
    def limits(self) -> Limits:
        return Limits(self.idle, self.tcp_most, self.tcp_most_of_one_peer)

    def read_offers(self) -> tuple[Offer, ...]:
        """Read which zones may be taken by whom; raises BadConfiguration."""
        if any(each.key for each in self.transfers) and not self.sealing_key_file:
            raise BadConfiguration(
                "sealing_key_file is empty, and a key of transfers needs it"
            )
        return read_offers(self.transfers, self.folder / "transfers")

    def read_certificate(self) -> Certificate | None:
        """Read what is shown to who comes by TLS, if any may; raises BadConfiguration."""
        if not self.listen_tls:
            return None
        return Certificate(Path(self.certificate_file), Path(self.key_file))

    def make_budget(self) -> Budget | None:
        """Make a worker's part of the budgets, if there are any."""
        if not self.budget:
            return None
        rate = self.budget // self.workers
        exempt = [_network("budget_exempt", each) for each in self.budget_exempt]
        return Budget(rate, BURST * rate, secrets.randbits(64), exempt)

    def read_zones(self) -> dict[bytes, StaticZone]:
        """Read the master files; raises BadConfiguration, BadZone."""
        zones: dict[bytes, StaticZone] = {}
        for each in self.zones:
            try:
                text = Path(each.file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise BadConfiguration(
                    f"zones: {each.file} is to hold the zone {each.name}: {error}"
                ) from error
            zone = read_zone(each.name, text)
            if zone.apex in zones:
                raise BadConfiguration(f"zones: {each.name} is there twice")
            zones[zone.apex] = zone
        return zones

    def read_sealing_key(self) -> bytes | None:
        """Read the key that unseals the secrets of records; raises BadConfiguration."""
        if not self.sealing_key_file:
            return None
        return read_sealing_key(Path(self.sealing_key_file))

    def read_own(self) -> Own:
        """Put together what is this server's own; raises BadConfiguration, BadZone."""
        identity = Server(
            self.nsid.encode(),
            self.version,
            self.id,
            # Until the directory's are known: all workers must know each other's.
            secrets=(secrets.token_bytes(SECRET_SIZE),),
            keepalive=int(self.idle * 10),
        )
        told = tuple(_network("told_where", each) for each in self.told_where)
        return Own(
            self.read_zones(),
            identity,
            told,
            self.read_sealing_key(),
            signatures=self.signatures_per_second,
        )

    def source(self) -> Source | None:
        """Give where to follow, with the token, if anybody; raises BadConfiguration."""
        if not self.directory:
            return None
        try:
            token = Path(self.token_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadConfiguration(
                f"token_file {self.token_file} is to hold the directory's token: {error}"
            ) from error
        ca_file = Path(self.ca_file) if self.ca_file else None
        return Source(self.directory, token, ca_file)


def load_settings(path: Path) -> Settings:
    """Read and judge the whole file; raises BadConfiguration."""
    settings = load(path, Settings)
    try:
        _judge(settings)
    except BadConfiguration as error:
        raise BadConfiguration(f"{path}: {error}") from error
    return settings


def _judge(settings: Settings) -> None:
    if not (settings.directory or settings.zones):
        raise BadConfiguration(
            "neither a directory nor zones: there is nothing to serve"
        )
    needed: tuple[str, ...] = ("data", "token_file") if settings.directory else ()
    if settings.transfers:
        needed = (*needed, "data")
    for key in ("name", "listen", *needed):
        if not getattr(settings, key):
            raise BadConfiguration(f"{key} is empty, where a value is expected")
    if settings.directory and not settings.directory.startswith(
        ("http://", "https://")
    ):
        raise BadConfiguration(
            f"directory is {settings.directory!r}, where an http(s) URL is expected"
        )
    if not 1 <= settings.workers <= 256:
        raise BadConfiguration(
            f"workers is {settings.workers}, where 1 to 256 is expected"
        )
    for key in ("idle", "tcp_most", "tcp_most_of_one_peer", "signatures_per_second"):
        if not getattr(settings, key) > 0:
            raise BadConfiguration(
                f"{key} is {getattr(settings, key)}, where more than 0 is expected"
            )
    for text in filter(None, (*settings.listen, *settings.listen_tls, settings.admin)):
        Address.parse(text)
    _judge_tls(settings)
    _judge_budget(settings)
    _judge_told(settings)
    check_probe_seconds(settings.probe_seconds)


def _judge_tls(settings: Settings) -> None:
    for key in ("certificate_file", "key_file"):
        if settings.listen_tls and not getattr(settings, key):
            raise BadConfiguration(f"{key} is empty, and listen_tls needs it")


def _judge_budget(settings: Settings) -> None:
    if settings.budget < 0:
        raise BadConfiguration(
            f"budget is {settings.budget}, where octets a second, or 0 for any number,"
            " are expected"
        )
    for text in settings.budget_exempt:
        _network("budget_exempt", text)


def _judge_told(settings: Settings) -> None:
    for key in ("nsid", "version", "id"):
        if len(getattr(settings, key).encode()) > LONGEST_STRING:
            raise BadConfiguration(
                f"{key} is longer than {LONGEST_STRING} octets, which is all that a"
                " name server can tell"
            )
    for text in settings.told_where:
        _network("told_where", text)


def _network(key: str, text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise BadConfiguration(
            f"{key} is to have networks such as 192.0.2.0/24: {error}"
        ) from error
