import math

import pytest

from domicile.model.idleness import (
    MOST_TOLD,
    TOLD_LATE,
    Idle,
    asked_again,
    left_awake,
    told,
)


@pytest.mark.parametrize(
    ("seconds", "since", "heard_at", "left"),
    [
        (60.0, 100.0, 100.0 + TOLD_LATE, 60.0),
        (60.0, 100.0, 150.0 + TOLD_LATE, 10.0),
        (60.0, 100.0, 160.0 + TOLD_LATE, 0.0),
        (60.0, 100.0, 500.0, 0.0),
        # Of what was not told yet nobody knows.
        (60.0, 100.0, 160.0, TOLD_LATE),
        # Who is not heard any more keeps all awake, however long ago it was.
        (60.0, 100.0, 90.0, 70.0 + TOLD_LATE),
        (0.0, 100.0, 1e9, math.inf),
        (-1.0, 100.0, 1e9, math.inf),
        (math.nan, 100.0, 1e9, math.inf),
    ],
)
def test_an_app_sleeps_after_so_much_silence_that_was_heard(
    seconds, since, heard_at, left
):
    assert left_awake(Idle(seconds, since), heard_at) == left


def test_a_worker_tells_who_was_asked_lately_and_of_too_many_the_newest():
    assert told({"a": 100.0, "b": 90.0}, now=101.0) == {"a": 100.0}
    many = {f"app-{n}": 100.0 + n / 1000 for n in range(MOST_TOLD + 10)}
    assert len(told(many, now=102.0)) == MOST_TOLD
    assert min(told(many, now=102.0).values()) == 100.01


def test_what_is_told_twice_happened_once():
    before = {"a": 1.0, "b": 2.0, "c": 3.0}
    assert asked_again({"a": 1.0, "b": 2.5, "d": 4.0}, before) == {"b", "d"}
