"""A store among its writers, its waiters and other processes."""

import asyncio
import sys

import pytest
from sqlalchemy import select

from domicile.model.changes import NO_CHAIN, Change, next_chain
from domicile.model.records import Owner
from domicile.store.schema import changes
from domicile.store.store import Store

WRITER = """
import asyncio, sys
from domicile.model.records import Owner
from domicile.store.store import Store

async def write(path, name, count):
    store = await Store.open(path)
    for number in range(int(count)):
        async with store.transaction() as tx:
            await tx.put(Owner(f"{name}{number}", "apps.test", "free"))
    await store.close()

asyncio.run(write(*sys.argv[1:]))
"""


def start_writer(path, name, count):
    return asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), name, str(count)
    )


async def put_owner(store, name):
    async with store.transaction() as tx:
        await tx.put(Owner(name, "apps.test", "free"))
    return tx.serial


async def assert_history_is_whole(store, count):
    async with store.reading() as reading:
        query = select(changes).order_by(changes.c.serial)
        rows = (await reading.execute(query)).all()
    chain = NO_CHAIN
    for number, row in enumerate(rows, start=1):
        chain = next_chain(chain, Change(*row[:6]))
        assert (row.serial, row.chain) == (number, chain)
    assert await store.head() == (count, chain)


async def test_serials_are_dense_under_concurrent_writers(store):
    serials = await asyncio.gather(*(put_owner(store, f"o{n}") for n in range(40)))
    assert sorted(serials) == list(range(1, 41))
    await assert_history_is_whole(store, 40)


async def test_serials_are_dense_when_several_processes_write(store, path):
    processes = [await start_writer(path, name, 20) for name in "abc"]
    for number in range(20):
        await put_owner(store, f"d{number}")
    assert [await process.wait() for process in processes] == [0, 0, 0]
    await assert_history_is_whole(store, 80)


async def test_a_writer_that_gave_up_leaves_no_gap(store):
    async def give_up():
        async with store.transaction() as tx:
            await tx.put(Owner("nobody", "apps.test", "free"))
            raise LookupError

    results = await asyncio.gather(
        *(put_owner(store, "a") if n % 2 else give_up() for n in range(10)),
        return_exceptions=True,
    )
    assert [r for r in results if isinstance(r, int)] == [1, 2, 3, 4, 5]
    await assert_history_is_whole(store, 5)


async def test_a_cancelled_writer_gives_way_to_the_next(store):
    began = asyncio.Event()

    async def hang():
        async with store.transaction() as tx:
            await tx.put(Owner("nobody", "apps.test", "free"))
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await began.wait()
    task.cancel()
    await asyncio.wait([task])
    assert await put_owner(store, "ada") == 1


async def test_writers_cancelled_at_any_moment_leave_a_whole_history(store):
    for moment in range(60):
        task = asyncio.create_task(put_owner(store, f"o{moment}"))
        await asyncio.sleep(moment / 10_000)
        task.cancel()
        await asyncio.wait([task])
    serial = await put_owner(store, "last")
    await assert_history_is_whole(store, serial)


async def test_a_store_opened_again_goes_on_where_it_was(path):
    first = await Store.open(path)
    await put_owner(first, "ada")
    head = await first.head()
    await first.close()
    again = await Store.open(path)
    assert await again.head() == head
    assert await again.changed(0, 0)
    async with again.reading() as reading:
        assert await reading.get(Owner, "ada")
    assert await put_owner(again, "bob") == 2
    await assert_history_is_whole(again, 2)
    await again.close()


async def test_changes_are_dated_by_the_clock_of_the_store(path):
    store = await Store.open(path, lambda: 17.5)
    await put_owner(store, "ada")
    async with store.reading() as reading:
        assert (await reading.execute(select(changes.c.at))).scalar_one() == 17.5
    await store.close()


async def test_a_commit_wakes_who_waits_for_it(store):
    waiting = asyncio.create_task(store.changed(0, 60))
    await asyncio.sleep(0)
    await put_owner(store, "ada")
    assert await waiting


async def test_who_waits_for_a_later_change_goes_on_waiting(store):
    waiting = asyncio.create_task(store.changed(1, 60))
    await asyncio.sleep(0)
    await put_owner(store, "ada")
    await asyncio.sleep(0)
    assert not waiting.done()
    await put_owner(store, "bob")
    assert await waiting


async def test_waiting_ends_when_time_runs_out(store):
    assert not await store.changed(0, 0.01)


async def test_a_commit_of_another_process_wakes_too(store, path):
    waiting = asyncio.create_task(store.changed(0, 60))
    process = await start_writer(path, "other", 1)
    assert await process.wait() == 0
    assert await waiting


async def test_a_reader_keeps_its_state_while_others_write(store):
    async with store.reading() as reading:
        assert await reading.all(Owner) == []
        await put_owner(store, "ada")
        assert await reading.all(Owner) == []
        assert (await reading.head()).serial == 0


@pytest.mark.parametrize("size", [0, 1, 300_000])
async def test_a_value_of_any_size_comes_back(store, size):
    owner = Owner("ada", "apps.test", "x" * size)
    async with store.transaction() as tx:
        await tx.put(owner)
    async with store.reading() as reading:
        assert await reading.get(Owner, "ada") == owner
