"""A proxy's processes: a parent, a keeper, and workers that share its replica."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop

from domicile.config import Address, BadConfiguration
from domicile.proxy.counts import lay_out
from domicile.proxy.keeper import REPLICA, Keeper
from domicile.proxy.settings import Settings, load_settings
from domicile.proxy.worker import Sockets, Worker
from domicile.replica.replica import Replica
from domicile.service import logs
from domicile.service.channel import FollowerEnd, open_channels
from domicile.service.counters import Counters
from domicile.service.parent import run_children
from domicile.service.sockets import open_alone, open_for_workers


def main(config_file: Path) -> int:
    """Run the proxy until SIGTERM or SIGINT; raises DomicileError."""
    settings = load_settings(config_file)
    token = _read_token(Path(settings.token_file))
    logs.configure("proxy")
    logs.name(cluster=settings.cluster)
    settings.folder.mkdir(parents=True, exist_ok=True)
    names = [f"worker-{number}" for number in range(settings.workers)]
    follower_end, worker_ends = open_channels(names)
    public = [
        open_for_workers(address, settings.workers)
        for address in settings.public_addresses
    ]
    link = open_for_workers(Address.parse(settings.link), settings.workers)
    admin = open_alone(Address.parse(settings.admin)) if settings.admin else None
    structlog.get_logger().info(
        "listening",
        public=[str(each.address) for each in public],
        link=str(link.address),
        admin="" if admin is None else str(Address(*admin.getsockname()[:2])),
    )
    counters, tallies = lay_out(settings.workers)
    keeper = partial(_run_keeper, settings, token, follower_end, admin, counters)
    workers = [
        (
            name,
            partial(
                _run_worker,
                name,
                partial(Worker, settings, token, worker_ends[name], tallies[number]),
                Sockets([each.tcp[number] for each in public], link.tcp[number]),
            ),
        )
        for number, name in enumerate(names)
    ]
    run_children(
        [("keeper", keeper), *workers],
        on_crashes=lambda _: Replica.set_aside(settings.folder / REPLICA),
    )
    return 0


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadConfiguration(
            f"{path}: {error.strerror}; `token_file` names the file with the proxy's"
            " token for its manager"
        ) from error


def _run_keeper(
    settings: Settings,
    token: str,
    end: FollowerEnd,
    admin: socket.socket | None,
    counters: Counters,
) -> None:
    logs.name(worker="keeper")
    _run(Keeper(settings, token, end).run(admin, counters))


def _run_worker(name: str, make: Callable[[], Worker], sockets: Sockets) -> None:
    logs.name(worker=name)
    _run(make().serve(sockets))


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
