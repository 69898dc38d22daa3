"""Names on the wire, with dnspython as the judge."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.dns.name import (
    BadName,
    fold,
    labels_of,
    name_from_text,
    name_to_text,
    offset_of_suffix,
    read_name,
)

LABELS = st.lists(st.binary(min_size=1, max_size=63), max_size=5).filter(
    lambda labels: sum(len(label) + 1 for label in labels) < 255
)


def wire(labels) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


@given(LABELS, st.binary(max_size=20), st.binary(max_size=20))
def test_a_name_is_read_wherever_it_stands(labels, before, after):
    assert read_name(before + wire(labels) + after, len(before)) == wire(labels)


@given(LABELS)
def test_labels_are_those_that_dnspython_sees(labels):
    theirs = dns.name.from_wire(wire(labels), 0)[0].labels[:-1]
    assert labels_of(wire(labels)) == theirs


@given(LABELS)
def test_folding_lowers_ascii_letters_only(labels):
    theirs = dns.name.from_wire(wire(labels), 0)[0].canonicalize().to_wire()
    assert fold(wire(labels)) == theirs


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x03www",
        b"\x03ww",
        b"\xc0\x00",
        b"\x03www\xc0\x00",
        b"\x40" + b"a" * 64 + b"\0",
        b"\x80a\0",
        (b"\x3f" + b"a" * 63) * 4 + b"\0",
        (b"\x01a") * 127 + b"\x01a\0",
    ],
)
def test_what_is_no_plain_name_is_refused(packet):
    """Cut short, pointers, reserved label types, 64-octet labels, 256 octets."""
    assert read_name(packet, 0) is None


def test_a_name_of_255_octets_is_the_longest():
    longest = b"\x01a" * 127 + b"\0"
    assert read_name(longest, 0) == longest


def test_text_and_wire_agree():
    assert name_from_text("Bob.apps.test") == b"\x03Bob\x04apps\x04test\0"
    assert name_from_text("apps.test.") == b"\x04apps\x04test\0"
    assert name_from_text(".") == b"\0"
    assert name_to_text(b"\x03Bob\x04apps\0") == "Bob.apps"
    assert name_to_text(b"\0") == "."
    assert name_to_text(b"\x03a.\xff\0") == r"a\046\255"


@pytest.mark.parametrize("text", ["a..b", ".a", "a" * 64, "ä.test", "a." * 127 + "a"])
def test_text_that_fits_no_wire_is_refused(text):
    with pytest.raises(BadName):
        name_from_text(text)


def test_a_suffix_is_found_on_label_edges_only():
    name = b"\x03bob\x04apps\x04test\0"
    assert offset_of_suffix(name, name) == 0
    assert offset_of_suffix(name, b"\x04test\0") == 9
    assert offset_of_suffix(b"\x05a\x03com\x04test\0", b"\x03com\x04test\0") is None
    assert offset_of_suffix(b"\x04test\0", name) is None
