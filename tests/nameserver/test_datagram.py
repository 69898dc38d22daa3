"""Queries over UDP, asked by dnspython."""

import asyncio

import dns.asyncquery
import dns.flags
import dns.message
import pytest

from domicile.dns.rdata import Rcode
from domicile.nameserver.datagram import BATCH, Datagrams


@pytest.fixture
async def port(udp, replies):
    datagrams = Datagrams(udp, replies)
    loop = asyncio.get_running_loop()
    datagrams.start(loop)
    yield udp.getsockname()[1]
    datagrams.stop(loop)


def ask(port, name, **edns):
    query = dns.message.make_query(name, "A", **edns)
    return dns.asyncquery.udp(query, "127.0.0.1", timeout=30, port=port)


async def test_a_question_is_answered(port):
    reply = await ask(port, "Hello.Ada.apps.test")
    assert str(reply.answer[0][0]) == "127.0.0.11"
    assert (await ask(port, "eve.apps.test")).rcode() == Rcode.NXDOMAIN


async def test_a_long_answer_is_truncated(port):
    assert (await ask(port, "apps.test", use_edns=0)).flags & dns.flags.TC


async def test_more_than_one_batch_and_rubbish_between_are_answered(port):
    """What a batch leaves, the next wake of the loop takes."""
    loop = asyncio.get_running_loop()
    replies = asyncio.Queue()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            replies.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(
        Client, remote_addr=("127.0.0.1", port)
    )
    query = dns.message.make_query("hello.ada.apps.test", "A")
    for number in range(BATCH + 10):
        transport.sendto(b"rubbish")
        query.id = number
        transport.sendto(query.to_wire())
    received = [await replies.get() for _ in range(BATCH + 10)]
    transport.close()
    assert sorted(int.from_bytes(each[:2], "big") for each in received) == list(
        range(BATCH + 10)
    )
