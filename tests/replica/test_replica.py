"""A replica is exact: a range and its serial come together, and swaps are seen."""

import subprocess
import sys
from pathlib import Path

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import App, AppState, Owner, Residence, ResidenceState
from domicile.model.resolution import DirectoryView
from domicile.model.routing import ClusterView, Unknown, route
from domicile.replica.copy import Copy, ReplicaInUse
from domicile.replica.datafile import DamagedReplica
from domicile.replica.replica import DoesNotJoin, Replica

CHAIN = b"c" * 16
APP = "abcdefghijklmnopqrstuvwxyz"
OTHER = "zyxwvutsrqponmlkjihgfedcba"


def owner(name: str) -> Owner:
    return Owner(name, "apps.test", "free")


def app(name: str, app_id: str = APP) -> App:
    return App(app_id, name, "alice", "apps.test", 1, AppState.RUNNING)


def residence(*hosts: str, app_id: str = APP) -> Residence:
    return Residence(app_id, "amber", 1, ResidenceState.HERE, hosts=hosts)


def test_a_missing_replica_is_an_empty_one(tmp_path: Path) -> None:
    replica = Replica.open(tmp_path / "nowhere", writable=False)
    with replica.view() as view:
        assert (view.serial, view.chain) == (0, NO_CHAIN)
        assert view.owner("alice") is None
        assert view.app_named("alice", "shop") is None
        assert list(view.all(Owner)) == []
        assert view.behind
    assert replica.serial_of_write() == (0, 0)


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


def test_a_view_stays_at_its_serial(replica: Replica, change_of) -> None:
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    with replica.view() as view:
        replica.apply([change_of(2, owner("alice"), deleted=True)], 2, CHAIN)
        assert (view.serial, view.owner("alice")) == (1, owner("alice"))
    with replica.view() as view:
        assert (view.serial, view.owner("alice")) == (2, None)


def test_an_app_is_found_by_the_name_it_has_now(replica: Replica, change_of) -> None:
    replica.apply([change_of(1, app("shop"))], 1, CHAIN)
    replica.apply([change_of(2, app("store"))], 2, CHAIN)
    with replica.view() as view:
        assert view.app_named("alice", "shop") is None
        assert view.app_named("alice", "store") == app("store")
    replica.apply([change_of(3, app("store"), deleted=True)], 3, CHAIN)
    with replica.view() as view:
        assert view.app_named("alice", "store") is None


def test_a_name_that_went_to_another_app_stays_with_it(
    replica: Replica, change_of
) -> None:
    """Only who holds an index entry takes it along."""
    replica.apply(
        [
            change_of(1, app("shop")),
            change_of(2, app("shop", OTHER)),
            change_of(3, app("shop"), deleted=True),
        ],
        3,
        CHAIN,
    )
    with replica.view() as view:
        assert view.app_named("alice", "shop") == app("shop", OTHER)


def test_a_residence_is_found_by_app_and_by_each_host(
    replica: Replica, change_of
) -> None:
    here = residence("shop.alice.apps.test", "shop.example")
    replica.apply([change_of(1, here)], 1, CHAIN)
    with replica.view() as view:
        assert view.residence(APP) == here
        assert view.residence_of_host("shop.example") == here
        assert view.residence_of_host(APP) is None
    replica.apply([change_of(2, residence("shop.example"))], 2, CHAIN)
    with replica.view() as view:
        assert view.residence_of_host("shop.alice.apps.test") is None
        assert view.residence_of_host("shop.example") is not None


def test_a_view_is_what_routing_and_resolution_ask(replica: Replica) -> None:
    replica.freshness.stamp()
    with replica.view() as view:
        cluster_view: ClusterView = view
        directory_view: DirectoryView = view
        assert route(cluster_view, "nobody.test", None) == Unknown()
        assert directory_view.placement(APP) is None


def test_all_gives_one_kind_and_no_other(replica: Replica, change_of) -> None:
    owners = [owner("alice"), owner("bob")]
    records = [app("shop"), *owners, residence("shop.example")]
    changes = [change_of(n, record) for n, record in enumerate(records, 1)]
    replica.apply(changes, 4, CHAIN)
    with replica.view() as view:
        assert list(view.all(Owner)) == owners


