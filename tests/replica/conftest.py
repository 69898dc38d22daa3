"""Records of two clusters, and changes made of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Record, encode
from domicile.replica.replica import Replica

ChangeOf = Callable[..., Change]


@pytest.fixture
def change_of() -> ChangeOf:
    """Make the change that writes a record, or deletes it."""

    def make(serial: int, record: Record, *, deleted: bool = False) -> Change:
        value = None if deleted else encode(record)
        return Change(serial, record.kind, record.key, record.scope, value, NO_CHAIN)

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "replica"


@pytest.fixture
def replica(folder: Path) -> Iterator[Replica]:
    replica = Replica.open(folder, writable=True)
    yield replica
    replica.close()
