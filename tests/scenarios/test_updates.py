"""Plays the scenario of updates: a directory, and name servers that follow it."""

import asyncio
import json
import re
from pathlib import Path

import dns.message
import dns.update
import httpx
import pytest
from keys import sealed, sign, told_signature
from playing import play, words_of
from scenario import record_of
from told import told, told_options
from zonekeys import SEALING_KEY

from domicile.config import Address
from domicile.directory import challenges
from domicile.directory.main import serve
from domicile.directory.settings import Settings
from domicile.dns.client import Client, Transport
from domicile.model.feed import Ask, WorkerNote
from domicile.model.sealing import sealing_key_to_text
from domicile.nameserver.courier import Courier
from domicile.nameserver.following import KINDS
from domicile.nameserver.replies import Own, Replies
from domicile.nameserver.updates import Updates
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica
from domicile.service.sockets import open_alone
from domicile.store.store import Store

FILE = Path(__file__).with_name("updates.txt")
# What is another one each time, or on another system.
PASSING = re.compile(r"(?<=serial )\d+|(?<=does not answer: ).*")
CLIENT = Client(Transport.UDP, bytes((192, 0, 2, 7)))


class Nameserver:
    """A name server with one worker; while that is `stuck` it sees nothing new."""

    def __init__(self, name, folder, source):
        own = Own(sealing_key=SEALING_KEY)
        self.stuck = None
        self.replica = Replica.open(folder / name, writable=True)
        self.replies = Replies(self.replica, own=own)
        self.updates = Updates(self.replica, Courier(source), own)
        readers = Readers(notes=lambda: {"w1": WorkerNote(self.serial())})
        self._follower = Follower(self.replica, source, Ask(name, KINDS), readers)
        self._following = None

    def serial(self):
        return self.replies.serial() if self.stuck is None else self.stuck

    def follow(self):
        self.stuck = None
        if self._following is None:
            self._following = asyncio.create_task(self._follower.run())

    async def fall_silent(self):
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
            self._following = None

    async def send(self, octets):
        replied = asyncio.get_running_loop().create_future()
        self.updates.take(octets, CLIENT, replied.set_result)
        return await replied

    async def end(self):
        await self.fall_silent()
        await self.updates.close()
        self.replica.close()


class Directory:
    """A directory that begins with some records, until it is `away`."""

    def __init__(self, folder, records):
        self.records = records
        self.listener = open_alone(Address("127.0.0.1", 0))
        address = Address(*self.listener.getsockname())
        self.url = f"http://{address}"
        self.settings = Settings(str(folder), str(address), resolvers=("127.0.0.1:9",))
        self.serving = None

    async def start(self):
        folder = self.settings.folder
        folder.mkdir()
        self.settings.sealing_key_path.write_text(sealing_key_to_text(SEALING_KEY))
        self.settings.sealing_key_path.chmod(0o600)
        store = await Store.open(self.settings.store_url)
        async with store.transaction() as tx:
            for each in self.records:
                await tx.put(each)
        await store.close()
        self.ending = asyncio.get_running_loop().create_future()
        serving = serve(self.settings, self.listener, self.ending)
        self.serving = asyncio.create_task(serving)

    async def token(self, nameserver):
        """Give the token of a new name server, as the operator gets it."""
        while not self.settings.operator_token_file.exists():
            await asyncio.sleep(0.01)
        headers = {"Authorization": f"Bearer {self.settings.read_operator_token()}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers) as client:
            answer = await client.post("/v1/nameservers", json={"name": nameserver})
        return answer.json()["token"]

    async def end(self):
        if self.serving is not None:
            self.ending.set_result(None)
            await self.serving
        self.serving = None
        self.listener.close()


class Stage:
    """The directory, its name servers, and an update that is being written."""

    def __init__(self, folder):
        self.folder = folder
        self.records = []
        self.directory = Directory(folder / "directory", self.records)
        self.nameservers = {}
        self.lines = []

    def record(self, kind, *value):
        self.records.append(record_of(kind, " ".join(value)))

    def key(self, name, *value):
        self.records.append(sealed(name, **json.loads(" ".join(value))))

    async def nameserver(self, name):
        if self.directory.serving is None:
            await self.directory.start()
        source = Source(self.directory.url, await self.directory.token(name))
        found = Nameserver(name, self.folder, source)
        self.nameservers[name] = found
        found.follow()
        while found.serial() < len(self.records):
            await asyncio.sleep(0.01)

    def stuck(self, name):
        self.nameservers[name].stuck = self.nameservers[name].serial()

    async def silent(self, name):
        await self.nameservers[name].fall_silent()

    async def well(self, name):
        """Have it follow again, and know what the others do."""
        self.nameservers[name].follow()
        known = max(each.serial() for each in self.nameservers.values())
        while self.nameservers[name].serial() < known:
            await asyncio.sleep(0.01)

    async def away(self):
        await self.directory.end()

    def prereq(self, *what):
        self.lines.append(("prereq", *what))

    def update(self, *what):
        self.lines.append(("update", *what))

    async def send(self, zone, *how):
        how = words_of(how)
        message = dns.update.UpdateMessage(zone)
        message.use_edns(0)
        for line in self.lines:
            write(message, *line)
        self.lines.clear()
        self.asked = sign(message, how)
        if "kept" in how:
            self.kept = self.asked
        return await self.said(how)

    async def again(self, *how):
        """Send the same octets as the last time, or those that were `kept`."""
        how = words_of(how)
        if "kept" in how:
            self.asked = self.kept
        return await self.said(how)

    async def said(self, how):
        nameserver = self.nameservers[how.get("to", "ns1")]
        reply = self.asked.read(await nameserver.send(self.asked.octets))
        first = dns.rcode.to_text(reply.rcode())
        lines = [first, *told_options(reply), *told_signature(reply)]
        return [PASSING.sub("…", each) for each in lines]

    def ask(self, name, rdtype, *how):
        nameserver = self.nameservers[words_of(how).get("to", "ns1")]
        with nameserver.replies.batch() as reply:
            wire = reply(dns.message.make_query(name, rdtype).to_wire(), CLIENT)
        return told(dns.message.from_wire(wire))

    async def end(self):
        for each in self.nameservers.values():
            await each.end()
        await self.directory.end()


def write(message, *line):
    """Write a line as nsupdate reads it into an update."""
    match line:
        case ["prereq", "nxrrset" | "nxdomain", *what]:
            message.absent(*what)
        case ["prereq", "yxrrset" | "yxdomain", *what]:
            message.present(*what)
        case ["update", "add", name, ttl, *data]:
            message.add(name, int(ttl), *data)
        case ["update", "delete", *what]:
            message.delete(*what)
        case _:
            raise AssertionError(line)


@pytest.fixture
async def stage(tmp_path, monkeypatch):
    # As they are to each other in earnest, and both half as long.
    monkeypatch.setattr(challenges, "BEHIND_SECONDS", 2.5)
    monkeypatch.setattr(challenges, "EVERYWHERE_SECONDS", 4.0)
    found = Stage(tmp_path)
    yield found
    await found.end()


async def test_the_scenario_of_updates_holds(stage):
    await play(FILE, stage)
