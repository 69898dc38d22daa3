"""Brings the files of a release here: from the directory, checked, unpacked."""

import asyncio
from pathlib import Path

import httpx

from domicile.errors import DomicileError
from domicile.model.records import Release
from domicile.runtime.blobs import BadArchive, BlobFolder, unpack


class CannotFetch(DomicileError):
    """The directory did not give a release's files."""


class Releases:
    """The releases of this machine, each unpacked in a folder of its own."""

    def __init__(self, client: httpx.AsyncClient, folder: Path) -> None:
        self._client = client
        self._blobs = BlobFolder(folder / "blobs")
        self._apps = folder / "apps"

    def folder_of(self, app: str) -> Path:
        """Give where an app has its log and its releases."""
        folder = self._apps / app
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log_of(self, app: str) -> Path:
        return self._apps / app / "log"

    async def fetch(self, release: Release) -> Path:
        """Give the folder of the release's files; raises CannotFetch, BadArchive."""
        if not self._blobs.has(release.digest):
            await self._download(release.digest)
        folder = self.folder_of(release.app) / release.id
        try:
            # Aside: a long one would keep the proxies without an answer.
            await asyncio.to_thread(unpack, self._blobs.find(release.digest), folder)
        except BadArchive:
            # What was begun for a wish since withdrawn may have been there first.
            if not folder.exists():
                raise
        return folder

    async def _download(self, digest: str) -> None:
        try:
            async with self._client.stream("GET", f"/v1/blobs/{digest}") as response:
                response.raise_for_status()
                with self._blobs.writing(expected=digest) as writer:
                    async for piece in response.aiter_bytes():
                        writer.write(piece)
        except httpx.HTTPError as error:
            raise CannotFetch(
                f"the directory did not give the blob {digest}: {error}"
            ) from error
