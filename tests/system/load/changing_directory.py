"""A real directory in this process, for changes whose moments are known exactly."""

import asyncio
import threading
import time
from collections import defaultdict
from typing import NamedTuple

import uvicorn
import uvloop

from domicile.config import Address
from domicile.directory.access import Role, remember
from domicile.directory.api import make_app
from domicile.directory.service import open_directory
from domicile.directory.settings import Settings
from domicile.service.sockets import open_alone

TOKEN = "of-the-name-server-under-load"


class State(NamedTuple):
    """What a name stood for, from its commit on: an address, or nothing.

    The commit lay between `begun` and `done`; by the machine's monotonic clock.
    """

    address: str | None
    begun: float
    done: float


class History:
    """All that names have ever stood for."""

    def __init__(self):
        self._states = defaultdict(list)

    def note(self, name, state):
        """Note what comes next; before the first there was nothing."""
        states = self._states[name] or [State(None, 0.0, 0.0)]
        if not state.begun:
            states = []
        self._states[name] = [*states, state]

    def names(self):
        return list(self._states)

    def last(self, name):
        return self._states[name][-1].address

    def places(self, name, address, since, until):
        """Give the numbers of the states that said so at some moment of those."""
        states = self._states[name]
        ends = [state.done for state in states[1:]] + [float("inf")]
        return [
            number
            for number, (state, end) in enumerate(zip(states, ends, strict=True))
            if state.address == address and state.begun <= until and end >= since
        ]


class Directory:
    """A directory that can be away and come back, as it was, at its address."""

    def __init__(self, folder, port):
        self.settings = Settings(str(folder), f"127.0.0.1:{port}")
        self.url = f"http://127.0.0.1:{port}"
        self._loop = None

    def start(self):
        self._ready = threading.Event()
        self._thread = threading.Thread(target=uvloop.run, args=(self._serve(),))
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self):
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()
            self._thread = None

    async def _serve(self):
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with open_directory(self.settings) as directory:
            self._directory = directory
            async with directory.store.transaction() as tx:
                await remember(tx, TOKEN, Role.NAMESERVER, "ns1")
            config = uvicorn.Config(
                make_app(directory), access_log=False, log_level="error", http="h11"
            )
            server = uvicorn.Server(config)
            with open_alone(Address.parse(self.settings.listen)) as listener:
                serving = asyncio.create_task(server.serve(sockets=[listener]))
                self._ready.set()
                await self._over.wait()
                directory.end()
                server.should_exit = True
                await serving

    def write(self, put=(), delete=()):
        """Commit it; gives what moments that lay between."""
        begun = time.monotonic()
        written = self._write(put, delete)
        asyncio.run_coroutine_threadsafe(written, self._loop).result(20)
        return begun, time.monotonic()

    async def _write(self, put, delete):
        async with self._directory.store.transaction() as tx:
            for kind, key in delete:
                await tx.delete(kind, key)
            for record in put:
                await tx.put(record)
