"""The manager's processes: a parent that keeps one child running.

Its apps run on when it ends, however it does, and the next one adopts them: a manager
is restarted and upgraded, and no request fails.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn
import uvloop

from domicile import config
from domicile.manager.activity import Activity
from domicile.manager.api import Desk, make_app
from domicile.manager.counts import Counts
from domicile.manager.fetching import Releases
from domicile.manager.insight import Insight
from domicile.manager.reporting import Reports
from domicile.manager.settings import Settings, Tokens, load_settings
from domicile.manager.site import Site
from domicile.manager.starting import Starts
from domicile.manager.wishes import KINDS, Household
from domicile.model.feed import Ask
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica
from domicile.runtime import orphans
from domicile.runtime.durable import make_private
from domicile.service import lifeline, logs
from domicile.service.admin import Admin, Route
from domicile.service.arrival import show_arrival
from domicile.service.asking import open_api, open_client
from domicile.service.follower_metrics import follower_metrics
from domicile.service.parent import run_children
from domicile.service.probing import Prober, clusters_in, probing
from domicile.service.room import lack_of_room
from domicile.service.sockets import open_alone
from domicile.store.compaction import compacting
from domicile.store.feed import Feed
from domicile.store.metrics import StoreCollector
from domicile.store.store import Store

# Long polls answer within a second; what takes longer is cut.
GRACE_SECONDS = 2

# Of the directory's records, the releases among them.
_REPLICA = "directory"

# On top of an app's own grace, which ends within the parent's.
_PARENT_GRACE = 5.0


class _Server(uvicorn.Server):
    """Uvicorn without its own signals: the lifeline tells when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(config_file: Path) -> None:
    """Run the manager until SIGTERM or SIGINT; raises DomicileError."""
    settings = load_settings(config_file)
    tokens = settings.read_tokens()
    logs.configure("manager")
    logs.name(cluster=settings.cluster)
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(
            open_alone(config.Address.parse(settings.listen))
        )
        admin = None
        if settings.admin:
            admin = opened.enter_context(
                open_alone(config.Address.parse(settings.admin))
            )
        child = partial(run, settings, tokens, listener, admin)
        run_children(
            [("manager", child)],
            settings.stop_seconds + _PARENT_GRACE,
            on_crashes=lambda _: Replica.set_aside(settings.folder / _REPLICA),
        )


def run(
    settings: Settings,
    tokens: Tokens,
    listener: socket.socket,
    admin: socket.socket | None,
) -> None:
    """Be the child that works."""
    orphans.take_in()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run_until_end(settings, tokens, listener, admin))


async def _run_until_end(
    settings: Settings,
    tokens: Tokens,
    listener: socket.socket,
    admin: socket.socket | None,
) -> None:
    end = asyncio.create_task(lifeline.wait_for_end(asyncio.get_running_loop()))
    try:
        await serve(settings, tokens, listener, admin, end)
    finally:
        end.cancel()


async def serve(
    settings: Settings,
    tokens: Tokens,
    listener: socket.socket,
    admin: socket.socket | None,
    end: asyncio.Future[None],
) -> None:
    """Work, and serve the API on a listening socket, until `end` is done."""
    async with _open(settings, tokens, admin) as desk:
        server = _Server(
            uvicorn.Config(
                make_app(desk),
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=GRACE_SECONDS,
                http="h11",
                server_header=False,
                proxy_headers=False,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait([serving, end], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving


@asynccontextmanager
async def _open(
    settings: Settings, tokens: Tokens, admin: socket.socket | None
) -> AsyncIterator[Desk]:
    """Open what the manager works with, and have it work."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            open_api(settings.directory, tokens.ours, settings.authority_file)
        )
        store, feed = await stack.enter_async_context(_open_store(settings))
        replica = _open_replica(settings)
        stack.callback(replica.close)
        releases = Releases(client, settings.folder)
        reports = Reports(client)
        site = _site(settings, store, feed, releases, reports)
        household = Household(site, settings.cluster, replica)
        stack.push_async_callback(household.close, stop=settings.stop_apps_on_end)
        source = Source(settings.directory, tokens.ours, settings.authority_file)
        readers = Readers(household.wake, troubles=lambda: troubles_of(feed))
        follower = Follower(replica, source, _ask(settings, admin), readers)
        works = (
            follower.run(), household.run(), household.bury(), reports.run(),
            site.activity.run(), show_arrival(lambda: follower.arrival),
        )  # fmt: skip
        for work in works:
            stack.push_async_callback(_end, asyncio.create_task(work))
        prober = Prober("manager", clusters_in(replica, but=settings.cluster))
        await stack.enter_async_context(probing(prober, client, settings.probe_seconds))
        if admin is not None:
            asking = await stack.enter_async_context(open_client())
            insight = Insight(settings.cluster, replica, store, feed, releases, asking)
            told = follower_metrics("manager", replica, follower)
            told.register(StoreCollector("manager", store, feed))
            told.register(site.counts)
            told.register(prober)
            asked = _pages(household, insight), partial(_trouble, follower, settings)
            served = await Admin(*asked, told).serve(admin)
            stack.callback(served.close)
        yield Desk(tokens, feed, releases, client, household.wake_app)


@asynccontextmanager
async def _open_store(settings: Settings) -> AsyncIterator[tuple[Store, Feed]]:
    """Open the cluster's store and its feed, and have it compacted."""
    store = await Store.open(settings.store_url)
    try:
        feed = await Feed.open(store)
        async with compacting(store, feed):
            yield store, feed
    finally:
        await store.close()


def _open_replica(settings: Settings) -> Replica:
    folder = settings.folder / _REPLICA
    make_private(folder)  # Releases have their apps' secrets.
    return Replica.open_to_follow(folder)


def _site(
    settings: Settings, store: Store, feed: Feed, releases: Releases, reports: Reports
) -> Site:
    activity, starts = Activity(feed), Starts(settings.starts_at_once)
    return Site(
        settings.host, settings.processes, store, feed, releases, reports.tell,
        activity, starts, Counts(activity, starts),
        settings.drain_seconds, settings.start_seconds, settings.stop_seconds,
    )  # fmt: skip


def _ask(settings: Settings, admin: socket.socket | None) -> Ask:
    """Say who asks the directory for what."""
    name, cluster = f"manager-{settings.cluster}", settings.cluster
    return Ask(name, KINDS, cluster=cluster, admin=_address_of(admin))


def _pages(household: Household, insight: Insight) -> dict[str, Route]:
    return {
        "/status": household.status,
        "/explain": insight.explain,
        "/logs": insight.logs,
        "/events": insight.events,
    }


def _trouble(follower: Follower, settings: Settings) -> str:
    return follower.trouble or lack_of_room(settings.folder)


def troubles_of(feed: Feed) -> list[str]:
    """Give what is wrong with our proxies, by their own word."""
    return [f"{each.name}: {each.trouble}" for each in feed.followers if each.trouble]


def _address_of(listener: socket.socket | None) -> str:
    """Say where others ask us: the port may have been the kernel's to choose."""
    return str(config.Address(*listener.getsockname()[:2])) if listener else ""


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
