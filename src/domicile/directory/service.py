"""What the directory's API works with, opened together and closed together."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import msgspec

from domicile.clock import Clock, wall
from domicile.config import Address
from domicile.directory.access import Role, remember
from domicile.directory.authority import LinkAuthority
from domicile.directory.plans import settle_plans
from domicile.directory.registry import put_if_new
from domicile.directory.settings import Settings
from domicile.model.record import Record
from domicile.model.records import Plan
from domicile.runtime.blobs import BlobFolder
from domicile.service.asking import open_client
from domicile.service.sealing import have_sealing_key
from domicile.store.bell import Bell
from domicile.store.feed import Feed
from domicile.store.store import Store

# A manager that is started anew is not away.
_HEARD_SECONDS = 60.0


class Directory(msgspec.Struct, frozen=True):
    """The open directory; `reported` rings when a cluster has reported.

    `asking` is what the admin listeners of followers are asked with. Once `ending` is
    set, nobody is kept waiting any more. A step of a move waits `step_seconds`; where
    domains lead is asked of `resolvers`, and the names of lost clusters to `fallback`.
    Secrets in records are sealed by `sealing_key`.
    """

    store: Store
    feed: Feed
    authority: LinkAuthority
    blobs: BlobFolder
    url: str
    reported: Bell
    asking: httpx.AsyncClient
    clock: Clock
    ending: asyncio.Event
    step_seconds: float
    resolvers: tuple[Address, ...]
    sealing_key: bytes
    fallback: tuple[str, ...] = ()

    def clusters_heard(self) -> set[str]:
        """Name the clusters whose managers have asked for news within a minute."""
        return {
            each.name.split("/")[1]
            for each in self.feed.followers
            if each.name.startswith(f"{Role.CLUSTER}/")
            and self.feed.silence_of(each) < _HEARD_SECONDS
        }

    def end(self) -> None:
        self.ending.set()
        self.reported.ring()


@asynccontextmanager
async def open_directory(settings: Settings) -> AsyncIterator[Directory]:
    """Open the directory of these settings, made if need be."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        store = await Store.open(settings.store_url)
        stack.push_async_callback(store.close)
        authority = LinkAuthority(settings.authority_folder, wall)
        await _write_settled(store, [*settings.zones, authority.record])
        token = settings.read_operator_token()
        plans = settings.plans.items()
        async with store.transaction() as tx:
            await settle_plans(tx, [Plan(n, p.sleep_seconds) for n, p in plans])
            await remember(tx, token, Role.OPERATOR, "")
        yield Directory(
            store=store,
            feed=await Feed.open(store),
            authority=authority,
            blobs=BlobFolder(settings.blob_folder),
            url=settings.public_url,
            reported=Bell(),
            asking=await stack.enter_async_context(open_client()),
            clock=wall,
            ending=asyncio.Event(),
            step_seconds=settings.step_seconds,
            resolvers=tuple(map(Address.parse, settings.resolvers)),
            sealing_key=have_sealing_key(settings.sealing_key_path),
            fallback=settings.fallback,
        )


async def _write_settled(store: Store, records: Iterable[Record]) -> None:
    async with store.transaction() as tx:
        for record in records:
            await put_if_new(tx, record)
