"""Transfers that a worker hands over, and brings back as fast as they are taken."""

import asyncio
import contextlib
import socket

import dns.message
import pytest

from domicile.dns.rdata import Rcode
from domicile.dns.stream import frame
from domicile.nameserver.connection import MOST_UNTAKEN, Service
from domicile.nameserver.connections import Connections, Limits
from domicile.nameserver.handover import Request, open_hand_over

EOF = b""


@pytest.fixture
def both():
    hand_over, intake = open_hand_over()
    yield hand_over, intake
    hand_over._end.close()
    intake._end.close()


def wire(rdtype, number):
    message = dns.message.make_query("apps.test", rdtype)
    message.id = number
    return message.to_wire()


def query(rdtype, number):
    return frame(wire(rdtype, number))


class Giver:
    """Takes what is handed over, and lets the test answer it."""

    def __init__(self, intake):
        self.intake = intake
        self.requests = asyncio.Queue()
        asyncio.get_running_loop().add_reader(intake.fileno(), self.take)

    def take(self):
        for each in self.intake.take():
            self.requests.put_nowait(each)

    async def next(self):
        request, end = await self.requests.get()
        return request, (await asyncio.open_unix_connection(sock=end))[1]

    def end(self):
        asyncio.get_running_loop().remove_reader(self.intake.fileno())


@pytest.fixture
async def giver(both):
    found = Giver(both[1])
    yield found
    found.end()


@pytest.fixture
def service(replies, both):
    return Service(Connections(Limits(idle=1.0)), replies, hand_over=both[0])


@pytest.fixture
async def client(serve, service):
    port = await serve(service)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.transport.abort()
    await asyncio.sleep(0)


async def read_id(reader):
    length = int.from_bytes(await reader.readexactly(2), "big")
    return int.from_bytes((await reader.readexactly(length))[:2], "big")


async def test_what_is_asked_before_and_after_is_answered_in_its_turn(client, giver):
    reader, writer = client
    writer.write(query("A", 1) + query("AXFR", 2) + query("A", 3) + query("IXFR", 4))
    writer.write(query("A", 5))
    request, given = await giver.next()
    assert request == Request(wire("AXFR", 2), bytes((127, 0, 0, 1)))
    assert await read_id(reader) == 1
    for _ in range(3):
        given.write(frame(b"\0\2 a message"))
        assert await read_id(reader) == 2
    given.close()
    assert await read_id(reader) == 3
    _, given = await giver.next()
    given.write(frame(b"\0\4"))
    given.close()
    assert [await read_id(reader) for _ in range(2)] == [4, 5]


async def test_who_ends_its_side_gets_all_the_same_what_is_brought(client, giver):
    reader, writer = client
    writer.write(query("AXFR", 7))
    writer.write_eof()
    _, given = await giver.next()
    given.write(b"x" * 100_000)
    given.close()
    assert await reader.read() == b"x" * 100_000


async def test_no_more_is_brought_than_is_taken_and_who_takes_none_is_cut(
    serve, service, giver
):
    port = await serve(service)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", port))
        slow.sendall(query("AXFR", 7))
        _, given = await giver.next()
        written = 0
        with contextlib.suppress(OSError):
            while True:
                given.write(b"x" * 65536)
                written += 65536
                for each in service.connections:
                    kept = each._transport.get_write_buffer_size()
                    assert kept <= 2 * MOST_UNTAKEN
                await given.drain()
        # What the kernel's buffers take, on three sockets.
        assert written < 20 * 2**20
        assert len(service.connections) == 0


async def test_who_gives_learns_that_the_client_is_gone(client, giver):
    _, writer = client
    writer.write(query("AXFR", 7))
    _, given = await giver.next()
    writer.transport.abort()
    with contextlib.suppress(OSError):
        while True:
            given.write(b"x" * 65536)
            await given.drain()
            await asyncio.sleep(0.01)


async def test_what_waits_waits_for_a_successor(client, both):
    """Who gives has died and is started again: the question is still there."""
    reader, writer = client
    writer.write(query("AXFR", 7))
    await asyncio.sleep(0.05)
    giver = Giver(both[1])
    _, given = await giver.next()
    given.write(frame(b"\0\7"))
    given.close()
    giver.end()
    assert await read_id(reader) == 7


async def test_nobody_waits_for_ever_for_who_gives_nothing(client, giver):
    reader, writer = client
    writer.write(query("AXFR", 7))
    _, given = await giver.next()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    given.close()


async def test_where_too_many_wait_it_is_a_failure(client, both):
    reader, writer = client
    waiting = []
    while (end := both[0].send(Request(bytes(60_000), bytes(4)))) is not None:
        waiting.append(end)
    assert len(waiting) > 10
    writer.write(query("AXFR", 7))
    reply = await reader.readexactly(14)
    assert reply[2:4] == (7).to_bytes(2, "big")
    assert reply[5] & 0x0F == Rcode.SERVFAIL
    for each in waiting:
        each.close()
