"""A replica of a small directory, and sockets that answer from it."""

import asyncio
import socket

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import (
    Cluster,
    Owner,
    Placement,
    Zone,
    encode,
)
from domicile.nameserver.replies import Replies
from domicile.replica.replica import Replica

APP = "k" * 26
MANY = tuple(f"192.0.2.{number}" for number in range(100))
RECORDS = [
    Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)}, landing=MANY),
    Owner("ada", "apps.test", "free"),
    Placement(APP, "amber", 2, "hello", "ada", "apps.test"),
    Cluster("amber", ("127.0.0.11",), ()),
]


@pytest.fixture
def replica(tmp_path):
    replica = Replica.open(tmp_path / "replica", writable=True)
    changes = [
        Change(serial, record.kind, record.key, record.scope, encode(record), NO_CHAIN)
        for serial, record in enumerate(RECORDS, start=1)
    ]
    replica.replace(changes, len(changes), NO_CHAIN)
    replica.freshness.stamp()
    yield replica
    replica.close()


@pytest.fixture
def replies(replica):
    return Replies(replica)


@pytest.fixture
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.setblocking(False)
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
async def serve():
    """Serve connections on a port of their own; give that port."""
    servers = []

    async def start(service) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(service.factory, "127.0.0.1", 0)
        servers.append((server, service.connections))
        return server.sockets[0].getsockname()[1]

    yield start
    for server, connections in servers:
        server.close()
        connections.close()
        await server.wait_closed()
    await asyncio.sleep(0)
