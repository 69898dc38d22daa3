"""The database's own promises, as we set them."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from domicile.store.dialect import (
    BadStoreUrl,
    StoreFull,
    commit_mark,
    make_engine,
    told_if_full,
    writer,
)


@pytest.fixture
async def engine(tmp_path):
    engine = make_engine(tmp_path / "store.db")
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    yield engine
    await engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 10_000)],
)
async def test_every_connection_is_durable_and_patient(engine, pragma, value):
    async with engine.connect() as connection:
        result = await connection.exec_driver_sql(f"PRAGMA {pragma}")
        assert result.scalar_one() == value


async def test_a_writer_locks_out_other_writers_before_it_writes(engine):
    async with writer(engine).begin(), engine.connect() as other:
        await other.exec_driver_sql("PRAGMA busy_timeout = 0")
        with pytest.raises(OperationalError, match="locked"):
            await other.exec_driver_sql("INSERT INTO t VALUES (1)")
    # Its patience was ours to shorten, so the pool shall not hand it on.
    await engine.dispose()


async def test_a_reader_sees_one_state_throughout(engine):
    count = "SELECT count(*) FROM t"
    async with engine.connect() as reader:
        before = (await reader.exec_driver_sql(count)).scalar_one()
        async with writer(engine).begin() as connection:
            await connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert (await reader.exec_driver_sql(count)).scalar_one() == before
        await reader.rollback()
        assert (await reader.exec_driver_sql(count)).scalar_one() == before + 1


async def test_a_rollback_takes_back_even_a_table(engine):
    async with writer(engine).connect() as connection:
        await connection.exec_driver_sql("CREATE TABLE u (n INTEGER)")
        await connection.rollback()
    async with engine.connect() as connection:
        with pytest.raises(OperationalError, match="no such table"):
            await connection.exec_driver_sql("SELECT * FROM u")


async def test_the_mark_differs_after_another_process_committed(engine):
    async with engine.connect() as connection:
        before = await commit_mark(connection)
        assert await commit_mark(connection) == before
        process = await asyncio.create_subprocess_exec(
            "python3",
            "-c",
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
            "c.execute('INSERT INTO t VALUES (1)'); c.commit(); c.close()",
            engine.url.database,
        )
        assert await process.wait() == 0
        assert await commit_mark(connection) != before


@pytest.mark.parametrize(
    "url", ["mysql://root:secret@db/x", "sqlite://", "sqlite:///:memory:", "://"]
)
def test_an_address_that_cannot_be_a_store_is_refused_in_one_line(url):
    with pytest.raises(BadStoreUrl) as refused:
        make_engine(url)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_url_of_sqlite_is_the_same_as_its_path(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path}/x.db")
    assert engine.url == make_engine(tmp_path / "x.db").url


async def test_the_want_of_room_is_told_from_every_other_trouble(engine):
    async with writer(engine).connect() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count = 2")
        with pytest.raises(StoreFull, match="make room"), told_if_full():
            await connection.exec_driver_sql("CREATE TABLE u AS SELECT zeroblob(9999)")
        await connection.rollback()
        with pytest.raises(OperationalError, match="no such table"), told_if_full():
            await connection.exec_driver_sql("SELECT * FROM u")
    # Its limit was ours to set, so the pool shall not hand it on.
    await engine.dispose()
