"""Messages cut into records, and what is none."""

import dns.message
import dns.update
import pytest

from domicile.dns.sections import FormError, Section, TooManyRecords, read_sections


def an_update():
    update = dns.update.UpdateMessage("apps.test")
    update.absent("a", "TXT")
    update.add("a", 60, "TXT", "one")
    return update


def test_a_message_is_cut_into_its_records():
    update = an_update()
    wire = update.to_wire()
    whole = read_sections(wire, most=2)
    assert whole.id == update.id
    assert whole.question.name.to_text() == "apps.test."
    assert [each.section for each in whole.records] == [
        Section.PREREQUISITE,
        Section.UPDATE,
    ]
    first, last = whole.records
    assert last.name.to_text() == "a.apps.test."
    assert whole.data_of(last) == b"\3one"
    assert whole.data_of(first) == b""


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"x" * 11,
        b"\0\0\x28\0" + bytes(8),
        an_update().to_wire() + b"\0",
        an_update().to_wire()[:-1],
        # A name that points at itself.
        b"\0\0\x28\0\0\1\0\0\0\0\0\0\xc0\x0c\0\6\0\1",
    ],
)
def test_what_is_no_message_is_said_to_be_none(octets):
    with pytest.raises(FormError):
        read_sections(octets, most=2)


def test_no_more_records_are_read_than_are_allowed():
    update = an_update()
    for number in range(2):
        update.add("a", 60, "TXT", f"more {number}")
    read_sections(update.to_wire(), most=3)
    with pytest.raises(TooManyRecords):
        read_sections(update.to_wire(), most=2)
