"""Batches of datagrams, by both twins."""

import socket

import pytest
from uncompiled import in_python

from domicile.dns.budget import prefix_of
from domicile.nameserver import mmsg

SIZE = 8


@pytest.fixture(params=[mmsg, in_python(mmsg)], ids=["imported", "python"])
def twin(request):
    return request.param


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request):
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as bound:
        bound.setblocking(False)
        bound.bind((request.param, 0))
        yield bound


@pytest.fixture
def clients(server):
    opened = [socket.socket(server.family, socket.SOCK_DGRAM) for _ in range(3)]
    for each in opened:
        each.settimeout(5)
        each.connect(server.getsockname()[:2])
    yield opened
    for each in opened:
        each.close()


def test_each_is_replied_to_who_sent_it(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    for number, client in enumerate(clients):
        client.send(b"question %d" % number)
    assert batch.receive() == len(clients)
    for place in range(len(clients)):
        batch.reply(place, b"answer to " + batch.packet(place))
    batch.send()
    for number, client in enumerate(clients):
        assert client.recv(100) == b"answer to question %d" % number
    assert batch.receive() == 0


def test_what_gets_no_reply_gets_none_and_a_reply_is_sent_once(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    for answered in (0, 1):
        for client in clients[:2]:
            client.send(b"question")
        assert batch.receive() == 2
        batch.reply(answered, b"answer %d" % answered)
        batch.send()
        assert clients[answered].recv(100) == b"answer %d" % answered
    for client in clients:
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)


def test_a_batch_takes_no_more_than_its_size_and_any_length(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    sizes = [0, 1, 65000, *range(12, 18)]
    for size in sizes:
        clients[0].send(bytes(size))
    found = []
    while taken := batch.receive():
        assert taken <= SIZE
        found += [len(batch.packet(place)) for place in range(taken)]
    assert found == sizes


def test_there_is_nothing_beyond_what_was_taken(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    clients[0].send(b"question")
    assert batch.receive() == 1
    with pytest.raises(IndexError):
        batch.packet(1)


def test_who_is_gone_is_no_hindrance_to_others(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    gone, stays, _ = clients
    gone.send(b"question")
    stays.send(b"question")
    assert batch.receive() == 2
    gone.close()
    batch.reply(0, b"for nobody")
    batch.reply(1, b"answer")
    batch.send()
    assert stays.recv(100) == b"answer"
    stays.send(b"question")
    # The first time it may be the ICMP error of what went to nobody.
    assert batch.receive() or batch.receive()
    batch.reply(0, b"answer")
    batch.send()
    assert stays.recv(100) == b"answer"


def test_networks_are_numbered_as_budgets_are(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    clients[0].send(b"query")
    assert batch.receive() == 1
    assert batch.prefix(0) == prefix_of(batch.address(0))


def test_who_sent_it_can_be_replied_to_later(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    clients[0].send(b"question")
    assert batch.receive() == 1
    peer = batch.peer(0)
    assert peer == clients[0].getsockname()
    batch.send()
    server.sendto(b"answer", peer)
    assert clients[0].recv(100) == b"answer"
    with pytest.raises(IndexError):
        batch.peer(1)


@pytest.mark.parametrize("pointer", [0, 0xC123])
def test_a_packet_is_rewritten_about_its_question(twin, server, clients, pointer):
    batch = twin.Batch(server, SIZE)
    clients[0].send(b"idhhhhhhhhhhquestion and more")
    clients[1].send(b"question")
    assert batch.receive() == 2
    batch.rewrite(0, b"HEADHEADHE and an answer", 20, pointer)
    batch.reply(1, b"answer")
    batch.send()
    pointed = pointer.to_bytes(2, "big") if pointer else b""
    expected = b"idHEADHEADHEquestion" + pointed + b" and an answer"
    assert clients[0].recv(100) == expected
    assert clients[1].recv(100) == b"answer"
    # It is of that datagram, and of none that comes later.
    clients[2].send(b"idhhhhhhhhhhquestion")
    assert batch.receive() == 1
    batch.send()
    clients[2].setblocking(False)
    with pytest.raises(BlockingIOError):
        clients[2].recv(100)
    with pytest.raises(IndexError):
        batch.rewrite(1, bytes(20), 12, 0)


def test_what_was_not_sent_is_for_nobody_who_asks_later(twin, server, clients):
    batch = twin.Batch(server, SIZE)
    clients[0].send(b"question")
    assert batch.receive() == 1
    batch.reply(0, b"answer")
    clients[1].send(b"another")
    assert batch.receive() == 1
    batch.send()
    for client in clients:
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)
