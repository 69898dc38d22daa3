"""Serials that are told are of editions that can be taken."""

import os

import pytest

from domicile.dns.answer import Answer
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.transfer import serial_of, with_serial
from domicile.nameserver.published import Published

APEX, OTHER = name_from_text("apps.test"), name_from_text("other.test")


def soa(apex, serial=1):
    names = name_from_text("ns1.apps.test") + name_from_text("mail.apps.test")
    return RRset(apex, Rdtype.SOA, 60, (with_serial(names + bytes(20), serial),))


ADDRESS = RRset(APEX, Rdtype.A, 60, (b"\x7f\0\0\1",))


@pytest.fixture
def published():
    return Published([APEX])


def serials(found):
    both = found.answer + found.authority
    return [serial_of(each.rdatas[0]) for each in both if each.rdtype == Rdtype.SOA]


def test_before_anything_is_published_answers_stay_as_they_are(published):
    found = Answer.data(soa(APEX, 5))
    assert published.renumbered(found) == found


def test_the_soa_of_any_section_has_the_serial_that_is_published(published):
    published.publish(APEX, 2**32 - 1)
    assert serials(published.renumbered(Answer.data(soa(APEX)))) == [2**32 - 1]
    assert serials(published.renumbered(Answer.nx_domain(soa(APEX)))) == [2**32 - 1]
    published.publish(APEX, None)
    assert serials(published.renumbered(Answer.data(soa(APEX, 5)))) == [5]


def test_other_zones_and_other_records_stay_as_they_are(published):
    published.publish(APEX, 7)
    for found in (Answer.data(soa(OTHER)), Answer.data(ADDRESS)):
        assert published.renumbered(found) == found


def test_what_one_process_publishes_the_others_tell(published):
    child = os.fork()
    if child == 0:
        published.publish(APEX, 9)
        os._exit(0)
    os.waitpid(child, 0)
    assert serials(published.renumbered(Answer.data(soa(APEX)))) == [9]
