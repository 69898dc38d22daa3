"""Where the API is and who we are: from the environment, or from the data folder."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from domicile.errors import DomicileError

DEFAULT_DATA = Path("domicile-data")
_FILE = "client.json"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")


class NoDirectory(DomicileError):
    """It is not known where the directory's API is."""


class BadToken(DomicileError):
    """What is given as a token can be none."""


class Access(NamedTuple):
    """The API's address and a bearer token."""

    url: str
    token: str


class _Stored(msgspec.Struct, frozen=True):
    url: str
    token: str


def data_folder(flag: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Give the data folder: the flag wins, then DOMICILE_DATA, then the default."""
    return flag or Path(environment.get("DOMICILE_DATA") or DEFAULT_DATA)


def find_access(data: Path, environment: Mapping[str, str] = os.environ) -> Access:
    """Find the API and a token; raises NoDirectory or BadToken.

    DOMICILE_URL and DOMICILE_TOKEN win over what the folder says.
    """
    url, token = environment.get("DOMICILE_URL"), environment.get("DOMICILE_TOKEN")
    if token:
        _check_token(token, "DOMICILE_TOKEN")
    if url and token:
        return Access(url, token)
    stored = _read(data / _FILE)
    if stored is None:
        raise NoDirectory(
            f"no directory is known: {data / _FILE} is not there; start "
            "`domicile up` or the demo, name its folder by --data or DOMICILE_DATA, or "
            "set DOMICILE_URL and DOMICILE_TOKEN"
        )
    _check_token(stored.token, str(data / _FILE))
    return Access(url or stored.url, token or stored.token)


def write_access(data: Path, access: Access) -> None:
    """Let every verb that names this folder find the API; readable by us alone."""
    draft = data / f".{_FILE}"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(access._asdict()))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(data / _FILE)


def _check_token(token: str, source: str) -> None:
    # RFC 6750, section 2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / … )
    if not _TOKEN.match(token):
        raise BadToken(
            f"{source} is no token: letters a-z, digits and -._~+/= make one up, "
            "without blanks or line ends"
        )


def _read(path: Path) -> _Stored | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise NoDirectory(f"{path} cannot be used: {error}") from error
