"""The map of a copy grows by itself, and never under a view."""

from pathlib import Path

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Owner
from domicile.replica.copy import Copy, ReplicaInUse
from domicile.replica.replica import Replica

CHAIN = b"c" * 16


def owner(name: str) -> Owner:
    return Owner(name, "apps.test", "free")


def big_change(serial: int) -> Change:
    return Change(serial, "blob", str(serial), "", bytes(1024 * 1024), NO_CHAIN)


def test_the_map_grows_by_itself(tmp_path: Path, change_of) -> None:
    copy = Copy(tmp_path, writable=True, map_size=128 * 1024)
    changes = [change_of(n, owner(f"owner-{n}" * 20)) for n in range(1, 2001)]
    copy.apply(changes, 2000, CHAIN)
    with copy.begin_reading() as txn:
        assert txn.stat(db=copy.records)["entries"] == 2000
    copy.close()


def test_the_map_does_not_move_under_an_open_view(replica: Replica) -> None:
    replica.apply([], 1, CHAIN)
    changes = [big_change(2 + n) for n in range(70)]
    with replica.view() as view:
        with pytest.raises(ReplicaInUse):
            replica.apply(changes, 71, CHAIN)
        assert view.serial == 1
    replica.apply(changes, 71, CHAIN)
    with replica.view() as view:
        assert view.serial == 71
