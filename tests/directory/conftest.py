import pytest

from domicile.store.store import Store


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "directory.db")
    yield store
    await store.close()
