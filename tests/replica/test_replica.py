"""A replica is exact: a range and its serial come together, and swaps are seen."""

import subprocess
import sys
from pathlib import Path

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Owner
from domicile.replica.faults import DamagedReplica
from domicile.replica.replica import DoesNotJoin, Replica

CHAIN = b"c" * 16


def owner(name: str) -> Owner:
    return Owner(name, "apps.test", "free")


def test_a_missing_replica_is_an_empty_one(tmp_path: Path) -> None:
    replica = Replica.open(tmp_path / "nowhere", writable=False)
    with replica.view() as view:
        assert (view.serial, view.chain) == (0, NO_CHAIN)
        assert view.owner("alice") is None
        assert view.placed("shop.alice.apps.test") is None
        assert list(view.all(Owner)) == []
        assert view.behind
    assert replica.serial() == 0


def test_a_range_and_its_serial_are_there_after_a_restart(
    folder: Path, replica: Replica, change_of
) -> None:
    replica.apply([change_of(3, owner("alice"))], 7, CHAIN)
    replica.close()
    again = Replica.open(folder, writable=True)
    with again.view() as view:
        assert (view.serial, view.chain) == (7, CHAIN)
        assert view.owner("alice") == owner("alice")
    again.apply([change_of(8, owner("alice"), deleted=True)], 8, CHAIN)
    with again.view() as view:
        assert view.owner("alice") is None
    again.close()


@pytest.mark.parametrize(
    ("serials", "up_to"), [((5,), 6), ((6, 6), 7), ((7, 6), 7), ((8,), 7), ((), 4)]
)
def test_a_range_that_does_not_join_changes_nothing(
    replica: Replica, change_of, serials: tuple[int, ...], up_to: int
) -> None:
    replica.apply([change_of(5, owner("alice"))], 5, CHAIN)
    changes = [change_of(serial, owner("bob")) for serial in serials]
    with pytest.raises(DoesNotJoin):
        replica.apply(changes, up_to, NO_CHAIN)
    with replica.view() as view:
        assert (view.serial, view.chain) == (5, CHAIN)
        assert view.owner("bob") is None


def test_a_range_that_fails_midway_leaves_nothing_behind(
    replica: Replica, change_of
) -> None:
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    broken = Change(3, "owner", "x", "", 5, NO_CHAIN)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        replica.apply([change_of(2, owner("bob")), broken], 3, NO_CHAIN)
    with replica.view() as view:
        assert (view.serial, view.owner("bob")) == (1, None)


def test_a_snapshot_replaces_all_that_was(
    folder: Path, replica: Replica, change_of
) -> None:
    replica.apply([change_of(1, owner("alice"))], 90, NO_CHAIN)
    with replica.view() as old:
        replica.replace([change_of(5, owner("bob"))], 40, CHAIN)
        assert (old.serial, old.owner("alice")) == (90, owner("alice"))
    with replica.view() as view:
        assert (view.serial, view.chain) == (40, CHAIN)
        assert view.owner("alice") is None
        assert view.owner("bob") == owner("bob")
    assert len(list(folder.glob("copy-*"))) == 1


def test_a_snapshot_that_is_abandoned_or_cut_short_is_never_seen(
    folder: Path, replica: Replica, change_of
) -> None:
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    first = replica.current_name()
    abandoned = replica.start_over()
    abandoned.add([change_of(1, owner("bob"))])
    abandoned.abandon()
    killed = folder / "copy-9"
    killed.mkdir()
    with replica.view() as view:
        assert (view.serial, view.owner("bob")) == (1, None)
    replica.replace([], 2, CHAIN)
    (left,) = folder.glob("copy-*")
    assert left.name not in {"copy-9", first}


def test_what_became_current_is_never_removed(replica: Replica, change_of) -> None:
    successor = replica.start_over()
    successor.add([change_of(1, owner("alice"))])
    successor.finish(1, CHAIN)
    successor.abandon()
    with replica.view() as view:
        assert view.owner("alice") == owner("alice")


