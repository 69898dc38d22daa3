"""A front on a real socket, before a real replica and real upstreams."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import (
    Endpoint,
    EndpointState,
    Residence,
    ResidenceState,
    encode,
)
from domicile.proxy.conversation import Surroundings
from domicile.proxy.counts import FAMILIES, Tally
from domicile.proxy.front import Front
from domicile.proxy.holds import WaitingRoom
from domicile.proxy.patience import Patience
from domicile.proxy.upstream import Pool
from domicile.replica.replica import Replica
from domicile.service.counters import Counters

APP = "a" * 26
HOST = "hello.ada.apps.test"


class Count(Tally):
    """A worker's tally that tells what it counted."""

    def __init__(self):
        self.counters = Counters(FAMILIES, 1)
        super().__init__(self.counters, self.counters.row(0))

    def of(self, name, value=""):
        return self.counters.total(f"domicile_proxy_{name}", value)


class Records:
    """A cluster's replica, written as its manager's feed would."""

    def __init__(self, folder):
        self.replica = Replica.open(folder, writable=True)
        self.replica.apply([], 0, NO_CHAIN)
        self.replica.freshness.stamp()
        self.serial = 0

    def put(self, *records):
        changes = []
        for record in records:
            self.serial += 1
            changes.append(
                Change(
                    self.serial, record.kind, record.key, record.scope,
                    encode(record), NO_CHAIN,
                )
            )  # fmt: skip
        self.replica.apply(changes, self.serial, NO_CHAIN)

    def live(self, port, generation=1, app=APP, host=HOST, cluster="amber"):
        here = ResidenceState.HERE
        self.put(
            Residence(app, cluster, generation, here, hosts=(host,)),
            Endpoint(app, generation, EndpointState.RUNNING, "127.0.0.1", port),
        )


@pytest.fixture
def records(tmp_path):
    records = Records(tmp_path / "replica")
    yield records
    records.replica.close()


@pytest.fixture
def other_records(tmp_path):
    """Another cluster's."""
    records = Records(tmp_path / "other")
    yield records
    records.replica.close()


@pytest.fixture
def tally():
    return Count()


@pytest.fixture
async def front(records, tally):
    """A front that listens, and its port."""
    patience = Patience(answer=0.5)
    room = WaitingRoom(records.replica, tally)
    made = Front(Surroundings(room, Pool(patience), tally, patience=patience))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(made.accept, "127.0.0.1", 0)
    yield made, server.sockets[0].getsockname()[1]
    server.close()
    await made.end()
    made.around.pool.close()
    await asyncio.sleep(0)
    assert tally.of("holds_waiting") == tally.of("in_flight") == 0
    assert tally.of("connections") == made.around.busy == 0


@pytest.fixture
def wait(front):
    """Set other patience, before the first connection."""

    def wait(**seconds):
        around = front[0].around
        around.patience = replace(around.patience, **seconds)
        around.pool = Pool(around.patience, around.pool.context)

    return wait


@pytest.fixture
async def upstream():
    """Serve connections with a coroutine; gives the port."""
    servers, conversations = [], set()

    async def serve(converse):
        async def guarded(reader, writer):
            conversations.add(asyncio.current_task())
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await converse(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(guarded, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield serve
    for server in servers:
        server.close()
    for task in conversations:
        task.cancel()
    await asyncio.gather(*conversations, return_exceptions=True)
    await asyncio.sleep(0.01)


@pytest.fixture
def ask(front):
    """Write bytes to the front, and give all that comes back until it closes."""

    async def ask(data):
        reader, writer = await asyncio.open_connection("127.0.0.1", front[1])
        writer.write(data)
        answer = await reader.read()
        writer.close()
        return answer

    return ask
