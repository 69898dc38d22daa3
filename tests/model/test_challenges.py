"""Where challenges are, who may change them, and what a change makes of them."""

import pytest

from domicile.model.challenges import (
    LIFETIME,
    MOST_VALUES,
    Action,
    BadValue,
    Change,
    NotAChallenge,
    Requirement,
    TooManyValues,
    changed,
    may_update,
    place_of,
)
from domicile.model.zone_records import Challenge, ChallengeMode, UpdateKey, Zone

ZONES = {
    zone.name: zone
    for zone in (
        Zone("apps.test", {}),
        Zone("paid.apps.test", {}),
        Zone("far.test", {}, challenges=ChallengeMode.DELEGATE, validation="only.test"),
        Zone(
            "gone.test", {}, challenges=ChallengeMode.DELEGATE, validation="x.example"
        ),
        Zone("only.test", {}, challenges=ChallengeMode.ONLY),
    )
}
AT = "_acme-challenge.ada.apps.test"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (AT, AT),
        ("_acme-challenge.apps.test", "_acme-challenge.apps.test"),
        ("_acme-challenge.ada.far.test", "ada.far.test.only.test"),
        ("_acme-challenge.far.test", "far.test.only.test"),
        ("shop.example.only.test", "shop.example.only.test"),
    ],
)
def test_a_challenge_has_one_place(name, place):
    assert place_of(ZONES.get, name) == place


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("_acme-challenge.shop.example", "in no zone of ours"),
        ("ada.apps.test", "they are at _acme-challenge.NAME"),
        ("x._acme-challenge.apps.test", "they are at _acme-challenge.NAME"),
        ("only.test", "below its apex"),
        ("_acme-challenge.gone.test", "write gone.test.x.example there"),
        ("_Acme-Challenge.apps.test", "is not a name"),
        ("_acme-challenge..apps.test", "is not a name"),
        ("", "is not a name"),
        (".".join(["a" * 60] * 5), "is not a name"),
    ],
)
def test_any_other_name_has_none(name, says):
    with pytest.raises(NotAChallenge, match=says):
        place_of(ZONES.get, name)


@pytest.mark.parametrize(
    ("place", "may"),
    [
        (AT, True),
        ("ada.apps.test.only.test", True),
        ("shop.example.only.test", True),
        ("_acme-challenge.apps.test", False),
        ("_acme-challenge.x.ada.apps.test", False),
        ("_acme-challenge.bob.apps.test", False),
        ("x.shop.example.only.test", False),
        ("only.test", False),
        ("ada.apps.test.else.example", False),
    ],
)
def test_a_key_is_for_the_challenges_of_its_names_and_of_none_below(place, may):
    key = UpdateKey("k", "hmac-sha256", b"", ("ada.apps.test", "shop.example"))
    assert may_update(key, ZONES.get, place) is may


def add(value):
    return Change(AT, Action.ADD, value)


def test_values_are_added_beside_others_and_removed_alone():
    both = changed(None, AT, [add("one"), add("two")], now=1.0)
    assert both == Challenge(AT, {"one": 1 + LIFETIME, "two": 1 + LIFETIME})
    one = changed(both, AT, [Change(AT, Action.REMOVE, "two")], now=2.0)
    assert one == Challenge(AT, {"one": 1 + LIFETIME})
    assert changed(one, AT, [Change(AT, Action.REMOVE, "two")], now=2.0) == one
    assert changed(one, AT, [Change(AT, Action.CLEAR)], now=2.0) is None
    assert changed(None, AT, [Change(AT, Action.CLEAR)], now=2.0) is None


def test_changes_are_made_in_their_order():
    """RFC 2136 3.4.2: a client clears a name and then adds to it, in one message."""
    before = Challenge(AT, {"old": 9e9})
    changes = [Change(AT, Action.CLEAR), add("new")]
    assert changed(before, AT, changes, now=1.0).live(1.0) == ("new",)
    assert changed(before, AT, changes[::-1], now=1.0) is None


def test_to_add_again_is_to_have_it_for_longer_and_what_ended_goes():
    before = Challenge(AT, {"one": 5.0, "two": 5.0})
    assert changed(before, AT, [add("one")], now=7.0) == Challenge(
        AT, {"one": 7 + LIFETIME}
    )


@pytest.mark.parametrize("value", ["", "ü", "a\nb", "a" * 256])
def test_a_value_fits_a_string_of_txt(value):
    with pytest.raises(BadValue):
        changed(None, AT, [add(value)], now=1.0)


def test_there_is_an_end_to_the_values_of_a_name():
    enough = [add(f"v{number}") for number in range(MOST_VALUES)]
    full = changed(None, AT, enough, now=1.0)
    assert changed(full, AT, enough, now=1.0) == full
    with pytest.raises(TooManyValues, match="101 challenges: 100"):
        changed(full, AT, [add("more")], now=1.0)


@pytest.mark.parametrize(
    ("present", "values", "met_by"),
    [
        (True, None, [("a",), ("a", "b")]),
        (False, None, [()]),
        (True, ("b", "a"), [("a", "b")]),
    ],
)
def test_a_requirement_is_met_or_not(present, values, met_by):
    requirement = Requirement(AT, present, values)
    every = [(), ("a",), ("a", "b")]
    assert [live for live in every if requirement.is_met(live)] == met_by
