"""The directory's processes: a parent that keeps one child running."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import uvicorn
import uvloop

from domicile import config
from domicile.directory.api import make_app
from domicile.directory.mover import moving
from domicile.directory.service import open_directory
from domicile.directory.settings import Settings
from domicile.service import lifeline, logs
from domicile.service.parent import run_children
from domicile.service.sockets import open_alone

# Long polls answer within a second; what takes longer is cut.
GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """Uvicorn without its own signals: the lifeline tells when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(config_file: Path) -> None:
    """Run the directory until SIGTERM or SIGINT; raises DomicileError."""
    settings = config.load(config_file, Settings)
    logs.configure("directory")
    with open_alone(config.Address.parse(settings.listen)) as listener:
        run_children([("directory", partial(run, settings, listener))])


def run(settings: Settings, listener: socket.socket) -> None:
    """Be the child that serves."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run_until_end(settings, listener))


async def _run_until_end(settings: Settings, listener: socket.socket) -> None:
    end = asyncio.create_task(lifeline.wait_for_end(asyncio.get_running_loop()))
    try:
        await serve(settings, listener, end)
    finally:
        end.cancel()


async def serve(
    settings: Settings, listener: socket.socket, end: asyncio.Future[None]
) -> None:
    """Serve the API on a listening socket until `end` is done."""
    async with open_directory(settings) as directory, moving(directory):
        server = _Server(
            uvicorn.Config(
                make_app(directory),
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=GRACE_SECONDS,
                server_header=False,
                proxy_headers=False,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait([serving, end], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
