"""What joins gets a range; what does not, a snapshot."""

from types import SimpleNamespace

import pytest
from sqlalchemy import delete, update

from domicile.model.changes import CHAIN_SIZE, NO_CHAIN
from domicile.model.feed import Ask
from domicile.model.records import Owner, Residence, decode
from domicile.model.zone_records import Zone
from domicile.store.history import piece_for
from domicile.store.schema import changes
from domicile.store.transaction import Head

ALL = ("zone", "owner", "residence")


@pytest.fixture
async def heads(store):
    """A history of six changes; the head after each, the first of all at 0."""
    heads = [await store.head()]

    async def write(record):
        async with store.transaction() as tx:
            await tx.put(record)
        heads.append(await store.head())

    await write(Zone("apps.test", {}))
    await write(Owner("ada", "apps.test", "free"))
    await write(Residence("a", "amber", 1, "here"))
    await write(Residence("b", "birch", 1, "here"))
    async with store.transaction() as tx:
        await tx.delete(Residence, "amber/a")
    heads.append(await store.head())
    await write(Owner("ada", "apps.test", "pro"))
    return heads


NOTHING = Head(0, NO_CHAIN)


async def ask(store, after=NOTHING, kinds=ALL, cluster="amber"):
    question = Ask("f", kinds, after.serial, after.chain, cluster)
    async with store.reading() as reading:
        return await whole(await piece_for(reading, question))


async def whole(piece):
    """A piece with all its changes, and not page by page."""
    changes = [change async for page in piece.pages for change in page]
    return SimpleNamespace(begin=piece.begin, changes=changes)


def keys(piece):
    return [(c.serial, c.key, c.value is None) for c in piece.changes]


async def test_a_range_holds_what_came_after(store, heads):
    piece = await ask(store, heads[2])
    assert not piece.begin.snapshot
    assert (piece.begin.after, piece.begin.up_to) == (2, 6)
    assert piece.begin.chain == heads[6].chain
    assert keys(piece) == [
        (3, "amber/a", False),
        (5, "amber/a", True),
        (6, "ada", False),
    ]


@pytest.mark.usefixtures("heads")
async def test_a_newcomer_gets_all_of_a_history_that_is_whole(store):
    piece = await ask(store)
    assert not piece.begin.snapshot
    assert [serial for serial, *_ in keys(piece)] == [1, 2, 3, 5, 6]


@pytest.mark.parametrize("after", range(7))
async def test_any_point_of_the_history_joins(store, heads, after):
    piece = await ask(store, heads[after], kinds=("owner",))
    assert not piece.begin.snapshot
    assert (piece.begin.after, piece.begin.up_to) == (after, 6)
    assert [c.serial for c in piece.changes] == [s for s in (2, 6) if s > after]


async def test_what_is_at_the_head_gets_an_empty_range(store, heads):
    piece = await ask(store, heads[6])
    assert (piece.begin.after, piece.begin.up_to, piece.changes) == (6, 6, [])
    assert piece.begin.chain == heads[6].chain


@pytest.mark.usefixtures("heads")
@pytest.mark.parametrize(
    ("cluster", "expected"),
    [("amber", ["amber/a", "amber/a"]), ("birch", ["birch/b"]), ("", [])],
)
async def test_a_follower_gets_no_other_clusters_records(store, cluster, expected):
    piece = await ask(store, kinds=("residence",), cluster=cluster)
    assert [c.key for c in piece.changes] == expected
    assert piece.begin.up_to == 6


@pytest.mark.parametrize("after", [0, 1, 5, 6, 7, 2**70, -1])
async def test_another_history_gets_a_snapshot(store, heads, after):
    piece = await ask(store, Head(after, b"?" * CHAIN_SIZE))
    assert piece.begin.snapshot
    assert (piece.begin.up_to, piece.begin.chain) == heads[6]
    assert [decode(c.kind, c.value) for c in piece.changes] == [
        Zone("apps.test", {}),
        Owner("ada", "apps.test", "pro"),
    ]


@pytest.mark.usefixtures("heads")
async def test_a_snapshot_is_filtered_like_a_range(store):
    piece = await ask(store, Head(9, NO_CHAIN), kinds=("residence",), cluster="birch")
    assert keys(piece) == [(4, "birch/b", False)]


async def test_a_follower_ahead_of_a_restored_store_gets_a_snapshot(store, heads):
    piece = await ask(store, Head(7, heads[6].chain))
    assert piece.begin.snapshot


async def test_rewritten_history_is_noticed(store, heads):
    async with store.transaction() as tx:
        rewritten = update(changes).where(changes.c.serial == 3)
        await tx.execute(rewritten.values(chain=b"!" * CHAIN_SIZE))
    assert (await ask(store, heads[3])).begin.snapshot
    assert not (await ask(store, heads[4])).begin.snapshot


@pytest.mark.parametrize(("after", "snapshot"), [(0, 1), (1, 1), (2, 1), (4, 0)])
async def test_what_begins_before_compacted_history_gets_a_snapshot(
    store, heads, after, snapshot
):
    async with store.transaction() as tx:
        await tx.execute(delete(changes).where(changes.c.serial <= 3))
    assert (await ask(store, heads[after])).begin.snapshot == bool(snapshot)


@pytest.mark.usefixtures("heads")
async def test_a_snapshot_is_of_its_serial_whatever_is_written_meanwhile(store):
    async with store.reading() as reading:
        await reading.head()
        async with store.transaction() as tx:
            await tx.put(Owner("bob", "apps.test", "pro"))
        question = Ask("f", ALL, 0, b"?" * CHAIN_SIZE)
        piece = await whole(await piece_for(reading, question))
    assert piece.begin.up_to == 6
    assert [c.key for c in piece.changes if c.kind == "owner"] == ["ada"]


@pytest.fixture
def _pages_of_two(monkeypatch):
    monkeypatch.setattr("domicile.store.history.PAGE", 2)


@pytest.mark.usefixtures("_pages_of_two")
@pytest.mark.parametrize("after", range(7))
async def test_pages_are_the_whole_in_its_order(store, heads, after):
    for kinds in (("owner",), ALL):
        ranged = await ask(store, heads[after], kinds)
        serials = [each.serial for each in ranged.changes]
        concerned = {2, 6} if kinds != ALL else {1, 2, 3, 5, 6}
        assert serials == sorted(each for each in concerned if each > after)
    snapshot = await ask(store, Head(9, NO_CHAIN))
    assert keys(snapshot) == [(1, "apps.test", False), (6, "ada", False)]
