"""A store that was filled at once is what it would be, had all been written one by one."""

import pytest
from sqlalchemy import select

from domicile.bench.records import of_a_directory
from domicile.bench.stores import fill
from domicile.model.changes import NO_CHAIN
from domicile.model.feed import Ask
from domicile.model.records import Cluster
from domicile.store.history import begin_for, piece_for
from domicile.store.schema import digests
from domicile.store.store import Store

LAST = Cluster("birch", ("127.0.0.12",), ())
KINDS = ("zone", "owner", "app", "placement", "cluster")


@pytest.fixture
async def filled(tmp_path):
    store = await Store.open(tmp_path / "filled.db")
    await fill(store, of_a_directory(50), LAST)
    yield store
    await store.close()


@pytest.fixture
async def written(tmp_path):
    store = await Store.open(tmp_path / "written.db")
    for record in (*of_a_directory(50), LAST):
        async with store.transaction() as tx:
            await tx.put(record)
    yield store
    await store.close()


async def contents(store):
    async with store.reading() as reading:
        piece = await piece_for(reading, Ask("me", KINDS, after=10**9))
        assert piece.begin.snapshot
        records = [
            (each.serial, each.kind, each.key, each.scope, each.value)
            async for page in piece.pages
            for each in page
        ]
        sums = (await reading.execute(select(digests))).all()
        return records, sorted(map(tuple, sums))


async def test_it_holds_the_same_with_the_same_digests(filled, written):
    assert await contents(filled) == await contents(written)


async def test_who_has_nothing_gets_a_snapshot_and_then_changes(filled):
    async with filled.reading() as reading:
        first = await begin_for(reading, Ask("me", KINDS, after=0, chain=NO_CHAIN))
        assert first.snapshot
    async with filled.transaction() as tx:
        await tx.put(Cluster("cedar", ("127.0.0.13",), ()))
    async with filled.reading() as reading:
        ask = Ask("me", KINDS, after=first.up_to, chain=first.chain)
        begin = await begin_for(reading, ask)
    assert (begin.snapshot, begin.up_to) == (False, first.up_to + 1)
