"""A store is brought up to date whenever it is opened."""

import asyncio

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, update

from domicile.model.changes import NO_CHAIN, Change, next_chain
from domicile.model.digest import add_up, record_digest, record_key, to_bytes
from domicile.model.feed import Ask
from domicile.model.records import (
    App,
    AppState,
    Owner,
    Placement,
    Residence,
    ResidenceState,
    decode,
    encode,
)
from domicile.store import migration
from domicile.store.dialect import make_engine
from domicile.store.history import piece_for
from domicile.store.migration import UnusableStore, migrate
from domicile.store.schema import changes as changes_table
from domicile.store.schema import head, leases, metadata, records
from domicile.store.store import Store


@pytest.fixture
async def engine(tmp_path):
    engine = make_engine(tmp_path / "100%store.db")
    yield engine
    await engine.dispose()


async def test_a_fresh_store_has_exactly_the_tables_of_the_schema(engine):
    await migrate(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_a_fresh_store_starts_at_nothing(engine):
    await migrate(engine)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(head))).all()
    assert rows == [(1, 0, NO_CHAIN)]


async def test_a_second_time_changes_nothing(engine):
    await migrate(engine)
    lease = {"name": "n", "holder": "h", "fence": 1, "beat": 2}
    async with engine.begin() as connection:
        await connection.execute(update(head).values(serial=7))
        await connection.execute(insert(leases).values(lease))
    await migrate(engine)
    async with engine.connect() as connection:
        assert (await connection.execute(select(head.c.serial))).scalar_one() == 7
        assert len((await connection.execute(select(leases))).all()) == 1


async def test_records_of_before_the_index_are_found_by_it(engine, tmp_path):
    hello = App("a", "hello", "ada", "apps.test", 1, AppState.RUNNING)
    here = Residence("a", "amber", 1, ResidenceState.HERE, hosts=("h.test",))
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade_to, "0003")
        for serial, record in enumerate((hello, here, Owner("ada", "z", "free")), 1):
            row = {"kind": record.kind, "key": record.key, "scope": record.scope}
            row |= {"value": encode(record), "serial": serial}
            await connection.execute(insert(records).values(row))
    store = await Store.open(tmp_path / "100%store.db")
    async with store.reading() as reading:
        for record in (hello, here):
            assert record.index_keys
            for key in record.index_keys:
                assert await reading.find(type(record), key) == record
    await store.close()


async def test_records_of_before_the_digests_are_in_them(engine, tmp_path):
    ada = Owner("ada", "apps.test", "free")
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade_to, "0005")
        row = {"kind": ada.kind, "key": ada.key, "scope": "", "value": encode(ada)}
        await connection.execute(insert(records).values(**row, serial=1))
        await connection.execute(update(head).values(serial=1))
    store = await Store.open(tmp_path / "100%store.db")
    digest = record_digest(record_key("owner", "ada"), encode(ada))
    async with store.reading() as reading:
        piece = await piece_for(reading, Ask("f", ("owner",), verify=True))
    assert piece.digest == to_bytes(digest)
    await store.close()


async def test_placements_of_before_learn_their_names_by_changes_that_all_follow(
    engine, tmp_path
):
    """Who had all of it before joins; who had less gets a snapshot."""
    hello = App("a", "hello", "ada", "apps.test", 3, AppState.RUNNING)
    given_away = App("b", "", "ada", "apps.test", 5, AppState.DELETED)
    before, chain = await _old_placements(engine, hello, given_away)
    store = await Store.open(tmp_path / "100%store.db")
    expected = [
        Placement("a", "amber", 2, "hello", "ada", "apps.test"),
        Placement("b", "birch", 5, "", "ada", "apps.test"),
    ]
    kinds = ("placement",)
    async with store.reading() as reading:
        assert await reading.all(Placement) == expected
        joined = Ask("f", kinds, before, chain, verify=True)
        piece = await piece_for(reading, joined)
        changes = [each async for page in piece.pages for each in page]
        fresh = (await piece_for(reading, Ask("f", kinds))).begin
    assert [decode(each.kind, each.value) for each in changes] == expected
    for each in changes:
        chain = next_chain(chain, each)
        assert each.chain == chain
    assert (piece.begin.up_to, piece.begin.chain) == (before + 2, chain)
    parts = (record_digest(record_key(c.kind, c.key), c.value) for c in changes)
    assert piece.digest == to_bytes(add_up(*parts))
    assert (fresh.snapshot, fresh.count) == (True, 2)
    await store.close()


async def _old_placements(engine, *apps):
    """Write a store as it was, with a placement of each app; give serial and chain."""
    old = {"a": ("amber", 2), "b": ("birch", 5)}
    records_then = [(app.kind, app.id, encode(app)) for app in apps]
    for app, (cluster, generation) in old.items():
        value = {"app": app, "cluster": cluster, "generation": generation}
        records_then.append(("placement", app, msgspec.msgpack.encode(value)))
    chain = NO_CHAIN
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade_to, "0011")
        for serial, (kind, key, value) in enumerate(records_then, 1):
            change = Change(serial, kind, key, "", value, NO_CHAIN)
            chain = next_chain(chain, change)
            row = {"kind": kind, "key": key, "scope": "", "value": value}
            row["serial"] = serial
            await connection.execute(insert(records).values(row))
            row |= {"chain": chain, "at": 1.0}
            await connection.execute(insert(changes_table).values(row))
        part = add_up(
            *(record_digest(record_key(k, key), v) for k, key, v in records_then[2:])
        )
        await connection.exec_driver_sql(
            "INSERT INTO digests (kind, scope, digest) VALUES ('placement', '', ?)",
            (to_bytes(part),),
        )
        await connection.execute(update(head).values(serial=serial, chain=chain))
    return serial, chain


async def test_a_store_without_placements_keeps_its_history(engine, tmp_path):
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade_to, "0011")
        for serial in (1, 2):
            row = {"serial": serial, "kind": "owner", "key": "k", "scope": ""}
            row |= {"value": None, "chain": NO_CHAIN, "at": 1.0}
            await connection.execute(insert(changes_table).values(row))
        await connection.execute(update(head).values(serial=2))
    await migrate(engine)
    async with engine.connect() as connection:
        assert len((await connection.execute(select(changes_table))).all()) == 2


async def test_two_that_open_a_new_store_at_once_both_find_it_ready(engine, tmp_path):
    other = make_engine(tmp_path / "100%store.db")
    await asyncio.gather(migrate(engine), migrate(other))
    async with other.connect() as connection:
        assert len((await connection.execute(select(head))).all()) == 1
    await other.dispose()


async def test_a_store_of_a_newer_version_is_refused(engine):
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'x'")
    with pytest.raises(UnusableStore, match="newer version"):
        await migrate(engine)


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "text").write_bytes(b"hello, I am not a database" * 100)
    engine = make_engine(tmp_path / "text")
    with pytest.raises(UnusableStore, match="not a database"):
        await migrate(engine)
    await engine.dispose()


def _upgrade_to(connection, revision):
    config = Config()
    config.set_main_option("script_location", str(migration._MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _differences(connection):
    return compare_metadata(MigrationContext.configure(connection), metadata)
