"""What is stored is read back to the octet, and what is garbled is not read."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.model.digest import record_key
from domicile.model.records import Owner, Placement, encode
from domicile.replica.faults import DamagedReplica
from domicile.replica.layout import checked, key_at, kind_at, place_of, stored

ID = "abcdefghijklmnopqrstuvwxyz"
KINDS = st.sampled_from(["placement", "owner", "zone", "comet"])


def test_a_placement_is_stored_without_its_key():
    value = encode(Placement(ID, "amber", 7, "hello", "ada", "apps.test"))
    place = place_of("placement", ID)
    assert ID.encode() not in stored(place, value)
    assert len(stored(place, value)) == 4 + len(value) - 27
    assert checked(place, stored(place, value)) == value


@given(KINDS, st.text(max_size=600))
def test_a_place_tells_its_kind_and_key(kind, key):
    place = place_of(kind, key)
    assert key_at(place) == record_key(kind, key)
    assert kind_at(place) == kind


@given(
    KINDS,
    st.text(max_size=40),
    st.one_of(
        st.binary().filter(lambda value: not value or value[0] & 0xF0 != 0x10),
        st.builds(
            lambda *values: msgspec.msgpack.encode(values),
            st.text(max_size=40), st.text(), st.integers(0, 2**60),
        ),
    ),
)  # fmt: skip
def test_any_record_is_read_back_to_the_octet(kind, key, value):
    place = place_of(kind, key)
    assert checked(place, stored(place, value)) == value


@given(st.text("abc", min_size=1, max_size=33), st.lists(st.text(), max_size=17))
def test_an_array_that_begins_with_its_key_is_too(key, rest):
    place = place_of("placement", key)
    value = msgspec.msgpack.encode([key, *rest])
    assert checked(place, stored(place, value)) == value


@pytest.mark.parametrize("record", [Placement(ID, "amber", 7), Owner(ID, "z", "p")])
def test_no_octet_may_differ(record):
    place = place_of(record.kind, record.key)
    written = stored(place, encode(record))
    for at in range(len(written)):
        garbled = written[:at] + bytes((written[at] ^ 1,)) + written[at + 1 :]
        with pytest.raises(DamagedReplica):
            checked(place, garbled)


def test_a_placement_is_not_read_at_another_key():
    written = stored(place_of("placement", ID), encode(Placement(ID, "amber", 7)))
    with pytest.raises(DamagedReplica):
        checked(place_of("placement", ID[::-1]), written)
