"""Records of two clusters, changes made of them, and what may become of a file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.record import Record
from domicile.model.records import Owner, encode
from domicile.replica.replica import Replica

PAGE = 4096
ChangeOf = Callable[..., Change]


@pytest.fixture
def change_of() -> ChangeOf:
    """Make the change that writes a record, or deletes it."""

    def make(serial: int, record: Record, *, deleted: bool = False) -> Change:
        value = None if deleted else encode(record)
        return Change(serial, record.kind, record.key, record.scope, value, NO_CHAIN)

    return make


@pytest.fixture
def owner(change_of) -> Callable[[int, str], Change]:
    def make(serial: int, name: str) -> Change:
        return change_of(serial, Owner(name, "apps.test", "free"))

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "replica"


@pytest.fixture
def rot(folder: Path) -> Callable[[bytes, bytes], None]:
    """Replace bytes of the current copy, under whoever has it open."""

    def replace(old: bytes, new: bytes) -> None:
        data = folder / "current" / "data.mdb"
        content = data.read_bytes()
        assert old in content
        with data.open("r+b") as file:
            file.write(content.replace(old, new))

    return replace


@pytest.fixture
def garble(folder: Path) -> Callable[[], None]:
    """Make every page of the current copy but LMDB's first two mean nothing."""

    def write() -> None:
        data = folder / "current" / "data.mdb"
        with data.open("r+b") as file:
            file.seek(2 * PAGE)
            file.write(bytes(data.stat().st_size - 2 * PAGE))

    return write


@pytest.fixture
def replica(folder: Path) -> Iterator[Replica]:
    replica = Replica.open(folder, writable=True)
    yield replica
    replica.close()
