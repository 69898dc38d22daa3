"""Queries that may be forged: what goes out to whom they claim to come from."""

import asyncio
import socket

import dns.edns
import dns.flags
import dns.message
import pytest

from domicile.dns.budget import Budget
from domicile.dns.responder import Server
from domicile.nameserver.counts import FAMILIES, Tally
from domicile.nameserver.datagram import Datagrams
from domicile.nameserver.replies import Own, Replies
from domicile.nameserver.restraint import Restraint
from domicile.service.counters import Counters

RATE, BURST = 10_000, 5_000
IDENTITY = Server(secrets=(b"s" * 16,))
MISSING, KNOWN = "nobody.nowhere.apps.test", "hello.ada.apps.test"


class Asker:
    """Asks from a socket of its own; counts octets each way."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.asked = self.got = 0
        self.replies = []

    async def ask(self, query, count=1):
        wire = query.to_wire()
        for _ in range(count):
            self.asked += self.socket.send(wire)
            await asyncio.sleep(0)
            await self.hear()

    async def hear(self):
        try:
            while True:
                reply = self.socket.recv(65535)
                self.got += len(reply)
                self.replies.append(dns.message.from_wire(reply))
        except BlockingIOError:
            return

    async def ask_one(self, query):
        seen = len(self.replies)
        await self.ask(query)
        while len(self.replies) == seen:
            await asyncio.sleep(0.005)
            await self.hear()
        return self.replies[-1]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def counters():
    return Counters(FAMILIES, 1)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tally(counters):
    return Tally(counters, counters.row(0))


@pytest.fixture
def replies(replica, tally):
    return Replies(replica, tally, Own(identity=IDENTITY))


@pytest.fixture
async def port(udp, replies, tally, clock):
    budget = Budget(RATE, BURST, 12345)
    serving = Datagrams(udp, replies, Restraint(budget, replies.server, tally), clock)
    loop = asyncio.get_running_loop()
    serving.start(loop)
    yield udp.getsockname()[1]
    serving.stop(loop)


@pytest.fixture
def asker(port):
    found = Asker(port)
    yield found
    found.socket.close()


def query(name, **edns):
    return dns.message.make_query(name, "A", **edns)


@pytest.mark.parametrize("edns", [-1, 0], ids=["plain", "edns"])
async def test_a_victim_gets_the_budget_and_half_of_what_was_sent(
    asker, counters, edns
):
    await asker.ask(query(MISSING, use_edns=edns), 2000)
    await asker.hear()
    over = {
        each: counters.total("domicile_nameserver_over_budget", each)
        for each in ("slipped", "dropped")
    }
    assert sum(over.values()) > 1500
    assert over["slipped"] - over["dropped"] in {0, 1}
    # Those that were within the budget came back whole: so often it was spent.
    assert asker.got <= asker.asked / 2 + BURST * (1 + 1 / 0.5)
    slips = [each for each in asker.replies if each.flags & dns.flags.TC]
    assert len(slips) == over["slipped"]
    assert not any(each.authority for each in slips)
    assert all(each.question for each in slips)
    assert all((each.edns >= 0) is (edns == 0) for each in slips)


async def test_a_budget_comes_back_with_time(asker, clock):
    await asker.ask(query(MISSING), 500)
    await asker.hear()
    clock.now += 3600
    reply = await asker.ask_one(query(MISSING))
    assert reply.authority


async def test_other_networks_do_not_notice(asker, port):
    await asker.ask(query(MISSING), 1000)
    other = Asker(port, "127.0.9.1")
    reply = await other.ask_one(query(MISSING))
    other.socket.close()
    assert reply.authority


async def test_short_answers_are_given_without_end(asker, counters):
    """An app's address is hardly longer than its question."""
    await asker.ask(query(KNOWN), 1000)
    while len(asker.replies) < 1000:
        await asyncio.sleep(0.005)
        await asker.hear()
    assert all(each.answer for each in asker.replies)


def with_cookie(cookie):
    asked = query(MISSING)
    asked.use_edns(options=[dns.edns.GenericOption(10, cookie)])
    return asked


async def test_a_cookie_of_ours_exempts_and_another_does_not(asker):
    first = await asker.ask_one(with_cookie(b"client's"))
    cookie = b"".join(each.to_wire() for each in first.options)
    assert len(cookie) == 24
    await asker.ask(query(MISSING), 1000)
    await asyncio.sleep(0.05)
    await asker.hear()
    for _ in range(20):
        assert (await asker.ask_one(with_cookie(cookie))).authority
    asker.replies.clear()
    await asker.ask(with_cookie(cookie[:-1] + bytes((cookie[-1] ^ 1,))), 20)
    await asyncio.sleep(0.05)
    await asker.hear()
    assert 0 < len(asker.replies) <= 10
    assert not any(each.authority for each in asker.replies)


async def test_who_slips_learns_a_cookie_and_is_exempt_then(asker):
    """So that a resolver among many forged queries in its name gets through."""
    await asker.ask(query(MISSING), 1000)
    await asyncio.sleep(0.05)
    await asker.hear()
    asker.replies.clear()
    await asker.ask(with_cookie(b"client's"), 2)
    while not asker.replies:
        await asyncio.sleep(0.005)
        await asker.hear()
    (slip,) = asker.replies
    assert slip.flags & dns.flags.TC
    cookie = b"".join(each.to_wire() for each in slip.options)
    assert (await asker.ask_one(with_cookie(cookie))).authority


async def test_a_flood_of_random_names_pushes_out_nothing_good(asker, replies):
    apex = dns.message.make_query("apps.test", "AAAA")
    await asker.ask_one(apex)
    kept = len(replies.remembered)
    assert replies.remembered.find(apex.to_wire()) is not None
    for number in range(3000):
        await asker.ask(query(f"x{number}.apps.test"))
    assert len(replies.remembered) == kept
    assert replies.remembered.find(apex.to_wire()) is not None
