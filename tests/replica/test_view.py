"""A view is the replica at one serial, found by key and by index."""

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.digest import record_key
from domicile.model.records import (
    App,
    AppState,
    Challenge,
    Owner,
    Residence,
    ResidenceState,
    name_key,
)
from domicile.model.resolution import DirectoryView
from domicile.model.routing import ClusterView, Hold, HoldReason, Unknown, route
from domicile.replica.faults import DamagedReplica, UnreadableRecord
from domicile.replica.replica import Replica

CHAIN = b"c" * 16
APP = "abcdefghijklmnopqrstuvwxyz"
OTHER = "zyxwvutsrqponmlkjihgfedcba"


def owner(name: str) -> Owner:
    return Owner(name, "apps.test", "free")


def app(name: str, app_id: str = APP) -> App:
    return App(app_id, name, "alice", "apps.test", 1, AppState.RUNNING)


def residence(*hosts: str, app_id: str = APP) -> Residence:
    return Residence(app_id, "amber", 1, ResidenceState.HERE, hosts=hosts)


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
    replica.apply([], 1, CHAIN)
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
    replica.apply([change_of(1, app("shop"))], 1, CHAIN)
    entry = record_key("app", name_key("alice", "shop"))
    rot(entry + record_key("app", APP), entry + record_key("app", OTHER))
    with replica.view() as view, pytest.raises(DamagedReplica):
        view.app_named("alice", "shop")


def test_pages_that_mean_nothing_are_damage_to_every_look_up(
    replica: Replica, change_of, garble
) -> None:
    replica.apply([change_of(n, owner(f"o{n}")) for n in range(1, 500)], 499, CHAIN)
    garble()
    for look in (
        lambda view: view.owner("o7"),
        lambda view: view.app_named("o7", "shop"),
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
