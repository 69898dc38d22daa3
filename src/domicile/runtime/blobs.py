"""The bytes of releases: a folder of files named by their SHA-256.

What is there under a digest is whole and has that digest, so it is written once, read
by anyone, and never changed.
"""

import contextlib
import gzip
import hashlib
import re
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from domicile.clock import Clock, wall
from domicile.errors import DomicileError
from domicile.runtime.durable import move_durably, sync, sync_tree

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")

_LARGEST_UNPACKED = 2 * 1024**3
_MOST_MEMBERS = 100_000
_LARGEST_READ = 1024**2

_ABANDONED_SECONDS = 86_400.0


class NotADigest(DomicileError):
    """A blob is asked for by something that is no SHA-256."""


class NoSuchBlob(DomicileError):
    """The folder does not hold this blob."""


class WrongDigest(DomicileError):
    """The bytes are not those that were announced."""


class BadArchive(DomicileError):
    """A release's archive cannot be unpacked here."""


class BlobWriter:
    """Takes a blob's bytes, piece by piece."""

    __slots__ = ("_file", "_hash")

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Give the digest of what was written up to now."""
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._file.write(piece)

    def sync(self) -> None:
        """Wait until the disk has it, where waiting holds nobody up.

        The block's end waits for the disk again, and then has nothing to wait for.
        """
        sync(self._file)


class BlobFolder:
    """A folder of blobs, which several processes may share."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path, clock: Clock = wall) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_abandoned(folder, clock() - _ABANDONED_SECONDS)

    @contextlib.contextmanager
    def writing(self, expected: str = "") -> Iterator[BlobWriter]:
        """Write a blob; it is there when the block ends, and not if it fails.

        Raises WrongDigest where `expected` is given and another digest comes out, and
        NotADigest where it is none.
        """
        if expected:
            self._path(expected)
        beside = self._folder / f".{secrets.token_hex(16)}"
        try:
            with beside.open("xb") as file:
                writer = BlobWriter(file)
                yield writer
                sync(file)
            if expected not in {"", writer.digest}:
                raise WrongDigest(
                    f"the bytes have SHA-256 {writer.digest}, {expected} was announced"
                )
            move_durably(beside, self._path(writer.digest))
        finally:
            beside.unlink(missing_ok=True)

    def put(self, data: bytes) -> str:
        """Store a blob and give its digest."""
        with self.writing() as writer:
            writer.write(data)
        return writer.digest

    def has(self, digest: str) -> bool:
        return self._path(digest).exists()

    def find(self, digest: str) -> Path:
        """Give the blob's file, to be read only; raises NoSuchBlob, NotADigest."""
        path = self._path(digest)
        if not path.exists():
            raise NoSuchBlob(f"no blob {digest} in {self._folder}")
        return path

    def _path(self, digest: str) -> Path:
        if not _DIGEST.match(digest):
            raise NotADigest(f"{digest!r} is not a SHA-256 of 64 digits 0-9 and a-f")
        return self._folder / digest


def _clear_abandoned(folder: Path, before: float) -> None:
    """Remove what a crash left half-written; who still writes has written since."""
    for draft in folder.glob(".*"):
        # Another process of ours may do the same.
        with contextlib.suppress(FileNotFoundError):
            if draft.stat().st_mtime < before:
                draft.unlink()


def unpack(archive: Path, into: Path, largest: int = _LARGEST_UNPACKED) -> None:
    """Unpack a tar.gz to a new folder, whole or not at all; raises BadArchive.

    Nothing lands outside of it: no absolute path, no "..", no link or device that
    leads out. A folder that is there already was unpacked whole, and stays.
    """
    if into.exists():
        return
    beside = into.with_name(f".{into.name}.{secrets.token_hex(4)}")
    try:
        beside.mkdir(parents=True)
        _extract(archive, beside, largest)
        sync_tree(beside)
        move_durably(beside, into)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise BadArchive(f"{archive.name} cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


class _Sparing(gzip.GzipFile):
    """A file that is read in small pieces only.

    The tar format's own headers are read whole, and say themselves how long they are.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _LARGEST_READ:
            raise BadArchive(f"it has a header of {size} bytes; none needs that many")
        return super().read(size)


def _extract(archive: Path, into: Path, largest: int) -> None:
    size = 0
    with _Sparing(archive) as unzipped, tarfile.TarFile(fileobj=unzipped) as tar:
        for count, member in enumerate(tar):
            if member.size < 0:  # A lie, by which the others would seem to be less.
                raise BadArchive(f"{archive.name} has {member.name} of a negative size")
            size += member.size
            if size > largest or count >= _MOST_MEMBERS:
                raise BadArchive(
                    f"{archive.name} unpacks to more than {largest} bytes "
                    f"or {_MOST_MEMBERS} files"
                )
            tar.extract(member, into, filter="data")