def test_what_this_version_cannot_read_is_kept_and_counted(replica: Replica) -> None:
    replica.apply([], 1, CHAIN)
    strange = Change(2, "comet", "k" * 2000, "", b"\x01\x02", NO_CHAIN)
    newer = Change(3, "owner", "alice", "", b"\xc1", NO_CHAIN)
    replica.apply([strange, newer], 3, CHAIN)
    assert replica.unreadable == 2
    with replica.view() as view, pytest.raises(DamagedReplica):
        view.owner("alice")
    with replica.view() as view:
        assert view.serial == 3


def test_long_keys_are_told_apart(replica: Replica, change_of) -> None:
    first, second = owner("a" * 600 + "1"), owner("a" * 600 + "2")
    replica.apply([change_of(1, first), change_of(2, second)], 2, CHAIN)
    with replica.view() as view:
        assert view.owner(first.name) == first
        assert view.owner(second.name) == second


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
    abandoned = replica.start_over()
    abandoned.add([change_of(1, owner("bob"))])
    abandoned.abandon()
    killed = folder / "copy-9"
    killed.mkdir()
    with replica.view() as view:
        assert (view.serial, view.owner("bob")) == (1, None)
    replica.replace([], 2, CHAIN)
    assert [path.name for path in folder.glob("copy-*")] == ["copy-10"]


def test_what_became_current_is_never_removed(replica: Replica, change_of) -> None:
    successor = replica.start_over()
    successor.add([change_of(1, owner("alice"))])
    successor.finish(1, CHAIN)
    successor.abandon()
    with replica.view() as view:
        assert view.owner("alice") == owner("alice")


def test_every_write_is_noticed_by_a_cheap_look(replica: Replica, change_of) -> None:
    seen = {replica.serial_of_write()}
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    seen.add(replica.serial_of_write())
    replica.apply([], 2, CHAIN)
    seen.add(replica.serial_of_write())
    replica.replace([], 2, CHAIN)
    seen.add(replica.serial_of_write())
    assert len(seen) == 4
    assert replica.serial_of_write() in seen


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


@pytest.mark.parametrize("size", [0, 100, 4096, 8192, -4096])
def test_a_truncated_file_is_refused(
    folder: Path, replica: Replica, change_of, size: int
) -> None:
    """LMDB itself would die of SIGBUS."""
    replica.apply([change_of(n, owner(f"o{n}")) for n in range(1, 500)], 499, CHAIN)
    replica.close()
    data = folder / "current" / "data.mdb"
    keep = data.stat().st_size + size if size < 0 else size
    with data.open("r+b") as file:
        file.truncate(keep)
    with pytest.raises(DamagedReplica):
        Replica.open(folder, writable=False)
    Replica.set_aside(folder)
    again = Replica.open(folder, writable=True)
    again.apply([change_of(1, owner("alice"))], 1, CHAIN)
    with again.view() as view:
        assert view.owner("alice") is not None
    again.close()


def test_a_record_that_rotted_is_refused(
    folder: Path, replica: Replica, change_of
) -> None:
    replica.apply([change_of(1, owner("alice-the-first"))], 1, CHAIN)
    replica.close()
    data = folder / "current" / "data.mdb"
    content = data.read_bytes()
    data.write_bytes(content.replace(b"apps.test", b"apps.tesu"))
    rotten = Replica.open(folder, writable=False)
    with rotten.view() as view, pytest.raises(DamagedReplica):
        view.owner("alice-the-first")
    rotten.close()


def test_a_replica_of_another_format_is_refused(
    folder: Path, replica: Replica, monkeypatch
) -> None:
    replica.apply([], 1, CHAIN)
    replica.close()
    monkeypatch.setattr("domicile.replica.replica.FORMAT", 2)
    with pytest.raises(DamagedReplica, match="format 1"):
        Replica.open(folder, writable=False)


def test_behind_is_what_the_follower_stamps(replica: Replica) -> None:
    with replica.view() as view:
        assert view.behind
        replica.freshness.stamp()
        assert not view.behind
