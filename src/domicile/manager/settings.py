"""The settings of a cluster's manager: one TOML file."""

import secrets
from pathlib import Path

import msgspec

from domicile.config import Address, BadConfiguration
from domicile.manager.launch import START_SECONDS


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manager needs to start.

    `directory` is the URL of the directory's API and `token` what it gave to this
    cluster; `proxy_token` is what our proxies show us. Store, replica, releases and
    logs lie in `data`. Apps listen at `host`.
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
    start_seconds: float = START_SECONDS

    def check(self) -> None:
        """Refuse what cannot work; raises BadConfiguration."""
        Address.parse(self.listen)
        if not self.proxy_token:
            raise BadConfiguration("proxy_token is empty: proxies need one to show")

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

    def lets_in(self, authorization: str) -> bool:
        shown = authorization.removeprefix("Bearer ").encode()
        return secrets.compare_digest(shown, self.proxy_token.encode())
