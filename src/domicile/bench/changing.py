"""A directory that makes changes when it is told to, for a name server to follow.

`python -m domicile.bench.changing FOLDER PORT NAMES` serves the directory's own API and
feed, of so many apps, and says `ready`. Then a line `SECONDS RATE` has it move apps at
that rate for so long, with one line for each (`bench.moves`) and `done` at the end. It
ends with its standard input. What it imports nobody else needs.
"""

import asyncio
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import uvicorn
import uvloop

from domicile.bench.moves import DONE, READY, TOKEN, Move
from domicile.bench.names import ZONE, name_of
from domicile.bench.records import ADDRESS, CLUSTER, of_a_directory
from domicile.bench.stores import fill
from domicile.clock import monotonic
from domicile.config import Address
from domicile.directory.access import Role, remember
from domicile.directory.api import make_app
from domicile.directory.service import open_directory
from domicile.directory.settings import Settings
from domicile.model.records import Cluster, Placement
from domicile.service.sockets import open_alone
from domicile.store.store import Store

_OTHER = Cluster("birch", ("127.0.0.12",), ())
# So many apps are moved before the first is moved again.
_MOVED = 10_000


async def run(folder: Path, port: int, names: int) -> None:
    """Be that directory."""
    settings = Settings(str(folder), f"127.0.0.1:{port}")
    async with open_directory(settings) as directory:
        await fill(directory.store, of_a_directory(names), _OTHER)
        async with directory.store.transaction() as tx:
            await remember(tx, TOKEN, Role.NAMESERVER, "bench")
        app = make_app(directory)
        server = uvicorn.Server(
            uvicorn.Config(app, access_log=False, log_level="warning", http="h11")
        )
        with open_alone(Address.parse(settings.listen)) as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await _obey(directory.store, names)
            directory.end()
            server.should_exit = True
            await serving


async def _obey(store: Store, names: int) -> None:
    _say(READY)
    moves = _moves(names)
    while line := await asyncio.to_thread(sys.stdin.readline):
        seconds, rate = map(float, line.split())
        start = monotonic()
        for number in count():
            due = start + number / rate
            if max(due, monotonic()) >= start + seconds:
                break
            await asyncio.sleep(max(0.0, due - monotonic()))
            _say(str(await _commit(store, *next(moves))))
        _say(DONE)


async def _commit(store: Store, number: int, generation: int) -> Move:
    name = name_of(number)
    away = generation % 2 == 0
    cluster = _OTHER.name if away else CLUSTER
    placement = Placement(name.id, cluster, generation, name.app, name.owner, ZONE)
    async with store.transaction() as tx:
        await tx.put(placement, expected=generation - 1)
    address = _OTHER.addresses[0] if away else ADDRESS
    return Move(name.host, address, monotonic())


def _moves(names: int) -> Iterator[tuple[int, int]]:
    """Give apps by their numbers, with the generation that each is taken to."""
    moved = range(0, names, max(1, names // _MOVED))
    for generation in count(2):
        for number in moved:
            yield number, generation


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is told by lines, and tells by lines


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
