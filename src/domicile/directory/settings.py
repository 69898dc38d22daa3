"""The settings of the directory: one TOML file."""

import ipaddress
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from domicile.config import Address, BadConfiguration, load
from domicile.directory.zones import check_zones
from domicile.model.zone_records import Zone

STEP_SECONDS = 60.0  # a release is fetched, and an app may take half of it to start

_TOKEN_BYTES = 32
_SHORTEST_TOKEN = 32


class PlanSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a plan means: after so many idle seconds its apps sleep, 0 being never."""

    sleep_seconds: float = 0.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the directory needs to start.

    Store, authority, blobs, the operator's token and the key that seals secrets lie in
    `data` unless they are given; `url` is where others reach the API, if that is not where it listens. A
    cluster has `step_seconds` to do its part of a move that can still be undone. Where
    domains lead is asked of `resolvers`, or of the system's where none is named. A plan
    that is not among the `plans` means nothing in particular. The names of a cluster
    that is declared lost lead to `fallback`.
    """

    data: str
    listen: str = "127.0.0.1:8053"
    admin: str = ""
    url: str = ""
    store: str = ""
    authority: str = ""
    blobs: str = ""
    operator_token: str = ""
    sealing_key_file: str = ""
    step_seconds: float = STEP_SECONDS
    resolvers: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    plans: dict[str, PlanSettings] = {}
    zones: tuple[Zone, ...] = ()

    @property
    def public_url(self) -> str:
        return self.url.rstrip("/") or f"http://{Address.parse(self.listen)}"

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def store_url(self) -> str:
        return self.store or str(self.folder / "directory.db")

    @property
    def authority_folder(self) -> Path:
        return Path(self.authority or self.folder / "authority")

    @property
    def blob_folder(self) -> Path:
        return Path(self.blobs or self.folder / "blobs")

    @property
    def operator_token_file(self) -> Path:
        return Path(self.operator_token or self.folder / "operator.token")

    @property
    def sealing_key_path(self) -> Path:
        return Path(self.sealing_key_file or self.folder / "sealing.key")

    def read_operator_token(self) -> str:
        """Read the operator's token, made if there is none; raises BadConfiguration."""
        path = self.operator_token_file
        if not path.exists():
            _write_token(path)
        token = path.read_text(encoding="utf-8").strip()
        if len(token) < _SHORTEST_TOKEN:
            raise BadConfiguration(
                f"{path}: the operator's token has {len(token)} characters: at least "
                f"{_SHORTEST_TOKEN} are needed; remove the file to have one made"
            )
        return token


def load_settings(path: Path) -> Settings:
    """Read and judge the whole file; raises BadConfiguration."""
    settings = load(path, Settings)
    try:
        _judge(settings)
    except BadConfiguration as error:
        raise BadConfiguration(f"{path}: {error}") from error
    return settings


def _judge(settings: Settings) -> None:
    if not settings.data:
        raise BadConfiguration("data is empty, where a folder is expected")
    for key in ("listen", "admin"):
        text = getattr(settings, key)
        if text or key == "listen":
            _judge_address(key, text)
    if settings.url and not settings.url.startswith(("http://", "https://")):
        raise BadConfiguration(
            f"url is {settings.url!r}, where an http(s) URL is expected"
        )
    if not settings.step_seconds > 0:
        raise BadConfiguration(
            f"step_seconds is {settings.step_seconds}, where more than 0 is expected"
        )
    check_plans(settings.plans)
    for resolver in settings.resolvers:
        _judge_resolver(resolver)
    for address in settings.fallback:
        _judge_ip("fallback", address)
    check_zones(settings.zones)


def check_plans(plans: Mapping[str, PlanSettings]) -> None:
    """Raise BadConfiguration for what no plan can mean."""
    for name, plan in plans.items():
        if not 0 <= plan.sleep_seconds < math.inf:
            raise BadConfiguration(
                f"plans.{name}.sleep_seconds is {plan.sleep_seconds}, where 0 (never) "
                "or more is expected"
            )


def _judge_address(key: str, text: str) -> None:
    try:
        Address.parse(text)
    except BadConfiguration as error:
        raise BadConfiguration(f"{key}: {error}") from error


def _judge_ip(key: str, text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise BadConfiguration(
            f"{key}: {text!r} is not an IP address, such as 192.0.2.1"
        ) from None


def _judge_resolver(text: str) -> None:
    _judge_address("resolvers", text)
    try:
        ipaddress.ip_address(Address.parse(text).host)
    except ValueError:
        raise BadConfiguration(
            f"resolvers: {text!r} is not an IP address with a port, such as "
            "192.0.2.53:53"
        ) from None


def _write_token(path: Path) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
