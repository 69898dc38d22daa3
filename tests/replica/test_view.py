"""A view is the replica at one serial, found by key and by index."""

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import (
    Owner,
    Placement,
    Residence,
    ResidenceState,
    Whereabouts,
    app_key,
)
from domicile.model.resolution import DirectoryView
from domicile.model.routing import ClusterView, Hold, HoldReason, Unknown, route
from domicile.model.zone_records import Challenge
from domicile.replica.faults import DamagedReplica, UnreadableRecord
from domicile.replica.layout import place_of
from domicile.replica.replica import Replica

CHAIN = b"c" * 16
APP = "abcdefghijklmnopqrstuvwxyz"
OTHER = "zyxwvutsrqponmlkjihgfedcba"


def owner(name: str) -> Owner:
    return Owner(name, "apps.test", "free")


def placement(name: str, app_id: str = APP, cluster: str = "amber") -> Placement:
    return Placement(app_id, cluster, 1, name, "alice", "apps.test")


def where(view, name: str) -> str:
    """Name the cluster of the app of that name, if it is anywhere."""
    found = view.placed(f"{name}.alice.apps.test")
    return found.cluster if found else ""


def residence(*hosts: str, app_id: str = APP) -> Residence:
    return Residence(app_id, "amber", 1, ResidenceState.HERE, hosts=hosts)


def test_an_app_is_found_by_the_name_it_has_now(replica: Replica, change_of) -> None:
    replica.apply([change_of(1, placement("shop"))], 1, CHAIN)
    replica.apply([change_of(2, placement("store"))], 2, CHAIN)
    with replica.view() as view:
        assert view.placed("shop.alice.apps.test") is None
        assert view.placed("store.alice.apps.test") == Whereabouts("amber", 1)
        assert view.placed("store.alice.paid.test") is None
    replica.apply([change_of(3, placement("store", cluster="birch"))], 3, CHAIN)
    with replica.view() as view:
        assert where(view, "store") == "birch"
    replica.apply([change_of(4, placement("store"), deleted=True)], 4, CHAIN)
    with replica.view() as view:
        assert where(view, "store") == ""


@pytest.mark.parametrize("renamed", [True, False])
@pytest.mark.parametrize("begun", [1, 2, 3])
def test_a_name_that_went_to_another_app_stays_with_it(
    replica: Replica, change_of, renamed, begun
) -> None:
    """Only whose an index entry is takes it along, in whatever order they come."""
    changes = [
        change_of(1, placement("shop")),
        change_of(2, placement("shop", OTHER)),
        change_of(3, placement("" if renamed else "shop"), deleted=not renamed),
    ]
    # Into a copy that is there, or into a new one.
    replica.apply(changes[:begun], begun, CHAIN)
    if begun < 3:
        replica.apply(changes[begun:], 3, CHAIN)
    with replica.view() as view:
        assert where(view, "shop") == "amber"
    replica.apply([change_of(4, placement("shop", OTHER), deleted=True)], 4, CHAIN)
    with replica.view() as view:
        assert where(view, "shop") == ""


def test_how_many_there_are_of_a_kind_is_known(replica: Replica, change_of) -> None:
    apps = [placement(f"shop{n}", f"{n:026}") for n in range(5)]
    replica.apply([change_of(n, each) for n, each in enumerate(apps, 1)], 5, CHAIN)
    again = [change_of(6, apps[0]), change_of(7, apps[1], deleted=True)]
    replica.apply([*again, change_of(8, placement("no"), deleted=True)], 8, CHAIN)
    with replica.view() as view:
        assert view.count(Placement) == len(list(view.all(Placement))) == 4
        assert view.count(Owner) == 0


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
    replica.apply([], 1, CHAIN)
    replica.freshness.stamp()
    with replica.view() as view:
        cluster_view: ClusterView = view
        directory_view: DirectoryView = view
        assert route(cluster_view, "nobody.test", None) == Unknown()
        assert directory_view.placement(APP) is None


def test_all_gives_one_kind_and_no_other(replica: Replica, change_of) -> None:
    owners = [owner("alice"), owner("bob")]
    records = [placement("shop"), *owners, residence("shop.example")]
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
    with replica.view() as view, pytest.raises(UnreadableRecord):
        view.owner("alice")
    assert replica.damage() == ("", "")
    assert replica.serial() == 3


def test_long_keys_are_told_apart(replica: Replica, change_of) -> None:
    first, second = owner("a" * 600 + "1"), owner("a" * 600 + "2")
    replica.apply([change_of(1, first), change_of(2, second)], 2, CHAIN)
    with replica.view() as view:
        assert view.owner(first.name) == first
        assert view.owner(second.name) == second


def test_a_record_that_rotted_is_refused_and_makes_all_else_uncertain(
    replica: Replica, change_of, rot
) -> None:
    replica.apply([change_of(1, owner("alice-the-first"))], 1, CHAIN)
    replica.apply([change_of(2, owner("bob"))], 2, CHAIN)
    replica.freshness.stamp()
    rot(b"alice-the-first\xa4zone", b"alice-the-worst\xa4zone")
    with replica.view() as view:
        assert not view.behind
        with pytest.raises(DamagedReplica):
            view.owner("alice-the-first")
        assert view.owner("bob") is not None
        assert view.behind
    name, reason = replica.damage()
    assert name == replica.current_name()
    assert "alice-the-first" in reason


def test_an_index_that_leads_to_nothing_is_no_confident_no(
    replica: Replica, change_of, rot
) -> None:
    replica.apply([change_of(1, residence("shop.example"))], 1, CHAIN)
    entry = place_of("residence", app_key(APP))
    lies_at = place_of("residence", f"amber/{APP}")
    rot(entry + lies_at, entry + place_of("residence", f"birch/{APP}"))
    with replica.view() as view, pytest.raises(DamagedReplica):
        view.residence(APP)


