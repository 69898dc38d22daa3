"""The directory's processes: a parent that keeps one child running."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn
import uvloop
from prometheus_client import CollectorRegistry

from domicile import config
from domicile.directory.api import make_app
from domicile.directory.cookies import keeping_cookies
from domicile.directory.health import Judge, judging
from domicile.directory.keyrolls import KeyRolls, rolling_keys
from domicile.directory.leadership import leading
from domicile.directory.lifecycle import forgetting
from domicile.directory.mover import Mover, moving
from domicile.directory.rotation import rotating
from domicile.directory.service import Directory, open_directory
from domicile.directory.settings import Settings, load_settings
from domicile.service import lifeline, logs
from domicile.service.admin import Admin
from domicile.service.parent import run_children
from domicile.service.room import lack_of_room
from domicile.service.sockets import open_alone
from domicile.store.compaction import compacting
from domicile.store.feed import sharing
from domicile.store.metrics import StoreCollector

# Long polls answer within a second; what takes longer is cut.
GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """Uvicorn without its own signals: the lifeline tells when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(config_file: Path) -> None:
    """Run the directory until SIGTERM or SIGINT; raises DomicileError."""
    settings = load_settings(config_file)
    logs.configure("directory")
    with ExitStack() as opened:
        listener = opened.enter_context(
            open_alone(config.Address.parse(settings.listen))
        )
        admin = None
        if settings.admin:
            admin = opened.enter_context(
                open_alone(config.Address.parse(settings.admin))
            )
        run_children([("directory", partial(run, settings, listener, admin))])


def run(
    settings: Settings, listener: socket.socket, admin: socket.socket | None
) -> None:
    """Be the child that serves."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run_until_end(settings, listener, admin))


async def _run_until_end(
    settings: Settings, listener: socket.socket, admin: socket.socket | None
) -> None:
    end = asyncio.create_task(lifeline.wait_for_end(asyncio.get_running_loop()))
    try:
        await serve(settings, listener, end, admin)
    finally:
        end.cancel()


async def serve(
    settings: Settings,
    listener: socket.socket,
    end: asyncio.Future[None],
    admin: socket.socket | None = None,
) -> None:
    """Serve the API on a listening socket until `end` is done."""
    async with (
        open_directory(settings) as directory,
        leading(directory.store) as leadership,
        moving(directory, leadership) as mover,
        judging(directory, leadership) as judge,
        rolling_keys(directory, leadership) as keyrolls,
        _administered(directory, settings, (mover, judge, keyrolls), admin),
        forgetting(directory.store),
        rotating(directory, leadership),
        keeping_cookies(directory, leadership),
        sharing(directory.feed),
        compacting(directory.store, directory.feed),
    ):
        server = _Server(
            uvicorn.Config(
                make_app(directory),
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
        directory.end()
        server.should_exit = True
        await serving


@asynccontextmanager
async def _administered(
    directory: Directory,
    settings: Settings,
    workers: tuple[Mover, Judge, KeyRolls],
    listener: socket.socket | None,
) -> AsyncIterator[None]:
    """Serve the admin listener, if there is one."""
    if listener is None:
        yield
        return

    mover, judge, keyrolls = workers

    def trouble() -> str:
        return mover.trouble or keyrolls.trouble or lack_of_room(settings.folder)

    registry = CollectorRegistry()
    registry.register(StoreCollector("directory", directory.store, directory.feed))
    registry.register(judge)
    pages = {"/status": partial(_status, directory)}
    server = await Admin(pages, trouble, registry).serve(listener)
    try:
        yield
    finally:
        server.close()


async def _status(directory: Directory, _query: dict[str, str]) -> dict[str, object]:
    """Tell operators the serial, and how far each follower is."""
    return {
        "serial": (await directory.store.head()).serial,
        "followers": [
            {
                "name": each.name,
                "serial": each.serial,
                "behind": directory.feed.is_behind(each),
            }
            for each in directory.feed.followers
        ],
    }
