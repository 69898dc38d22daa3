"""Configuration: one TOML file per service, read into one typed struct.

A bad file is refused whole, before anything starts, with its path, the key, what is
wrong and what was expected.
"""

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from domicile.errors import DomicileError

# As msgspec says it of the whole file; a part of it would be named behind.
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")

Settings = TypeVar("Settings", bound=msgspec.Struct)


class BadConfiguration(DomicileError):
    """The configuration cannot be used."""


class Address(NamedTuple):
    """Where to listen or connect: an IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return (
            f"[{self.host}]:{self.port}"
            if ":" in self.host
            else f"{self.host}:{self.port}"
        )

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `127.0.0.1:53` or `[::1]:53`; raises BadConfiguration."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise BadConfiguration(
                f"{text!r} is not an address with a port, such as 127.0.0.1:5300"
            )
        return cls(host.removeprefix("[").removesuffix("]"), int(port))


def load(path: Path, kind: type[Settings]) -> Settings:
    """Read a TOML file as `kind`; raises BadConfiguration."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path}: not TOML: {error}") from error
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        told = f"{path}: {error}{_nearest_key(str(error), kind)}"
        raise BadConfiguration(told) from error


def _nearest_key(said: str, kind: type[msgspec.Struct]) -> str:
    """Say which key of the file may be meant by one that it cannot have."""
    unknown = _UNKNOWN.fullmatch(said)
    if unknown is None:
        return ""
    keys = [field.encode_name for field in msgspec.structs.fields(kind)]
    near = get_close_matches(unknown[1], keys, n=1)
    return f": did you mean `{near[0]}`?" if near else f"; keys are {', '.join(keys)}"
