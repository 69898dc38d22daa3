"""A cancellation waits until the work is done."""

import asyncio

import pytest

from domicile.store.connection import connected, whole
from domicile.store.dialect import make_engine


async def test_work_gives_its_result_or_its_error():
    async def add(a, b):
        return a + b

    assert await whole(add(1, 2)) == 3
    with pytest.raises(TypeError):
        await whole(add(1, "2"))


@pytest.mark.parametrize("fails", [False, True])
async def test_cancelled_work_is_done_before_the_cancellation_goes_on(fails):
    started, may_end, done = asyncio.Event(), asyncio.Event(), []

    async def work():
        started.set()
        await may_end.wait()
        done.append(True)
        if fails:
            raise LookupError

    task = asyncio.create_task(whole(work()))
    await started.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    await asyncio.wait([task])
    assert done == [True]
    assert task.cancelled()


async def test_what_is_not_committed_is_rolled_back(path):
    engine = make_engine(path)
    async with connected(engine) as connection:
        await connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    async with connected(engine) as connection:
        tables = await connection.exec_driver_sql("SELECT * FROM sqlite_master")
        assert tables.all() == []
    await engine.dispose()
