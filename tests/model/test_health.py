"""Which addresses are withdrawn: examples, and what holds whatever is said."""

from hypothesis import given
from hypothesis import strategies as st

from domicile.model.health import (
    BAD_IN_A_ROW,
    FEWEST,
    FRESH_SECONDS,
    GOOD_IN_A_ROW,
    Sighting,
    Word,
    hear,
    withdrawn_of,
)
from domicile.model.records import Cluster

NOW = 1_900_000_000.0
ONE, TWO, THREE, FOUR = (f"192.0.2.{number}" for number in range(1, 5))
SIX = "2001:db8::1"
AMBER = Cluster("amber", (ONE, TWO), ())
WELL_ELSEWHERE = Sighting("birch", "192.0.2.99", True)


def says(reporter, *bad, good=(), row=BAD_IN_A_ROW, at=NOW):
    """Give the word of somebody who sees other clusters well."""
    sightings = [Sighting("amber", each, False, row) for each in bad]
    sightings += [Sighting("amber", each, True, row) for each in good]
    return Word(reporter, at, (WELL_ELSEWHERE, *sightings))


def withdrawn(words, cluster=AMBER):
    return withdrawn_of(cluster, hear(words, NOW))


def away(*addresses, of=(ONE, TWO)):
    return Cluster("amber", of, (), withdrawn=addresses)


def test_what_most_find_dead_is_withdrawn():
    assert withdrawn([says("a", ONE), says("b", ONE)]) == (ONE,)
    assert withdrawn([says("a", ONE), says("b", ONE), says("c", good=[ONE])]) == (ONE,)


def test_a_minority_or_half_withdraws_nothing():
    assert withdrawn([says("a", ONE), says("b", good=[ONE])]) == ()
    assert withdrawn([says("a", ONE), *(says(r, good=[ONE]) for r in "bc")]) == ()


def test_one_reporter_alone_withdraws_nothing():
    assert withdrawn([says("a", ONE)]) == ()


def test_what_failed_less_often_is_not_yet_withdrawn():
    row = BAD_IN_A_ROW - 1
    assert withdrawn([says("a", ONE), says("b", ONE, row=row)]) == ()


def test_who_is_not_sure_counts_as_one_who_does_not_speak_against():
    unsure = [says(r, good=[ONE], row=1) for r in "cd"]
    assert withdrawn([says("a", ONE), says("b", ONE), *unsure]) == ()


def test_what_is_stale_does_not_count_nor_what_comes_from_the_future():
    for at in (NOW - FRESH_SECONDS, NOW + FRESH_SECONDS):
        assert withdrawn([says("a", ONE), says("b", ONE, at=at)]) == ()


def test_who_sees_nobody_well_is_not_heard():
    blind = [Word(each, NOW, (Sighting("amber", ONE, False, 9),)) for each in "bc"]
    assert withdrawn([says("a", ONE), *blind]) == ()
    assert withdrawn([says("a", good=[ONE]), *blind], away(TWO)) == (TWO,)


def test_it_is_back_once_most_find_it_well():
    again = {"good": [ONE], "row": GOOD_IN_A_ROW}
    assert withdrawn([says("a", **again), says("b", ONE)], away(ONE)) == (ONE,)
    assert withdrawn([says("a", **again), says("b", **again)], away(ONE)) == ()
    fresh = {"good": [ONE], "row": GOOD_IN_A_ROW - 1}
    assert withdrawn([says("a", **again), says("b", **fresh)], away(ONE)) == (ONE,)


def test_one_reporter_that_is_left_can_bring_an_address_back():
    """To answer an address too much is the smaller fault."""
    assert withdrawn([says("a", good=[ONE])], away(ONE)) == ()


def test_where_nobody_is_heard_all_stays_as_it_is():
    assert withdrawn([]) == ()
    assert withdrawn([], away(ONE)) == (ONE,)


