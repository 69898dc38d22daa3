"""Times of moves, and how long answers last until then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.model.schedules import (
    LONGEST_AHEAD,
    SHORTEST_TTL,
    BadTime,
    read_time,
    ttl_until,
    write_time,
)

NOW = 1_900_000_000.0
TTLS = st.integers(0, 2**31 - 1)
TIMES = st.floats(1.0, 4e9)


@given(TTLS, TIMES)
def test_an_app_that_is_to_stay_has_the_ttl_of_its_zone(ttl, now):
    assert ttl_until(ttl, 0.0, now) == ttl


@given(st.integers(SHORTEST_TTL, 2**31 - 1), TIMES, TIMES)
def test_no_answer_outlasts_the_move_by_more_than_the_shortest_ttl(ttl, at, now):
    found = ttl_until(ttl, at, now)
    assert SHORTEST_TTL <= found <= ttl
    assert now + found <= max(at, now + SHORTEST_TTL)


@given(TTLS, TIMES, TIMES, st.floats(0, 1e6))
def test_the_ttl_never_rises_while_the_move_comes_nearer(ttl, at, now, later):
    assert ttl_until(ttl, at, now + later) <= ttl_until(ttl, at, now)


@given(st.integers(0, SHORTEST_TTL), TIMES, TIMES)
def test_a_ttl_that_is_shorter_anyway_is_not_made_longer(ttl, at, now):
    assert ttl_until(ttl, at, now) == ttl


@given(TTLS, st.floats(), st.floats())
def test_no_time_that_a_record_can_hold_breaks_an_answer(ttl, at, now):
    assert 0 <= ttl_until(ttl, at, now) <= ttl


@pytest.mark.parametrize(
    ("left", "ttl"),
    [(3600, 60), (60.1, 60), (60, 60), (59.9, 59), (30, 30), (5.9, 5), (1, 5), (-9, 5)],
)
def test_the_ttl_is_what_is_left_and_from_5_to_60(left, ttl):
    assert ttl_until(60, NOW + left, NOW) == ttl


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("+90s", NOW + 90),
        ("+10m", NOW + 600),
        ("+2h", NOW + 7200),
        ("+1d", NOW + 86400),
        ("2030-03-18T00:00:00Z", 1_900_022_400.0),
        ("2030-03-18T01:00:00+01:00", 1_900_022_400.0),
    ],
)
def test_a_time_is_ahead_of_now_or_as_iso_8601_has_it(text, at):
    assert read_time(text, NOW) == at


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no time: write it as"),
        ("soon", "is no time: write it as"),
        ("10m", "is no time: write it as"),
        ("+10", "is no time: write it as"),
        ("2030-03-18T00:00:00", "in which zone"),
        ("2020-03-18T00:00:00Z", "is over"),
        ("+0s", "is over"),
        ("+367d", "more than a year"),
        ("9999-12-31T23:59:59Z", "more than a year"),
    ],
)
def test_what_is_no_time_for_a_move_says_what_would_be(text, says):
    with pytest.raises(BadTime, match=says):
        read_time(text, NOW)


@given(st.floats(NOW + 2, NOW + LONGEST_AHEAD - 1))
def test_a_time_that_was_written_is_read_to_the_second(at):
    assert read_time(write_time(at), NOW) == int(at)
