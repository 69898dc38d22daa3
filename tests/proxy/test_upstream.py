"""Connections that are kept for the next request, and those that are not."""

import asyncio
import socket

import pytest

from domicile.proxy.patience import Patience
from domicile.proxy.upstream import FRESH_SECONDS, Place, Pool

APP = "a" * 26


@pytest.fixture
async def pool():
    pool = Pool(Patience(connect=0.3))
    yield pool
    pool.close()
    await asyncio.sleep(0)


@pytest.fixture
async def place(upstream):
    """An app that says nothing, `said` apart, and ends when it is asked to."""
    writers = []

    async def converse(reader, writer):
        writers.append(writer)
        await reader.read()

    place = Place(APP, 1, "127.0.0.1", await upstream(converse))
    return place, writers


async def test_the_newest_is_taken_first_and_only_for_its_own_place(pool, place):
    place, _ = place
    first, second = await pool.connect(place), await pool.connect(place)
    pool.give_back(place, first)
    pool.give_back(place, second)
    moved = Place(APP, 2, place.address, place.port)
    assert pool.take(moved) is None
    assert [pool.take(place) for _ in range(3)] == [second, first, None]
    first.abort()
    second.abort()


async def test_what_was_idle_for_long_is_kept_for_those_who_can_ask_again(pool, place):
    place, _ = place
    wire = await pool.connect(place)
    pool.give_back(place, wire)
    wire.idle_since -= 2 * FRESH_SECONDS
    assert pool.take(place, FRESH_SECONDS) is None
    assert pool.take(place) is wire
    wire.abort()


@pytest.mark.parametrize("say", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b""])
async def test_what_was_ended_or_said_something_unasked_is_not_taken(pool, place, say):
    place, writers = place
    wire = await pool.connect(place)
    pool.give_back(place, wire)
    while not writers:
        await asyncio.sleep(0.01)
    if say:
        writers[0].write(say)
        while not wire.buffer:
            await asyncio.sleep(0.01)
    else:
        writers[0].close()
        while not wire.ended:
            await asyncio.sleep(0.01)
    assert pool.take(place) is None
    assert wire.transport.is_closing()


async def test_what_nobody_needs_is_swept(pool, place):
    place, _ = place
    old, new = await pool.connect(place), await pool.connect(place)
    pool.give_back(place, old)
    pool.give_back(place, new)
    old.idle_since -= 31
    pool.sweep()
    assert old.transport.is_closing()
    assert pool.take(place) is new
    assert pool.take(place) is None
    new.abort()


async def test_a_link_waits_for_its_certificate_but_not_for_ever(pool):
    with pytest.raises(TimeoutError):
        await pool.connect(Place("", 0, "127.0.0.1", 1, "birch"))


async def test_who_does_not_take_the_connection_is_not_waited_for(pool):
    """A listener whose queue is full, as that of a machine that is overrun."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        place = Place(APP, 1, "127.0.0.1", listener.getsockname()[1])
        made = [await pool.connect(place)]
        with pytest.raises(TimeoutError):
            await pool.connect(place)
        for wire in made:
            wire.abort()