@pytest.mark.parametrize("garbled", [b"ambir", b"amber"])
def test_an_entry_that_rotted_is_no_answer(
    replica: Replica, change_of, rot, garbled
) -> None:
    """Neither what it says nor the name at which it lies."""
    replica.apply([change_of(1, placement("shop"))], 1, CHAIN)
    replica.apply([change_of(2, placement("stop", OTHER, "birch"))], 2, CHAIN)
    if garbled == b"amber":
        rot(b"\x01shop.alice", b"\x01shoa.alice")
        rot(b"\x01stop.alice", b"\x01shop.alice")
    else:
        rot(b"amber", garbled)
    with replica.view() as view, pytest.raises(DamagedReplica):
        view.placed("shop.alice.apps.test")
    assert "entry" in replica.damage()[1]


def test_pages_that_mean_nothing_are_damage_to_every_look_up(
    replica: Replica, change_of, garble
) -> None:
    replica.apply([change_of(n, owner(f"o{n}")) for n in range(1, 500)], 499, CHAIN)
    garble()
    for look in (
        lambda view: view.owner("o7"),
        lambda view: where(view, "shop"),
        lambda view: list(view.all(Owner)),
        lambda view: view.serial,
    ):
        with pytest.raises(DamagedReplica), replica.view() as view:
            look(view)
    assert replica.serial() == 0
    assert replica.damage()[0] == replica.current_name()


def test_what_was_replaced_is_healed(replica: Replica, change_of, garble) -> None:
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    replica.freshness.stamp()
    garble()
    assert replica.serial() == 0
    assert replica.behind()
    replica.replace([change_of(2, owner("bob"))], 2, CHAIN)
    assert replica.damage() == ("", "")
    with replica.view() as view:
        assert view.owner("bob") == owner("bob")
        assert not view.behind


def test_without_a_copy_nothing_is_certain(replica: Replica) -> None:
    replica.freshness.stamp()
    with replica.view() as view:
        assert view.behind
        assert route(view, "nobody.test", None) == Hold("", HoldReason.BEHIND)


def test_behind_is_what_the_follower_stamps(replica: Replica) -> None:
    replica.apply([], 1, CHAIN)
    with replica.view() as view:
        assert view.behind
        replica.freshness.stamp()
        assert not view.behind


def test_a_view_stays_at_its_serial(replica: Replica, change_of) -> None:
    replica.apply([change_of(1, owner("alice"))], 1, CHAIN)
    with replica.view() as view:
        replica.apply([change_of(2, owner("alice"), deleted=True)], 2, CHAIN)
        assert (view.serial, view.owner("alice")) == (1, owner("alice"))
    with replica.view() as view:
        assert (view.serial, view.owner("alice")) == (2, None)


def test_challenges_are_found_by_name_and_by_what_is_above(
    replica: Replica, change_of
) -> None:
    challenge = Challenge("ada.apps.test", {"value": 1.0})
    changes = [change_of(1, challenge), change_of(2, owner("test"))]
    with replica.view() as view:
        assert not view.has_challenge_below("test")
    replica.apply(changes, 2, CHAIN)
    with replica.view() as view:
        assert view.challenge("ada.apps.test") == challenge
        assert view.challenge("apps.test") is None
        above = ("test", "apps.test", "ada.apps.test", "da.apps.test", "pps.test")
        assert [view.has_challenge_below(name) for name in above] == [
            True, True, False, False, False,
        ]  # fmt: skip


def test_what_changed_since_a_serial_is_told(replica: Replica, change_of) -> None:
    replica.apply([change_of(3, Owner("alice", "apps.test", "free"))], 4, NO_CHAIN)
    replica.apply([change_of(6, Owner("bob", "apps.test", "free"))], 6, NO_CHAIN)
    gone = change_of(9, Owner("alice", "apps.test", "free"), deleted=True)
    replica.apply([gone], 9, NO_CHAIN)
    with replica.view() as view:
        assert view.touched_after(4) == [("owner", "bob"), ("owner", "alice")]
        assert view.touched_after(9) == []
        assert view.touched_after(10) is None


def test_what_changed_before_a_snapshot_is_not_known(
    replica: Replica, change_of
) -> None:
    replica.replace([change_of(3, Owner("alice", "apps.test", "free"))], 5, NO_CHAIN)
    replica.apply([change_of(6, Owner("bob", "apps.test", "free"))], 6, NO_CHAIN)
    with replica.view() as view:
        assert view.touched_after(4) is None
        assert view.touched_after(5) == [("owner", "bob")]


def test_what_changed_long_ago_is_forgotten(
    replica: Replica, change_of, monkeypatch
) -> None:
    monkeypatch.setattr("domicile.replica.copy._MOST_TOUCHED", 3)
    for serial in range(1, 8):
        owner = Owner(f"o{serial}", "apps.test", "free")
        replica.apply([change_of(serial, owner)], serial, NO_CHAIN)
    with replica.view() as view:
        assert view.touched_after(3) is None
        assert view.touched_after(4) == [("owner", f"o{n}") for n in (5, 6, 7)]


def test_a_kind_is_gone_through_from_anywhere(replica: Replica, change_of) -> None:
    owners = [Owner(name, "apps.test", "free") for name in ("alice", "bob", "carol")]
    changes = [change_of(serial, each) for serial, each in enumerate(owners, 1)]
    replica.apply(changes, 3, NO_CHAIN)
    with replica.view() as view:
        assert list(view.all(Owner, after="alice")) == owners[1:]
        assert list(view.all(Owner, after="b")) == owners[1:]
        assert list(view.all(Owner, after="carol")) == []
