"""Serials only go forward, whatever is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.dns.serial import is_newer, next_serial

SERIAL = st.integers(0, 2**32 - 1)
STEP = 2**20


@pytest.mark.parametrize(
    ("one", "other", "newer"),
    [
        (1, 0, True),
        (0, 0, False),
        (0, 1, False),
        # RFC 1982 5.2, of 32 bits.
        (0, 2**32 - 1, True),
        (100, 2**32 - 44, True),
        (2**31, 0, False),
        (0, 2**31, False),
        (2**31 - 1, 0, True),
    ],
)
def test_serials_are_compared_as_the_rfc_says(one, other, newer):
    assert is_newer(one, other) is newer


@given(SERIAL, SERIAL, st.sampled_from([1, STEP]))
def test_the_next_is_always_newer(last, wanted, step):
    """Save where the wanted one is half the numbers away: then it is neither."""
    if (wanted - last) % 2**32 != 2**31:
        assert is_newer(next_serial(last, wanted, step), last)


def test_the_wanted_one_is_taken_where_it_can_be():
    assert next_serial(None, 5, STEP) == 5
    assert next_serial(5, 6, STEP) == 6
    assert next_serial(2**32 - 1, 2**32 + 3, STEP) == 3


def test_what_is_counted_anew_goes_on_a_step_further_and_by_ones_again():
    """Two servers that were not at the same serial are so again."""
    assert next_serial(1000, 900, STEP) == STEP + 900
    assert next_serial(1003, 900, STEP) == STEP + 900
    assert next_serial(STEP + 900, 901, STEP) == STEP + 901
    assert next_serial(STEP + 901, 901, STEP) == 2 * STEP + 901
