"""Plays the scenario of abuse on sockets, from addresses of 127.0.0.0/8."""

import asyncio
import contextlib
import json
import socket
from collections import Counter
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import msgspec
import pytest
from playing import play, words_of
from scenario import record_of
from writing import Written
from zonekeys import SEALING_KEY, made

from domicile.dns.responder import Server
from domicile.nameserver.connection import Service
from domicile.nameserver.connections import Connections
from domicile.nameserver.datagram import Datagrams
from domicile.nameserver.replies import Own, Replies
from domicile.nameserver.restraint import Restraint
from domicile.nameserver.settings import Settings

FILE = Path(__file__).with_name("abuse.txt")
HOST = "127.0.0.1"
# Refused, and so as long as it is asked, which is never too much: behind it all is said.
END = dns.message.make_query("end.", "A", id=0, use_edns=False).to_wire()


class Clock:
    now = 1e9

    def __call__(self):
        return self.now


class Serving:
    """A worker of a name server that has these settings."""

    def __init__(self, replica, settings, clock):
        identity = Server(secrets=(bytes(16),))
        own = Own({}, identity, (), SEALING_KEY, None, settings.signatures_per_second)
        self.replies = Replies(replica, None, own, clock)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setblocking(False)
        self.udp.bind((HOST, 0))
        budget = settings.make_budget()
        restraint = Restraint(budget, self.replies.server) if budget else None
        self._datagrams = Datagrams(self.udp, self.replies, restraint, clock)
        self._service = Service(Connections(settings.limits), self.replies)

    async def start(self):
        loop = asyncio.get_running_loop()
        self._datagrams.start(loop)
        self._server = await loop.create_server(self._service.factory, HOST, 0)
        self.tcp = self._server.sockets[0].getsockname()

    async def end(self):
        self._datagrams.stop(asyncio.get_running_loop())
        self.udp.close()
        self._server.close()
        self._service.connections.close()
        await self._server.wait_closed()


class Stage:
    """The server, and the crowd: each address has one socket, one cookie, connections."""

    def __init__(self, folder):
        self.written = Written(folder)
        self.clock = Clock()
        self.serving = None
        self.asking = HOST
        self.sockets = {}
        self.cookies = {}
        self.connections = {}

    def record(self, kind, *value):
        self.written.write(record_of(kind, " ".join(value)))

    def sign(self, zone):
        self.written.write(made(zone))

    async def settings(self, *toml):
        """Start anew with some settings; what else there is is as it comes."""
        await self.end()
        told = {"name": "ns1", **json.loads(" ".join(toml) or "{}")}
        settings = msgspec.convert(told, Settings)
        self.serving = Serving(self.written.replica, settings, self.clock)
        await self.serving.start()

    def wait(self, seconds):
        self.clock.now += float(seconds)

    async def ask(self, name, rdtype, *how):
        how = words_of(how)
        self.asking = how.get("from", HOST)
        found = Counter()
        for number in range(int(how.get("times", 1))):
            query = self.query(name.replace("*", f"x{number:05}"), rdtype, how)
            for size, kind in await self.answers(query.to_wire()):
                found[f"asked {len(query.to_wire())} octets, got {size}{kind}"] += 1
        return [f"{what}, {often(times)}" for what, times in sorted(found.items())]

    def query(self, name, rdtype, how):
        query = dns.message.make_query(name, rdtype, id=1, use_edns=False)
        if cookie := how.get("cookie"):
            shown = self.cookies.get(self.asking, b"client's")
            if cookie == "forged":
                shown = shown[:-1] + bytes((shown[-1] ^ 1,))
            query.use_edns(options=[dns.edns.GenericOption(10, shown)])
        elif "do" in how:
            query.use_edns(ednsflags=dns.flags.DO)
        return query

    async def answers(self, wire):
        """Send a query, and give what comes of it, or that nothing does."""
        asker = self.socket()
        asker.send(wire)
        asker.send(END)
        loop, found = asyncio.get_running_loop(), []
        while (octets := await loop.sock_recv(asker, 65535))[:2] != END[:2]:
            message = dns.message.from_wire(octets)
            for each in message.options:
                if each.otype == dns.edns.OptionType.COOKIE:
                    self.cookies[self.asking] = each.to_wire()
            cut = message.flags & dns.flags.TC
            found.append((len(octets), " with tc" if cut else ""))
        return found or [("nothing", "")]

    def socket(self):
        found = self.sockets.get(self.asking)
        if found is None:
            found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            found.bind((self.asking, 0))
            found.connect(self.serving.udp.getsockname())
            found.setblocking(False)
            self.sockets[self.asking] = found
        return found

    def remembered(self, name, rdtype, *how):
        query = self.query(name, rdtype, words_of(how)).to_wire()
        replies = self.serving.replies
        found = replies.plain.find(query) or replies.remembered.find(query)
        return [f"{'yes' if found else 'no'}, of {len(replies.remembered)}"]

    async def connect(self, *how):
        """Connect so often from one address; tell of all that anybody has open."""
        how = words_of(how)
        address = how.get("from", HOST)
        loop = asyncio.get_running_loop()
        for _ in range(int(how.get("times", 1))):
            client = socket.socket()
            client.setblocking(False)
            client.bind((address, 0))
            self.connections.setdefault(address, []).append(client)
            with contextlib.suppress(OSError):
                await loop.sock_connect(client, self.serving.tcp)
                await loop.sock_sendall(client, len(END).to_bytes(2, "big") + END)
                await loop.sock_recv(client, 2 + len(END))
        for _ in range(5):
            await asyncio.sleep(0)
        counts = (
            (where, sum(map(is_open, those)))
            for where, those in self.connections.items()
        )
        return [f"{where} has {count} open" for where, count in counts]

    async def end(self):
        for each in self.sockets.values():
            each.close()
        for those in self.connections.values():
            for each in those:
                each.close()
        self.sockets, self.connections, self.cookies = {}, {}, {}
        if self.serving is not None:
            await self.serving.end()
            self.serving = None


def often(times):
    return f"{times} times" if times > 1 else "once"


def is_open(client):
    """Say so without waiting for anything."""
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.fixture
async def stage(tmp_path):
    found = Stage(tmp_path / "replica")
    yield found
    await found.end()
    found.written.close()


async def test_the_scenario_of_abuse_holds(stage):
    await play(FILE, stage)
