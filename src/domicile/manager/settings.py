"""The settings of a cluster's manager: one TOML file."""

import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec

from domicile.config import BadConfiguration, load
from domicile.manager.launch import START_SECONDS
from domicile.model.bounds import Natural
from domicile.service.probing import PROBE_SECONDS, check_probe_seconds


class Tokens(NamedTuple):
    """What we show to the directory, and what proxies show to us."""

    ours: str
    proxies: str

    def lets_in(self, authorization: str) -> bool:
        shown = authorization.removeprefix("Bearer ").encode()
        return secrets.compare_digest(shown, self.proxies.encode())

    def __repr__(self) -> str:
        return "Tokens(…)"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manager needs to start.

    `directory` is the URL of the directory's API and `token` a file with what it gave
    to this cluster; `proxy_token` is a file with what our proxies show us. Store,
    replica, releases and logs lie in `data`. Apps listen at `host`; they have
    `stop_seconds` from SIGTERM to SIGKILL. They run on when the manager ends, unless
    `stop_apps_on_end`. So many start at once as `starts_at_once` says, 0 being four for
    each core, and as many of those that arrive. The addresses of other clusters are
    probed every `probe_seconds`, 0 being never.
    """

    cluster: str
    data: str
    directory: str
    token: str
    proxy_token: str
    listen: str = "127.0.0.1:8081"
    admin: str = ""
    host: str = "127.0.0.1"
    store: str = ""
    authority: str = ""
    drain_seconds: float = 30.0
    stop_seconds: float = 10.0
    start_seconds: float = START_SECONDS
    starts_at_once: Natural = 0
    stop_apps_on_end: bool = False
    probe_seconds: float = PROBE_SECONDS

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def store_url(self) -> str:
        return self.store or str(self.folder / "cluster.db")

    @property
    def processes(self) -> Path:
        return self.folder / "run"

    @property
    def authority_file(self) -> Path | None:
        """Give the CA by which the directory's https is known, if not a public one."""
        return Path(self.authority) if self.authority else None

    def read_tokens(self) -> "Tokens":
        """Read both; raises BadConfiguration."""
        return Tokens(_read_token(self.token), _read_token(self.proxy_token))


def load_settings(path: Path) -> Settings:
    """Read and judge the whole file; raises BadConfiguration."""
    settings = load(path, Settings)
    try:
        check_probe_seconds(settings.probe_seconds)
    except BadConfiguration as error:
        raise BadConfiguration(f"{path}: {error}") from error
    return settings


def _read_token(file: str) -> str:
    try:
        token = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadConfiguration(
            f"{file}: {error.strerror}; a file with a token is expected there"
        ) from error
    if not token:
        raise BadConfiguration(f"{file} is empty: a token is expected there")
    return token
