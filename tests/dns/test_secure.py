"""What is added to an answer; `nameserver/test_signed.py` holds it against a validator."""

import pytest

from domicile.dns.answer import Answer
from domicile.dns.keys import make_key
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rcode, Rdtype
from domicile.dns.secure import NotSignable, Securing, SignedZone
from domicile.dns.signatures import Purpose, Signatures
from domicile.dns.zonefile import read_zone
from domicile.dns.zones import answer

SIGNED = read_zone("s.test.", "@ 300 SOA n a 1 2 3 4 60\na 300 A 192.0.2.1\n")
PLAIN = read_zone("p.test.", "@ 300 SOA n a 1 2 3 4 60\na 300 CNAME a.s.test.\n")
ZONES = (SIGNED, PLAIN)
KEY = make_key()


def find_zone(name):
    return next((each for each in ZONES if name.endswith(each.apex)), None)


def secured(name, rdtype, *, compact_ok=False, trouble=""):
    zone = SignedZone(SIGNED.apex, 200, {}, [KEY], [KEY], trouble)
    securing = Securing(
        find_zone, {SIGNED.apex: zone}, Signatures(), Purpose(1_700_000_000)
    )
    wire = name_from_text(name)
    return securing.secure(wire, answer(find_zone, wire, rdtype), compact_ok=compact_ok)


def kinds(rrsets):
    return [Rdtype(each.rdtype).name for each in rrsets]


def test_each_set_of_a_signed_zone_is_signed_and_lasts_no_longer_than_may_be():
    found = secured("a.s.test", Rdtype.A)
    assert kinds(found.answer) == ["A", "RRSIG"]
    assert {each.ttl for each in found.answer} == {200}


def test_a_chain_is_signed_where_its_zones_are():
    assert kinds(secured("a.p.test", Rdtype.A).answer) == ["CNAME", "A", "RRSIG"]


def test_a_no_of_an_unsigned_zone_stays_as_it_is():
    found = secured("no.p.test", Rdtype.A)
    assert (found.rcode, kinds(found.authority)) == (Rcode.NXDOMAIN, ["SOA"])


@pytest.mark.parametrize("compact_ok", [False, True])
def test_a_name_that_is_not_there_is_told_by_the_proof_alone(compact_ok):
    found = secured("no.s.test", Rdtype.A, compact_ok=compact_ok)
    assert found.rcode is (Rcode.NXDOMAIN if compact_ok else Rcode.NOERROR)
    assert kinds(found.authority) == ["SOA", "RRSIG", "NSEC", "RRSIG"]


def test_a_zone_whose_keys_cannot_be_used_gives_no_answer():
    with pytest.raises(NotSignable, match="no key"):
        secured("a.s.test", Rdtype.A, trouble="no key")


def test_what_is_no_answer_of_a_zone_is_left_alone():
    for rcode in (Rcode.REFUSED, Rcode.SERVFAIL):
        securing = Securing(find_zone, {}, Signatures(), Purpose(0))
        left = Answer(rcode)
        assert securing.secure(b"\0", left, compact_ok=False) is left
