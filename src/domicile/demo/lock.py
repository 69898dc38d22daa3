"""One demo a folder: its lock, which the demo and its janitor hold."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from domicile.errors import DomicileError

# A janitor is done within that time; one that has not said so yet is soon to.
_ENDING_SECONDS = 15.0
_SETTLE_SECONDS = 0.5
_LOOK_SECONDS = 0.05

_RUNS = "runs"
_ENDING = "ending"


class FolderInUse(DomicileError):
    """Another demo runs in the folder."""


class BadFolder(DomicileError):
    """The folder cannot be used."""


@contextmanager
def hold(data: Path, pause: Callable[[float], object] = time.sleep) -> Iterator[int]:
    """Make the folder ours and give the lock's descriptor; raises FolderInUse."""
    with _open(data) as file:
        _take(file, data, pause)
        file.truncate(0)
        file.write(_RUNS)
        file.flush()
        yield file.fileno()


def note_ending(data: Path) -> None:
    """Say that what an earlier demo has left is being ended."""
    (data / "lock").write_text(_ENDING, encoding="ascii")


def _open(data: Path) -> IO[str]:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (data / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise BadFolder(
            f"{data} cannot be the demo's folder: {error.strerror}; name one that may "
            "be written to by --data or DOMICILE_DATA"
        ) from error


def _take(file: IO[str], data: Path, pause: Callable[[float], object]) -> None:
    began = time.monotonic()
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience = _ENDING_SECONDS if _said(file) == _ENDING else _SETTLE_SECONDS
            if time.monotonic() - began > patience:
                raise FolderInUse(
                    f"another demo runs in {data}: end it, or name another folder by "
                    "--data or DOMICILE_DATA"
                ) from None
        pause(_LOOK_SECONDS)


def _said(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
