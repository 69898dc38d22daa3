"""No more is allowed within any time than its seconds and what was saved up."""

import pytest

from domicile.dns.allowance import Allowance


def test_a_burst_is_allowed_and_then_so_many_a_second():
    allowance = Allowance(10)
    assert [allowance.take(5.0) for _ in range(21)] == [True] * 20 + [False]
    assert [allowance.take(5.5) for _ in range(6)] == [True] * 5 + [False]
    assert not allowance.take(5.5)
    assert allowance.take(5.625)


def test_no_more_than_a_burst_is_saved_up():
    allowance = Allowance(10)
    allowance.take(0.0)
    assert sum(allowance.take(1e6) for _ in range(100)) == 20


@pytest.mark.parametrize("step", [0.001, 0.03, 0.2])
def test_over_a_long_time_the_rate_is_kept(step):
    allowance = Allowance(10)
    times = [number * step for number in range(int(100 / step))]
    taken = sum(allowance.take(now) for now in times)
    assert taken <= min(len(times), 1000 + 20)
    assert taken >= min(len(times), 1000)
