"""Master files: what is read, and what is refused with which words."""

import pytest

from domicile.dns.rdata import Rdtype
from domicile.dns.zonefile import BadZone, read_zone

HEAD = """\
$TTL 300
@ IN SOA ns host 1 2 3 4 5
@ IN NS ns
ns IN A 192.0.2.53
"""
APEX = b"\x07example\x00"


def read(text, apex="example."):
    return read_zone(apex, HEAD + text)


def test_records_are_found_by_folded_names_with_their_data_as_written():
    zone = read('WWW 60 IN TXT "Case stays"\nb.A IN TYPE65280 \\# 2 0102\n')
    txt = zone.node(b"\x03www" + APEX).get(Rdtype.TXT)
    assert (txt.ttl, txt.rdatas) == (60, (b"\x0aCase stays",))
    assert zone.node(b"\x01b\x01a" + APEX).get(65280).rdatas == (b"\x01\x02",)


def test_what_has_names_below_it_is_there_and_has_nothing():
    zone = read("deep.down.www IN A 192.0.2.1\n")
    for name in (b"\x04down\x03www" + APEX, b"\x03www" + APEX):
        assert zone.node(name) == {}
    assert zone.node(b"\x02no" + APEX) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("www IN A 192.0.2.300\n", "just before line:6"),
        ("www IN A\n", "just before line:6"),
        ("www IN CNAME a\nwww IN A 192.0.2.1\n", "has a CNAME, and other records"),
        ("www IN CNAME a\nwww IN CNAME b\n", "www.example has two CNAMEs"),
        ("www IN DNAME a\nwww IN DNAME b\n", "www.example has two DNAMEs"),
        ("www IN SOA ns host 1 2 3 4 5\n", "SOA"),
        ("www.elsewhere. IN A 192.0.2.1\n", "www.elsewhere is not below its apex"),
        ("$INCLUDE /etc/passwd\n", "INCLUDE"),
        ("@ IN SOA ns host 2 2 3 4 5\n", "one SOA is wanted"),
    ],
)
def test_what_is_no_zone_is_told(text, says):
    with pytest.raises(BadZone, match="zone example") as raised:
        read(text)
    assert says in str(raised.value)


def test_a_zone_without_a_soa_is_none():
    with pytest.raises(BadZone, match="one SOA is wanted at its apex"):
        read_zone("example.", "www.example. 60 IN A 192.0.2.1\n")
