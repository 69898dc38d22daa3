"""One a folder: its lock, which who runs it and the janitor hold."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from domicile.errors import DomicileError

# A janitor is done within that time; one that has not said so yet is soon to.
_ENDING_SECONDS = 15.0
_SETTLE_SECONDS = 0.5
_LOOK_SECONDS = 0.05

_ENDING = "ending"


class FolderInUse(DomicileError):
    """Somebody else runs in the folder."""


class BadFolder(DomicileError):
    """The folder cannot be used."""


class Tenant(NamedTuple):
    """Who wants the folder, and how its user names one."""

    name: str = "domicile"
    named_by: str = "--data or DOMICILE_DATA"


@contextmanager
def hold(
    data: Path,
    pause: Callable[[float], object] = time.sleep,
    tenant: Tenant = Tenant(),  # noqa: B008 - an immutable value
) -> Iterator[int]:
    """Make the folder ours and give the lock's descriptor; raises FolderInUse."""
    with _open(data, tenant) as file:
        _take(file, data, pause, tenant)
        file.truncate(0)
        file.write(tenant.name)
        file.flush()
        yield file.fileno()


def note_ending(data: Path) -> None:
    """Say that what an earlier tenant has left is being ended."""
    (data / "lock").write_text(_ENDING, encoding="ascii")


def _open(data: Path, tenant: Tenant) -> IO[str]:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (data / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise BadFolder(
            f"{data} cannot be used: {error.strerror}; name a folder that may be "
            f"written to by {tenant.named_by}"
        ) from error


def _take(
    file: IO[str], data: Path, pause: Callable[[float], object], tenant: Tenant
) -> None:
    began = time.monotonic()
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = _said(file)
            patience = _ENDING_SECONDS if said == _ENDING else _SETTLE_SECONDS
            if time.monotonic() - began > patience:
                raise FolderInUse(
                    f"another {said or tenant.name} runs in {data}: end it, or name "
                    f"another folder by {tenant.named_by}"
                ) from None
        pause(_LOOK_SECONDS)


def _said(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
