"""Which names are asked for."""

from collections import Counter

import pytest

from domicile.bench.names import (
    Mix,
    count_questions,
    host_of,
    name_of,
    questions,
)

NAMES = 2000


def asked(mix, count=NAMES, number=1):
    return list(questions(NAMES, mix, count, number))


def exist(hosts):
    every = set(map(host_of, range(NAMES)))
    return sum(host in every for host in hosts)


def test_a_host_is_that_of_its_app():
    assert all(host_of(number) == name_of(number).host for number in range(25))
    assert host_of(25) == "app25.owner2.bench.test"


@pytest.mark.parametrize("mix", [Mix.UNIFORM, Mix.DO])
def test_each_name_is_asked_for_before_any_comes_again(mix):
    hosts = asked(mix, 3 * NAMES)
    for start in range(0, 3 * NAMES, NAMES):
        assert len({*hosts[start : start + NAMES]}) == NAMES
    assert exist(hosts) == 3 * NAMES


def test_of_many_names_none_is_asked_for_twice_in_a_round():
    assert len({*questions(10_000_000, Mix.UNIFORM, 50_000, 1)}) == 50_000


def test_by_zipf_the_second_is_asked_for_about_half_as_often_as_the_first():
    counts = [count for _, count in Counter(asked(Mix.ZIPF, 50_000)).most_common()]
    assert 0.4 < counts[1] / counts[0] < 0.8
    assert 0.05 < counts[9] / counts[0] < 0.25
    assert exist(asked(Mix.ZIPF)) == NAMES


@pytest.mark.parametrize(("mix", "share"), [(Mix.MISSING10, 0.9), (Mix.MISSING90, 0.1)])
def test_so_many_are_missing_and_no_such_name_comes_twice(mix, share):
    hosts = asked(mix, 20_000)
    assert exist(hosts) / len(hosts) == pytest.approx(share, abs=0.02)
    missing = [host for host in hosts if host.startswith("no-")]
    assert len({*missing}) == len(missing)
    assert not {*missing} & {*asked(mix, 20_000, number=2)}


def test_a_round_is_the_same_every_time_and_unlike_the_next():
    assert asked(Mix.UNIFORM) == asked(Mix.UNIFORM)
    assert asked(Mix.UNIFORM) != asked(Mix.UNIFORM, number=2)


def test_a_run_has_questions_enough_where_none_may_come_twice():
    assert count_questions(1000, Mix.UNIFORM, 4) == 100_000
    assert count_questions(500_000, Mix.ZIPF, 4) == 500_000
    assert count_questions(100_000, Mix.MISSING90, 4) == 1_200_000
    assert count_questions(10_000_000, Mix.UNIFORM, 4) == 1_200_000
