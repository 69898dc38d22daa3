"""Queries over TCP: pipelined, cut anywhere, and connections that must go."""

import asyncio
import socket
from contextlib import contextmanager

import dns.asyncquery
import dns.edns
import dns.message
import pytest
from stream_client import (
    EOF,
    connect,
    end,
    query,
    read_end,
    read_ids,
    read_message,
    read_reply,
    service,
)

from domicile.dns.responder import Server
from domicile.dns.stream import frame
from domicile.nameserver.connection import BATCH, MOST_OWED, MOST_UNTAKEN, Service
from domicile.nameserver.connections import Connections, Limits
from domicile.nameserver.replies import Own, Replies


async def test_an_answer_too_long_for_udp_comes_whole(serve, replies):
    port = await serve(service(replies))
    asked = dns.message.make_query("apps.test", "A")
    reply = await dns.asyncquery.tcp(asked, "127.0.0.1", timeout=30, port=port)
    assert len(reply.answer[0]) == 100


async def test_pipelined_queries_are_answered_in_order(serve, replies):
    reader, writer = await connect(await serve(service(replies)))
    writer.write(b"".join(query(number) for number in range(300)))
    assert await read_ids(reader, 300) == list(range(300))
    await end(writer)


class CountedReplies(Replies):
    """Remembers how many messages each batch answered."""

    def __init__(self, replica):
        super().__init__(replica)
        self.sizes = []

    @contextmanager
    def batch(self):
        at = len(self.sizes)
        self.sizes.append(0)
        with super().batch() as reply:

            def counted(message, client):
                self.sizes[at] += 1
                return reply(message, client)

            yield counted


async def test_a_burst_is_answered_in_turns(serve, replica):
    """However many one client pipelines, the loop is held for a batch at most."""
    replies = CountedReplies(replica)
    reader, writer = await connect(await serve(service(replies)))
    writer.write(b"".join(query(number) for number in range(1000)))
    writer.write_eof()
    assert await read_ids(reader, 1000) == list(range(1000))
    assert await reader.read() == EOF
    assert sum(replies.sizes) == 1000
    assert max(replies.sizes) == BATCH
    await end(writer)


async def test_a_message_that_has_begun_comes_to_its_end_or_is_cut(
    serve, replies, monkeypatch
):
    """However long a connection may be idle, and however each octet renews it."""
    monkeypatch.setattr("domicile.nameserver.connection.MESSAGE", 0.2)
    reader, writer = await connect(await serve(service(replies, idle=60.0)))
    writer.write(query(1) + query(2)[:7])
    assert await read_ids(reader, 1) == [1]
    for octet in query(2)[7:12]:
        writer.write(bytes([octet]))
        await asyncio.sleep(0.02)
    assert await read_end(reader) == EOF
    await end(writer)


async def test_who_is_between_messages_may_be_idle(serve, replies, monkeypatch):
    monkeypatch.setattr("domicile.nameserver.connection.MESSAGE", 0.05)
    reader, writer = await connect(await serve(service(replies, idle=60.0)))
    for number in range(3):
        writer.write(query(number)[:9])
        await asyncio.sleep(0.01)
        writer.write(query(number)[9:])
        assert await read_ids(reader, 1) == [number]
        await asyncio.sleep(0.1)
    await end(writer)


async def test_who_reads_late_gets_every_answer(serve, replies):
    """Answering stalls and goes on; nothing is lost and nothing is out of order."""
    served = service(replies)
    port = await serve(served)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=client)
    writer.transport.pause_reading()
    writer.write(b"".join(query(number, "apps.test") for number in range(5000)))
    while not any(each.stalled for each in served.connections):
        await asyncio.sleep(0.01)
    writer.transport.resume_reading()
    assert await read_ids(reader, 5000) == list(range(5000))
    await end(writer)


async def test_a_query_in_single_octets_is_answered(serve, replies):
    reader, writer = await connect(await serve(service(replies)))
    for octet in query():
        writer.write(bytes((octet,)))
        await writer.drain()
        await asyncio.sleep(0)
    assert (await read_reply(reader)).answer
    await end(writer)


async def test_rubbish_gets_silence_and_the_next_query_its_answer(serve, replies):
    reader, writer = await connect(await serve(service(replies)))
    writer.write(frame(b"") + frame(b"rubbish") + query(9))
    assert (await read_reply(reader)).id == 9
    await end(writer)


async def test_who_closes_its_side_still_gets_the_answer(serve, replies):
    reader, writer = await connect(await serve(service(replies)))
    writer.write(query(5))
    writer.write_eof()
    assert (await read_reply(reader)).id == 5
    assert await reader.read() == EOF
    await end(writer)


@pytest.mark.parametrize("sent", [b"", b"\0", query()[:-1]])
async def test_a_connection_without_a_whole_query_is_cut(serve, replies, sent):
    served = service(replies, idle=0.05)
    reader, writer = await connect(await serve(served))
    writer.write(sent)
    assert await read_end(reader) == EOF
    await end(writer)
    assert len(served.connections) == 0


