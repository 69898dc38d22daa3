"""A digest is of what is there, not of how it came to be there."""

from hypothesis import given
from hypothesis import strategies as st

from domicile.model.digest import (
    DIGEST_SIZE,
    LONGEST_KEY,
    NOTHING,
    add_up,
    from_bytes,
    record_digest,
    record_key,
    to_bytes,
)

RECORDS = st.dictionaries(
    st.tuples(st.text(max_size=3), st.text(max_size=3)), st.binary(max_size=4)
)


def digest_of(records):
    return add_up(
        *(record_digest(record_key(*key), value) for key, value in records.items())
    )


@given(RECORDS, RECORDS)
def test_two_sets_have_one_digest_only_if_they_are_the_same(one, other):
    assert (digest_of(one) == digest_of(other)) == (one == other)


@given(st.permutations([(("owner", str(n)), b"v") for n in range(5)]))
def test_the_order_makes_no_difference(records):
    assert digest_of(dict(records)) == digest_of(dict(sorted(records)))


def test_what_goes_leaves_no_trace():
    part = record_digest(record_key("owner", "ada"), b"v")
    assert add_up(add_up(NOTHING, part), -part) == NOTHING


def test_a_digest_is_written_and_read():
    digest = digest_of({("owner", "ada"): b"v"})
    assert len(to_bytes(digest)) == DIGEST_SIZE
    assert from_bytes(to_bytes(digest)) == digest


def test_a_key_that_is_too_long_is_still_told_from_others():
    keys = {record_key("domain", "a" * 600 + end) for end in "xyz"}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {LONGEST_KEY}
