"""A replica of a small directory, and sockets that answer from it."""

import asyncio
import socket

import dns.tsig
import dns.update
import pytest

from domicile.dns.tsig import Key
from domicile.model.challenges import Updated
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.sealing import context_of, seal
from domicile.model.zone_records import UpdateKey, Zone
from domicile.nameserver.replies import Own, Replies
from domicile.nameserver.updates import Updates
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
def records():
    """What the replica holds; a module may have others."""
    return RECORDS


@pytest.fixture
def replica(tmp_path, records):
    replica = Replica.open(tmp_path / "replica", writable=True)
    changes = [
        Change(serial, record.kind, record.key, record.scope, encode(record), NO_CHAIN)
        for serial, record in enumerate(records, start=1)
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


SEALING = b"k" * 32
KEY = Key("acme", "hmac-sha256", b"s" * 32)


class Directory:
    """Does what couriers bring once it is told to; what it was brought is in `brought`."""

    def __init__(self):
        self.brought = []
        self.says = Updated(7)
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def bring(self, update):
        self.brought.append(update)
        await self.may_answer.wait()
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def close(self):
        pass


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def sealed():
    """Make the record of a key for those names; its secret is that of `signed`."""

    def seal_key(*names):
        secret = seal(SEALING, KEY.secret, context_of(UpdateKey.kind, KEY.name))
        return UpdateKey(KEY.name, KEY.algorithm, secret, names)

    return seal_key


@pytest.fixture
def own():
    """What a server has of its own that knows the sealing key."""

    def have(files=None):
        return Own(files or {}, sealing_key=SEALING)

    return have


@pytest.fixture
async def updates(replica, directory, own, sealed):
    key = sealed("hello.ada.apps.test")
    serial = len(RECORDS) + 1
    change = Change(serial, key.kind, key.key, key.scope, encode(key), NO_CHAIN)
    replica.apply([change], serial, NO_CHAIN)
    updates = Updates(replica, directory, own())
    yield updates
    await updates.close()


@pytest.fixture
def update():
    """An update that the key of `updates` has signed."""
    message = dns.update.UpdateMessage("apps.test")
    message.use_tsig(dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
    message.add("_acme-challenge.hello.ada", 60, "TXT", "one")
    return message
