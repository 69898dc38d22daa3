"""Who is let in, and what becomes of connections on which nothing good happens."""

import asyncio
import socket
import struct

import pytest

from domicile.model.records import Residence, ResidenceState
from domicile.proxy.front import _name_client

HOST = "hello.ada.apps.test"
GET = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


async def connect(front):
    return await asyncio.open_connection("127.0.0.1", front[1])


async def test_one_client_has_so_many_connections_and_no_more(front, ask, tally):
    front[0].most_of_one_client = 2
    kept = [await connect(front) for _ in range(2)]
    while len(front[0].tasks) < 2:
        await asyncio.sleep(0.01)
    reader, writer = await connect(front)
    assert (await reader.read()).startswith(b"HTTP/1.1 429")
    assert tally.of("connections_turned_away") == 1
    kept[0][1].close()
    while len(front[0].tasks) == 2:
        await asyncio.sleep(0.01)
    assert (await ask(b"GET / HTTP/2.0\r\n\r\n")).startswith(b"HTTP/1.1 505")
    kept[1][1].close()
    writer.close()


async def test_clients_leave_descriptors_for_what_they_ask_for(
    front, tally, monkeypatch
):
    """Else whoever is connected could not be served: an app's connection is one more."""
    monkeypatch.setattr("domicile.proxy.front._most_connections", lambda: 1)
    _, kept = await connect(front)
    while not front[0].tasks:
        await asyncio.sleep(0.01)
    reader, writer = await connect(front)
    assert (await reader.read()).startswith(b"HTTP/1.1 503")
    assert tally.of("connections_turned_away") == 1
    kept.close()
    writer.close()


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_client_of_ipv6_is_its_whole_network(address, client):
    assert _name_client(address) == client


async def test_a_head_that_comes_too_slowly_is_told_so(front, wait):
    """The time is for all of it, however often a byte comes."""
    wait(head=0.4)
    reader, writer = await connect(front)
    answer = asyncio.create_task(reader.read())
    for byte in GET[:-1]:
        if answer.done():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
    else:
        pytest.fail("all of it was waited for")
    assert (await answer).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_a_connection_on_which_nothing_comes_is_closed(front, wait):
    wait(idle=0.1)
    reader, writer = await connect(front)
    assert await reader.read() == b""
    writer.close()


@pytest.fixture
async def patient(records, upstream, wait):
    """An app that says nothing until its connection ends, which it tells."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def converse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        ended.set()

    records.live(await upstream(converse))
    wait(answer=20.0)
    return asked, ended


@pytest.mark.parametrize("reset", [True, False])
async def test_a_client_that_goes_away_takes_its_request_along(
    front, patient, tally, wait, reset
):
    wait(half_closed=20.0 if reset else 0.1)
    asked, ended = patient
    _, writer = await connect(front)
    writer.write(GET)
    await asked.wait()
    if reset:
        bound = writer.get_extra_info("socket")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
    await asyncio.wait_for(ended.wait(), 10)
    while not tally.of("requests", "left"):
        await asyncio.sleep(0.01)


async def test_a_client_that_only_ends_its_sending_gets_its_answer(
    front, records, upstream
):
    async def answer_later(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    records.live(await upstream(answer_later))
    reader, writer = await connect(front)
    writer.write(GET)
    writer.write_eof()
    assert (await reader.read()).startswith(b"HTTP/1.1 204")
    writer.close()


async def test_a_client_that_goes_away_leaves_the_waiting_room(
    front, records, tally, wait
):
    wait(half_closed=0.1)
    held = ResidenceState.HELD
    records.put(Residence("a" * 26, "amber", 1, held, hosts=(HOST,)))
    _, writer = await connect(front)
    writer.write(GET)
    while tally.of("holds_waiting") != 1:
        await asyncio.sleep(0.01)
    writer.transport.abort()
    while front[0].around.room.waiting:
        await asyncio.sleep(0.01)
    assert tally.of("holds", "moving") == tally.of("requests", "left") == 1


async def test_a_client_that_does_not_read_is_let_go(front, records, upstream, wait):
    cut = asyncio.Event()

    async def pour(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        try:
            while True:
                writer.write(bytes(1 << 20))
                await writer.drain()
        except ConnectionError:
            cut.set()

    records.live(await upstream(pour))
    wait(stall=0.3)
    _, writer = await connect(front)
    writer.transport.pause_reading()
    writer.write(GET)
    await asyncio.wait_for(cut.wait(), 20)
    writer.transport.abort()
