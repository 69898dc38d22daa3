"""A folder as a release: a gzipped tar that is the same whenever it is packed."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from domicile.errors import DomicileError

# What is of this machine, or is made anew. Not node_modules: no cluster installs them.
_LEFT_OUT = frozenset({"__pycache__", ".git", ".venv"})


class NothingToPack(DomicileError):
    """The folder of the app is not there, or is empty."""


class CannotPack(DomicileError):
    """A file of the folder cannot be read, or is none of it."""


class Archive(NamedTuple):
    """The bytes of a release, named by their SHA-256 in hex."""

    digest: str
    data: bytes


def pack(folder: Path) -> Archive:
    """Pack the folder's files; raises NothingToPack or CannotPack."""
    try:
        files = _files_of(folder)
        if not files:
            raise NothingToPack(f"{folder}: no files to deploy there")
        data = _pack(folder, files)
    except OSError as error:
        raise CannotPack(
            f"{error.filename or folder} cannot be deployed: {error.strerror}"
        ) from error
    return Archive(hashlib.sha256(data).hexdigest(), data)


def _files_of(folder: Path) -> list[Path]:
    """Give the files, and the links that lead to a file or folder here."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or (path.is_symlink() and path.exists()))
        and not _LEFT_OUT & set(path.relative_to(folder).parts)
    ]
    for path in found:
        if path.is_symlink():
            _refuse_if_out(path, folder)
    return found


def _refuse_if_out(link: Path, folder: Path) -> None:
    """Go on only where a cluster has what the link leads to; raises CannotPack."""
    target = link.readlink()
    if target.is_absolute() or not link.resolve().is_relative_to(folder.resolve()):
        raise CannotPack(
            f"{link} leads out of what is deployed, to {target}: no cluster has that; "
            "copy it here, or link it by a path inside the folder"
        )


def _pack(folder: Path, files: Iterable[Path]) -> bytes:
    packed = io.BytesIO()
    # Neither the time nor who packs it changes what it is.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in files:
            tar.add(path, str(path.relative_to(folder)), filter=_anonymous)
    return packed.getvalue()


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = 0
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
