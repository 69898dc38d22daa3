"""Records, their changes, and who may replace what."""

import pytest
from sqlalchemy import select

from domicile.model.changes import NO_CHAIN, Change, next_chain
from domicile.model.records import (
    App,
    AppState,
    Endpoint,
    EndpointState,
    Owner,
    Placement,
    Residence,
    app_key,
    name_key,
)
from domicile.store.schema import changes
from domicile.store.transaction import StaleGeneration

ADA = Owner("ada", "apps.test", "free")


async def changes_of(store):
    async with store.reading() as reading:
        query = select(changes).order_by(changes.c.serial)
        rows = (await reading.execute(query)).all()
    return [Change(*row[:6]) for row in rows]


async def put(store, record, expected=None):
    async with store.transaction() as tx:
        await tx.put(record, expected)
    return tx.serial


async def test_what_was_put_is_there(store):
    await put(store, ADA)
    async with store.reading() as reading:
        assert await reading.get(Owner, "ada") == ADA
        assert await reading.get(Owner, "bob") is None
        assert await reading.get(Placement, "ada") is None


async def test_a_transaction_sees_its_own_writes(store):
    async with store.transaction() as tx:
        await tx.put(ADA)
        assert await tx.get(Owner, "ada") == ADA


async def test_all_gives_a_kind_in_order_of_key_or_one_scope_of_it(store):
    residences = [
        Residence(app, cluster, 1, "here")
        for cluster, app in [("birch", "b"), ("amber", "c"), ("amber", "a")]
    ]
    async with store.transaction() as tx:
        await tx.put(ADA)
        for residence in residences:
            await tx.put(residence)
        found = await tx.all(Residence)
        ambers = await tx.all(Residence, "amber")
    assert [r.key for r in found] == ["amber/a", "amber/c", "birch/b"]
    assert [r.key for r in ambers] == ["amber/a", "amber/c"]


def app(app_id, name, generation=1):
    return App(app_id, name, "ada", "apps.test", generation, AppState.RUNNING)


async def test_a_record_is_found_by_its_index_key(store):
    await put(store, app("a", "hello"))
    async with store.reading() as reading:
        assert await reading.find(App, name_key("ada", "hello")) == app("a", "hello")
        assert await reading.find(App, name_key("ada", "other")) is None
        assert await reading.find(Owner, name_key("ada", "hello")) is None


async def test_a_record_that_is_renamed_is_found_by_its_new_name_only(store):
    await put(store, app("a", "hello"))
    await put(store, app("a", "goodbye", 2))
    async with store.reading() as reading:
        assert await reading.find(App, name_key("ada", "hello")) is None
        assert (await reading.find(App, name_key("ada", "goodbye"))).id == "a"


async def test_a_record_that_is_deleted_is_found_no_more(store):
    await put(store, app("a", "hello"))
    async with store.transaction() as tx:
        await tx.delete(App, "a")
    async with store.reading() as reading:
        assert await reading.find(App, name_key("ada", "hello")) is None


async def test_of_two_with_one_index_key_the_one_written_last_is_found(store):
    for app_id in ("b", "a", "b"):
        await put(store, app(app_id, "hello"))
    async with store.transaction() as tx:
        assert (await tx.find(App, name_key("ada", "hello"))).id == "b"
        await tx.put(app("b", ""))
        assert (await tx.find(App, name_key("ada", "hello"))).id == "a"


async def test_all_that_share_an_index_key_are_found(store):
    async with store.transaction() as tx:
        for cluster in ("birch", "amber"):
            hosts = ("hello.ada.apps.test",)
            await tx.put(Residence("a", cluster, 1, "here", hosts=hosts))
        await tx.put(Residence("b", "amber", 1, "here"))
        found = await tx.find_all(Residence, app_key("a"))
        assert found == await tx.find_all(Residence, "hello.ada.apps.test")
    assert [r.key for r in found] == ["amber/a", "birch/a"]


async def test_every_write_is_a_change_with_a_dense_serial_and_the_chain(store):
    async with store.transaction() as tx:
        await tx.put(ADA)
        await tx.put(Residence("a", "amber", 1, "here"))
    assert tx.serial == 2
    async with store.transaction() as tx:
        await tx.delete(Residence, "amber/a")
    assert tx.serial == 3
    written = await changes_of(store)
    assert [(c.serial, c.kind, c.key, c.scope) for c in written] == [
        (1, "owner", "ada", ""),
        (2, "residence", "amber/a", "amber"),
        (3, "residence", "amber/a", "amber"),
    ]
    assert [c.value is None for c in written] == [False, False, True]
    chain = NO_CHAIN
    for change in written:
        chain = next_chain(chain, change)
        assert change.chain == chain
    assert await store.head() == (3, chain)


async def test_deleting_what_is_not_there_is_no_change(store):
    async with store.transaction() as tx:
        assert not await tx.delete(Owner, "ada")
    assert tx.serial == 0
    assert (await store.head()).serial == 0


async def test_a_failed_transaction_leaves_no_trace(store):
    await put(store, ADA)
    before = await store.head()

    async def fail_half_way():
        async with store.transaction() as tx:
            await tx.put(Owner("bob", "apps.test", "pro"))
            await tx.put(Placement("a", "amber", 1), expected=7)

    with pytest.raises(StaleGeneration):
        await fail_half_way()
    assert await store.head() == before
    assert await put(store, ADA) == 2


async def test_a_writer_that_saw_the_stored_generation_wins(store):
    await put(store, Placement("a", "amber", 3), expected=0)
    await put(store, Placement("a", "birch", 5), expected=3)
    async with store.reading() as reading:
        assert (await reading.get(Placement, "a")).cluster == "birch"


@pytest.mark.parametrize("expected", [0, 2, 4])
async def test_a_writer_that_saw_another_generation_loses(store, expected):
    await put(store, Placement("a", "amber", 3))
    with pytest.raises(StaleGeneration, match="is at generation 3, not"):
        await put(store, Placement("a", "birch", 9), expected)


async def test_nothing_goes_to_a_lower_generation_even_for_who_saw_it(store):
    await put(store, Placement("a", "amber", 3))
    with pytest.raises(StaleGeneration, match="never goes back to 2"):
        await put(store, Placement("a", "birch", 2))
    with pytest.raises(StaleGeneration):
        await put(store, Placement("a", "birch", 2), expected=3)


async def test_within_one_generation_a_record_may_change(store):
    await put(store, Endpoint("a", 3, EndpointState.STARTING))
    await put(store, Endpoint("a", 3, EndpointState.RUNNING), expected=3)
    async with store.reading() as reading:
        assert (await reading.get(Endpoint, "a")).state == "running"
