import math

import pytest

from domicile.model.idleness import MOST_TOLD, TOLD_LATE, Idle, left_awake, newest


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


def test_who_was_asked_last_is_told_first():
    active = {f"app-{n}": float(MOST_TOLD + 10 - n) for n in range(MOST_TOLD + 10)}
    told = newest(active)
    assert len(told) == MOST_TOLD
    assert max(told.values()) == MOST_TOLD
    assert newest({"a": 1.0}) == {"a": 1.0}
