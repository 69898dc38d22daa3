"""A connection's two directions, over real sockets."""

import asyncio
import socket

import pytest

from domicile.http.body import start_body
from domicile.http.head import Framing, parse_request_head
from domicile.proxy.wire import Stalled, Wire


@pytest.fixture
async def pair():
    """Make a wire with a blocking socket at its other end."""
    opened = []

    async def make(**more):
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        ours.setblocking(False)
        theirs.setblocking(False)
        _, wire = await loop.create_connection(lambda: Wire(**more), sock=ours)
        opened.extend((wire, theirs))
        return wire, theirs

    yield make
    for wire, theirs in zip(opened[::2], opened[1::2], strict=True):
        wire.abort()
        theirs.close()
    await asyncio.sleep(0)


async def test_who_reads_slowly_is_waited_for_and_who_reads_nothing_is_not(pair):
    """Each pause is short, all of them together are longer than the patience."""
    wire, theirs = await pair(stall=0.4)
    size = 8 << 20
    read = 0
    writing = asyncio.create_task(wire.write((bytes(size),)))
    while read < size // 2:
        read += len(await asyncio.get_running_loop().sock_recv(theirs, 1 << 18))
        await asyncio.sleep(0.1)
    assert not writing.done()
    with pytest.raises(Stalled):
        await writing


async def test_silence_is_told_from_an_end(pair):
    wire, theirs = await pair()
    with pytest.raises(Stalled):
        await wire.fill(0.05)
    theirs.send(b"x")
    assert await wire.fill(5)
    theirs.shutdown(socket.SHUT_WR)
    assert not await wire.fill(5)
    assert not wire.lost


async def test_what_is_not_taken_is_not_read_on(pair):
    wire, theirs = await pair()
    size = 8 << 20
    sending = asyncio.create_task(
        asyncio.get_running_loop().sock_sendall(theirs, bytes(size))
    )
    while await wire.fill(5) and len(wire.buffer) <= 128 * 1024:
        pass
    with pytest.raises(Stalled):
        await wire.fill(0.3)
    assert len(wire.buffer) < size // 8
    taken = len(wire.take())
    while taken < size:
        await wire.fill(5)
        taken += len(wire.take())
    await sending


async def test_a_head_that_stays_half_is_none(pair):
    wire, theirs = await pair()
    theirs.send(b"GET / HTTP/1.1\r\nHo")
    theirs.shutdown(socket.SHUT_WR)
    assert await wire.read_head(parse_request_head, 5) is None


async def test_what_follows_a_body_stays(pair):
    wire, theirs = await pair()
    theirs.send(b"bodynext")
    body = start_body(Framing.LENGTH, 4)
    pieces = [bytes(p) async for part in wire.read_body(body, 5) for p in part]
    assert (b"".join(pieces), wire.buffer) == (b"body", b"next")


async def test_a_lost_connection_ends_every_wait_and_is_told_once(pair):
    told = []
    wire, theirs = await pair()
    wire.on_lost = lambda: told.append("lost")
    writing = asyncio.create_task(wire.write((bytes(8 << 20),)))
    filling = asyncio.create_task(wire.fill(20))
    await asyncio.sleep(0)
    theirs.close()
    with pytest.raises(ConnectionResetError):
        await writing
    assert not await filling
    assert told == ["lost"]
    with pytest.raises(ConnectionResetError):
        await wire.write((b"more",))
