"""The map of a copy grows by itself, and never under a view."""

from pathlib import Path

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Owner
from domicile.replica.copy import Copy, ReplicaInUse
from domicile.replica.faults import DamagedReplica
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


def test_a_record_that_rotted_is_not_written_over(
    replica: Replica, change_of, rot
) -> None:
    """By it the index entries could not be removed, and would lead to another's."""
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    rot(b"alice\xa4zone", b"alicf\xa4zone")
    with pytest.raises(DamagedReplica):
        replica.apply([change_of(2, owner("alice"))], 2, CHAIN)
    assert replica.serial() == 1
    assert replica.damage()[0] == replica.current_name()


def test_pages_that_mean_nothing_are_damage_to_a_write(
    replica: Replica, change_of, garble
) -> None:
    replica.apply([change_of(n, owner(f"o{n}")) for n in range(1, 500)], 499, CHAIN)
    copy = replica.newest()
    assert copy is not None
    garble()
    with pytest.raises(DamagedReplica):
        copy.apply([change_of(500, owner("alice"))], 500, CHAIN)
    assert copy.damage


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
