"""The rules that every answer keeps."""

import pytest

from domicile.dns.answer import Answer
from domicile.dns.name import ROOT, name_from_text
from domicile.dns.rdata import Rcode, Rdtype, RRset, Soa, soa

APEX = name_from_text("apps.test")


def soa_rrset(ttl, minimum) -> RRset:
    value = soa(Soa(APEX, ROOT, 1, 2, 3, 4, minimum))
    return RRset(APEX, Rdtype.SOA, ttl, (value,))


@pytest.mark.parametrize(("ttl", "minimum", "owed"), [(60, 30, 30), (5, 30, 5)])
@pytest.mark.parametrize("negative", [Answer.no_data, Answer.nx_domain])
def test_a_no_lasts_as_long_as_the_smaller_of_ttl_and_minimum(
    negative, ttl, minimum, owed
):
    answer = negative(soa_rrset(ttl, minimum))
    assert answer.authoritative
    assert [rrset.ttl for rrset in answer.authority] == [owed]


def test_only_answers_from_a_zone_are_authoritative():
    found = RRset(APEX, Rdtype.A, 60, (b"\x7f\0\0\1",))
    assert Answer.data(found).authoritative
    assert not Answer.refused().authoritative
    assert not Answer.serv_fail().authoritative


def test_no_data_is_told_from_data_and_from_other_noes():
    soa_record = soa_rrset(60, 30)
    assert Answer.no_data(soa_record).is_no_data
    assert not Answer.data(soa_record).is_no_data
    assert not Answer.nx_domain(soa_record).is_no_data
    assert Answer.nx_domain(soa_record).rcode is Rcode.NXDOMAIN
    assert not Answer.refused().is_no_data