def test_another_process_sees_ranges_and_swaps(
    folder: Path, replica: Replica, change_of
) -> None:
    code = """
from pathlib import Path
replica = Replica.open(Path(sys.argv[1]), writable=False)
for line in sys.stdin:
    with replica.view() as view:
        print(view.serial, view.owner("alice") is not None, flush=True)
"""
    script = "from domicile.replica.replica import Replica\nimport sys\n" + code
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None

        def ask() -> str:
            reader.stdin.write("\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert ask() == "0 False"
        replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
        assert ask() == "1 True"
        replica.replace([], 2, CHAIN)
        assert ask() == "2 False"
        # Grows the map under the reader, several times over.
        replica.apply([big_change(3 + n) for n in range(300)], 302, CHAIN)
        assert ask() == "302 False"
        reader.stdin.close()


def big_change(serial: int) -> Change:
    return Change(serial, "blob", str(serial), "", bytes(1024 * 1024), NO_CHAIN)


def test_what_a_killed_follower_left_half_written_goes_at_the_next_start(
    folder: Path, replica: Replica, change_of
) -> None:
    replica.apply([change_of(1, Owner("alice", "apps.test", "free"))], 1, CHAIN)
    replica.start_over()
    replica.close()
    assert len(list(folder.glob("copy-*"))) == 2
    again = Replica.open_to_follow(folder)
    (left,) = folder.glob("copy-*")
    assert left.name == again.current_name()
    with again.view() as view:
        assert view.owner("alice") is not None
    again.close()


def test_a_replica_of_another_format_is_refused(
    folder: Path, replica: Replica, monkeypatch
) -> None:
    replica.apply([], 1, CHAIN)
    replica.close()
    monkeypatch.setattr("domicile.replica.replica.FORMAT", 99)
    with pytest.raises(DamagedReplica, match="reads 99"):
        Replica.open(folder, writable=True)


def test_a_copy_that_cannot_be_opened_is_told_of_and_not_tried_again(
    folder: Path, replica: Replica
) -> None:
    replica.apply([], 1, CHAIN)
    name = replica.current_name()
    (folder / name / "data.mdb").write_bytes(b"torn")
    reader = Replica.open(folder)
    for _ in range(2):
        with pytest.raises(DamagedReplica, match="two meta pages"):
            reader.view()
        assert reader.damage()[0] == name
    replica.replace([], 2, CHAIN)
    assert reader.damage() == ("", "")
    assert reader.serial() == 2
    reader.close()


def test_a_killed_writer_leaves_a_replica_as_of_one_serial(folder: Path) -> None:
    """Each range writes an owner and its serial: there are as many as it says."""
    script = """
import sys
from pathlib import Path
from domicile.model.changes import Change
from domicile.model.records import (Owner, encode)
from domicile.replica.replica import Replica
replica = Replica.open(Path(sys.argv[1]), writable=True)
for serial in range(1, 1_000_000):
    owner = Owner(f"owner-{serial}", "apps.test", "free")
    change = Change(serial, "owner", owner.key, "", encode(owner), b"")
    replica.apply([change], serial, bytes(16))
    print(serial, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(20)]
        writer.kill()
    replica = Replica.open(folder, writable=True)
    with replica.view() as view:
        assert view.serial >= said[-1]
        assert len(list(view.all(Owner))) == view.serial
    replica.close()


def test_who_follows_sets_a_damaged_copy_aside(
    folder: Path, replica: Replica, change_of
) -> None:
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    replica.close()
    (folder / "current" / "data.mdb").write_bytes(b"torn")
    again = Replica.open_to_follow(folder)
    assert again.missing
    assert again.serial() == 0
    again.close()


def test_what_is_set_aside_is_served_from_on_and_kept_to_be_looked_into(
    folder: Path, replica: Replica, change_of
) -> None:
    """One such copy, and not all that there ever were."""
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    reader = Replica.open(folder)
    assert reader.serial() == 1
    for serial in (2, 3):
        Replica.set_aside(folder)
        assert reader.serial() == serial - 1
        assert reader.behind()
        replica.replace([change_of(1, owner("alice"))], serial, CHAIN)
        assert reader.serial() == serial
    assert {each.name.partition("-")[0] for each in folder.iterdir()} >= {"aside"}
    assert len(list(folder.glob("*/data.mdb"))) == 3  # aside, copy-…, and by `current`
    (folder / "aside").rename(folder / "current-of-then")
    Replica.set_aside(folder)
    Replica.set_aside(folder)
    assert Replica.open(folder, writable=True).missing
    reader.close()
