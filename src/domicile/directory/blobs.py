"""The bytes of releases: a folder, each blob under its SHA-256."""

import asyncio
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from domicile.directory.apps import NotFound
from domicile.directory.registry import BadRequest
from domicile.errors import DomicileError

_DIGEST = re.compile(r"[0-9a-f]{64}")


class WrongDigest(DomicileError):
    """The bytes are not those that their address says."""


class BlobFolder:
    """Takes in and gives out blobs; what is there under a digest is whole and right."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for draft in folder.glob("*.new"):
            draft.unlink()

    async def put(self, digest: str, pieces: AsyncIterator[bytes]) -> int:
        """Take in a blob and give its size; raises BadRequest or WrongDigest."""
        path = self._path(digest)
        # Two may send the same blob at once.
        draft = path.with_suffix(f".{secrets.token_hex(8)}.new")
        try:
            with draft.open("wb") as file:
                size = await _take_in(digest, pieces, file)
                await asyncio.to_thread(_sync, file)
            await asyncio.to_thread(_rename, draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return size

    def find(self, digest: str) -> Path:
        """Give the file of a blob; raises BadRequest or NotFound."""
        path = self._path(digest)
        if not path.exists():
            raise NotFound(f"there is no blob {digest}")
        return path

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise BadRequest(f"{digest!r} is not a SHA-256: 64 of 0-9 and a-f")
        return self._folder / digest


async def _take_in(digest: str, pieces: AsyncIterator[bytes], file: BinaryIO) -> int:
    hashed = hashlib.sha256()
    size = 0
    async for piece in pieces:
        hashed.update(piece)
        size += len(piece)
        await asyncio.to_thread(file.write, piece)
    if hashed.hexdigest() != digest:
        raise WrongDigest(
            f"the SHA-256 of the {size} bytes received is {hashed.hexdigest()}, "
            f"not {digest}: send the blob again, whole"
        )
    return size


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(draft: Path, path: Path) -> None:
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
