"""A store in a folder of its own."""

import pytest

from domicile.store.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
async def store(path):
    store = await Store.open(path)
    yield store
    await store.close()
