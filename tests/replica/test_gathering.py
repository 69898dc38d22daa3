"""What is given in any order comes back in order, the last of each key."""

import random

import pytest

from domicile.replica.gathering import Gathering


@pytest.mark.parametrize("most", [1, 7, 1000, 10_000])
def test_the_last_of_each_key_in_order(tmp_path, most):
    chance = random.Random(most)
    gathering = Gathering(tmp_path, "records", most)
    expected = {}
    for number in range(1, 3000):
        key = b"%d" % chance.randrange(1500)
        value = None if chance.random() < 0.3 else b"v%d" % number
        gathering.add(key, number, value)
        expected[key] = (number, value)
    wanted = sorted((k, n, v) for k, (n, v) in expected.items() if v is not None)
    assert list(gathering.in_order()) == wanted
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_nothing(tmp_path):
    assert list(Gathering(tmp_path, "records").in_order()) == []


def test_a_number_counts_and_not_the_order_of_adding(tmp_path):
    gathering = Gathering(tmp_path, "records", 2)
    for number in (5, 9, 7):
        gathering.add(b"k", number, b"%d" % number)
    assert list(gathering.in_order()) == [(b"k", 9, b"9")]