def test_of_a_cluster_that_is_dead_half_is_answered_still():
    four = Cluster("amber", (ONE, TWO, THREE, FOUR), ())
    dead = [says(each, *four.addresses) for each in "ab"]
    assert withdrawn(dead, four) == (ONE, TWO)
    # Not those, if others are away already.
    assert withdrawn(dead, away(THREE, of=four.addresses)) == (ONE, THREE)


def test_the_last_of_a_family_stays():
    """A client that has IPv4 alone is helped by no IPv6."""
    both = Cluster("amber", (ONE, SIX), ())
    assert withdrawn([says("a", ONE), says("b", ONE)], both) == ()
    more = Cluster("amber", (ONE, TWO, SIX), ())
    assert withdrawn([says("a", ONE, SIX), says("b", ONE, SIX)], more) == (ONE,)


def test_an_address_that_the_cluster_has_no_more_is_withdrawn_no_more():
    assert withdrawn([], Cluster("amber", (ONE,), (), withdrawn=(TWO,))) == ()


ADDRESSES = [*(f"192.0.2.{number}" for number in range(6)), SIX, "2001:db8::2"]
SIGHTINGS = st.builds(
    Sighting,
    st.sampled_from(["amber", "birch"]),
    st.sampled_from(ADDRESSES),
    st.booleans(),
    st.integers(1, 5),
)
WORDS = st.lists(
    st.builds(
        Word,
        st.sampled_from("abcde"),
        st.floats(NOW - 2 * FRESH_SECONDS, NOW + 2 * FRESH_SECONDS),
        st.lists(SIGHTINGS, max_size=12).map(tuple),
    ),
    max_size=6,
    unique_by=lambda word: word.reporter,
)


@st.composite
def clusters(draw):
    addresses = draw(st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True))
    before = draw(st.lists(st.sampled_from(ADDRESSES), unique=True))
    return Cluster("amber", tuple(addresses), (), withdrawn=tuple(before))


def speaking(words, address, well, row):
    """Tell who counts, and who speaks, without the model's help."""
    count = speak = 0
    for word in words:
        if abs(word.at - NOW) >= FRESH_SECONDS:
            continue
        if not any(each.well for each in word.sightings):
            continue
        said = [
            each
            for each in word.sightings
            if (each.cluster, each.address) == ("amber", address)
        ]
        count += bool(said)
        speak += bool(said) and said[-1].well is well and said[-1].row >= row
    return count, speak


@given(clusters(), WORDS)
def test_never_more_than_half_and_never_the_last_of_a_family(cluster, words):
    found = withdrawn(words, cluster)
    assert set(found) <= set(cluster.addresses)
    assert len(found) * 2 <= len(cluster.addresses)
    for is_six in (False, True):
        family = [each for each in cluster.addresses if (":" in each) is is_six]
        left = [each for each in family if each not in found]
        assert bool(left) is bool(family)


@given(clusters(), WORDS)
def test_only_a_majority_of_enough_takes_an_address_away(cluster, words):
    for address in set(withdrawn(words, cluster)) - set(cluster.withdrawn):
        count, speak = speaking(words, address, False, BAD_IN_A_ROW)
        assert count >= FEWEST
        assert speak * 2 > count


@given(clusters(), WORDS)
def test_only_a_majority_brings_one_back_or_that_there_is_no_room(cluster, words):
    found = withdrawn(words, cluster)
    for address in set(cluster.withdrawn) & set(cluster.addresses) - set(found):
        count, speak = speaking(words, address, True, GOOD_IN_A_ROW)
        family = [
            each for each in cluster.addresses if (":" in each) == (":" in address)
        ]
        full = len([each for each in family if each in found]) == len(family) // 2
        assert speak * 2 > count or full


@given(clusters(), WORDS)
def test_what_was_decided_stays_decided_while_the_same_is_said(cluster, words):
    once = withdrawn(words, cluster)
    settled = Cluster("amber", cluster.addresses, (), withdrawn=once)
    assert withdrawn(words, settled) == once
