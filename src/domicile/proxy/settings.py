"""The settings of a proxy: one TOML file."""

import re
from pathlib import Path

import msgspec

from domicile.config import Address, BadConfiguration, load
from domicile.model.names import BadName, check_cluster_name
from domicile.proxy.front import MOST_OF_ONE_CLIENT
from domicile.proxy.patience import Patience

# RFC 8586, section 2: cdn-id = ( uri-host [ ":" port ] ) / pseudonym
_CDN_ID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?::[0-9]{1,5})?")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a proxy needs to start; its replica and link certificate lie in `data`.

    `answer_seconds` is for how long an app may be silent; `connections_per_client` is
    for each worker. By `cdn_id` requests that go round in a circle are known (RFC 8586).
    With `log_requests` each request is a line of the log, not only what ends badly.
    """

    name: str
    cluster: str
    manager: str
    token_file: str
    data: str
    listen: tuple[str, ...] = ("127.0.0.1:8080",)
    link: str = "127.0.0.1:8444"
    admin: str = ""
    workers: int = 2
    answer_seconds: float = Patience().answer
    connections_per_client: int = MOST_OF_ONE_CLIENT
    cdn_id: str = ""
    log_requests: bool = False

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def cdn(self) -> bytes:
        return (self.cdn_id or f"domicile-{self.cluster}").encode("ascii")

    @property
    def public_addresses(self) -> list[Address]:
        return [Address.parse(text) for text in self.listen]


def load_settings(path: Path) -> Settings:
    """Read and judge the whole file; raises BadConfiguration."""
    settings = load(path, Settings)
    try:
        _judge(settings)
    except (BadConfiguration, BadName) as error:
        raise BadConfiguration(f"{path}: {error}") from error
    return settings


def _judge(settings: Settings) -> None:
    for key in ("name", "cluster", "data", "token_file"):
        if not getattr(settings, key):
            raise BadConfiguration(f"{key} is empty, where a value is expected")
    if not settings.listen:
        raise BadConfiguration("listen is empty, where an address is expected")
    if not settings.manager.startswith(("http://", "https://")):
        raise BadConfiguration(
            f"manager is {settings.manager!r}, where an http(s) URL is expected"
        )
    if not 1 <= settings.workers <= 256:
        raise BadConfiguration(
            f"workers is {settings.workers}, where 1 to 256 is expected"
        )
    for key in ("answer_seconds", "connections_per_client"):
        if (value := getattr(settings, key)) <= 0:
            raise BadConfiguration(f"{key} is {value}, where more than 0 is expected")
    check_cluster_name(settings.cluster)
    if settings.cdn_id and not _CDN_ID.fullmatch(settings.cdn_id):
        raise BadConfiguration(
            f"cdn_id is {settings.cdn_id!r}, where a host name or a token is expected"
        )
    for text in filter(None, (*settings.listen, settings.link, settings.admin)):
        Address.parse(text)