async def test_single_octets_are_no_sign_of_life(serve, replies):
    """Who sends an octet now and then, and never a whole query, is cut as well."""
    reader, writer = await connect(await serve(service(replies, idle=0.1)))
    ended = asyncio.create_task(read_end(reader))
    writer.write(b"\xff\xff")
    while not ended.done():
        writer.write(b"x")
        await asyncio.sleep(0.01)
    assert ended.result() == EOF
    await end(writer)


async def test_who_does_not_read_is_cut(serve, replies):
    """Answers that nobody reads fill the buffers, and then the idle time ends it."""
    served = service(replies, idle=0.2)
    _, writer = await connect(await serve(served))
    writer.transport.pause_reading()
    burst = query(name="apps.test") * 1000
    try:
        while True:
            writer.write(burst)
            await writer.drain()
    except ConnectionError:
        pass
    await end(writer)
    assert len(served.connections) == 0


async def test_a_peer_has_no_more_than_its_share(serve, replies):
    port = await serve(service(replies, most_of_one_peer=1))
    first_reader, first = await connect(port)
    first.write(query(1))
    await read_reply(first_reader)
    second_reader, second = await connect(port)
    assert await read_end(second_reader) == EOF
    first.write(query(2))
    assert (await read_reply(first_reader)).id == 2
    await end(first, second)


async def test_the_share_is_given_back(serve, replies):
    served = service(replies, most_of_one_peer=1)
    port = await serve(served)
    for number in range(3):
        reader, writer = await connect(port)
        writer.write(query(number))
        writer.write_eof()
        assert (await read_reply(reader)).id == number
        assert await reader.read() == EOF
        await end(writer)


async def test_when_full_the_one_idle_longest_goes(serve, replies):
    port = await serve(service(replies, most=2))
    busy, old = await connect(port), await connect(port)
    for reader, writer in (old, busy):
        writer.write(query())
        await read_reply(reader)
    new = await connect(port)
    assert await read_end(old[0]) == EOF
    for reader, writer in (busy, new):
        writer.write(query(3))
        assert (await read_reply(reader)).id == 3
    await end(old[1], busy[1], new[1])


async def test_who_pipelines_without_reading_has_little_kept_for_him(serve, replies):
    """Neither answers nor questions pile up: the kernel's buffers fill, then it waits."""
    served = service(replies)
    _, writer = await connect(await serve(served))
    writer.transport.pause_reading()
    burst = query(name="apps.test") * 1000
    for _ in range(100):
        writer.write(burst)
    while not any(each.stalled for each in served.connections):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    (connection,) = served.connections
    # An answer has some 1,700 octets, and what uvloop reads at once 256 KiB at most.
    assert connection._transport.get_write_buffer_size() < 2 * MOST_UNTAKEN + 2000
    assert len(connection._deframer._buffer) < 256 * 1024 + 65537
    await end(writer)


async def test_the_time_that_one_may_be_idle_is_told(serve, replica):
    """RFC 7828: in tenths of a second."""
    replies = Replies(replica, own=Own(identity=Server(keepalive=100)))
    port = await serve(service(replies))
    asked = dns.message.make_query("hello.ada.apps.test", "A")
    asked.use_edns(options=[dns.edns.GenericOption(11, b"")])
    reply = await dns.asyncquery.tcp(asked, "127.0.0.1", timeout=30, port=port)
    assert [each.to_wire() for each in reply.options] == [b"\x00\x64"]


class NoAnswers:
    """Takes updates, and never has a reply."""

    def __init__(self):
        self.taken = 0

    def take(self, packet, client, send):
        self.taken += 1


async def test_updates_without_replies_are_neither_piled_up_nor_waited_for_long(
    serve, replies, update
):
    updates = NoAnswers()
    served = Service(Connections(Limits(idle=0.05)), replies, updates=updates)
    reader, writer = await connect(await serve(served))
    writer.write(frame(update.to_wire()) * 200)
    assert await read_end(reader) == EOF
    await end(writer)
    assert updates.taken == MOST_OWED
    assert len(served.connections) == 0


async def test_an_update_is_answered_when_it_is_done_and_queries_before(
    serve, replies, updates, directory, update
):
    """RFC 7766 6.2.1.1; and a client that has said all it has to say waits for it."""
    directory.may_answer.clear()
    limits = Connections(Limits(idle=0.2))
    port = await serve(Service(limits, replies, updates=updates))
    reader, writer = await connect(port)
    wire = update.to_wire()
    writer.write(frame(wire) + query(7))
    writer.write_eof()
    assert await read_ids(reader, 1) == [7]
    await asyncio.sleep(0.3)
    directory.may_answer.set()
    octets = await read_message(reader)
    assert dns.message.from_wire(octets, update.keyring, update.mac).had_tsig
    assert await read_end(reader) == EOF
    writer.close()
