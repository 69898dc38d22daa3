"""Queries over UDP, asked by dnspython."""

import asyncio
import socket

import dns.asyncquery
import dns.flags
import dns.message
import dns.update
import pytest

from domicile.dns.rdata import Rcode
from domicile.nameserver import datagram
from domicile.nameserver.datagram import BATCH, CROWD, Datagrams


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


@pytest.mark.parametrize("waiting", [1, CROWD - 1, CROWD, BATCH])
async def test_a_crowd_is_waited_for_and_nobody_else(port, monkeypatch, waiting):
    """What comes meanwhile is answered, too, and is not waited for once more."""
    query = dns.message.make_query("hello.ada.apps.test", "A").to_wire()
    late = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(0)

        def sleep(_seconds):
            nonlocal late
            late += 1
            client.send(query)

        monkeypatch.setattr(datagram, "sleep", sleep)
        for _ in range(waiting):
            client.send(query)
        await asyncio.sleep(0.1)
        assert late == (CROWD <= waiting < BATCH)
        replies = [client.recv(512) for _ in range(waiting + late)]
        assert all(each[7] == 1 for each in replies)


@pytest.fixture
async def updated_port(udp, replies, updates):
    datagrams = Datagrams(udp, replies, updates=updates)
    loop = asyncio.get_running_loop()
    datagrams.start(loop)
    yield udp.getsockname()[1]
    datagrams.stop(loop)


async def test_an_update_is_answered_when_it_is_done_and_queries_meanwhile(
    updated_port, directory, update
):
    directory.may_answer.clear()
    sending = dns.asyncquery.udp(update, "127.0.0.1", timeout=30, port=updated_port)
    sent = asyncio.create_task(sending)
    while not directory.brought:
        await asyncio.sleep(0)
    assert (await ask(updated_port, "hello.ada.apps.test")).answer
    assert not sent.done()
    directory.may_answer.set()
    reply = await sent
    assert (reply.rcode(), reply.had_tsig) == (Rcode.NOERROR, True)


async def test_a_server_without_a_directory_implements_no_updates(port):
    unsigned = dns.update.UpdateMessage("apps.test")
    reply = await dns.asyncquery.udp(unsigned, "127.0.0.1", timeout=30, port=port)
    assert reply.rcode() == Rcode.NOTIMP
