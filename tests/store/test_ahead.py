"""What is read ahead, and what becomes of who does not take it."""

import asyncio

import pytest

from domicile.store.ahead import NotTaken, read_ahead


class Source:
    """Counts how far it was read, and tells whether it was closed."""

    def __init__(self, pieces):
        self.read = 0
        self.closed = asyncio.Event()
        self._pieces = pieces

    async def __call__(self):
        try:
            for number in range(self._pieces):
                self.read += 1
                yield b"%d" % number
        finally:
            self.closed.set()


async def exhaust(pieces):
    return [piece async for piece in pieces]


async def test_all_comes_in_its_order():
    source = Source(100)
    assert await exhaust(read_ahead(source(), 10)) == [
        b"%d" % number for number in range(100)
    ]
    assert source.closed.is_set()


async def test_who_takes_nothing_holds_nothing_open():
    source = Source(1000)
    pieces = read_ahead(source(), 0.01)
    await anext(pieces)
    await asyncio.wait_for(source.closed.wait(), 10)
    assert source.read < 20
    with pytest.raises(NotTaken):
        await exhaust(pieces)


async def test_a_source_that_fails_is_no_end():
    async def source():
        yield b"one"
        raise ValueError("broken")

    pieces = read_ahead(source(), 10)
    assert await anext(pieces) == b"one"
    with pytest.raises(ValueError, match="broken"):
        await anext(pieces)


async def test_who_leaves_closes_the_source():
    source = Source(1000)
    pieces = read_ahead(source(), 10)
    await anext(pieces)
    await pieces.aclose()
    assert source.closed.is_set()
