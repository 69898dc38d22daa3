"""Each peer serves a master file, signed or not; the Go server as an authority does."""

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from domicile.bench import peers
from domicile.bench.machine import find
from domicile.bench.names import ZONE, host_of
from domicile.bench.nameservers import Wanted, write_zone

needs_knot = pytest.mark.skipif(
    find("kzonesign") is None, reason="not installed: kzonesign (Debian: knot)"
)


def ask(port, name, rdtype="A", **edns):
    query = dns.message.make_query(name, rdtype, **edns)
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=5)


@pytest.fixture
def zone(folder):
    write_zone(folder / "zone", 100)
    return folder / "zone"


@pytest.fixture
def miekg(start, zone):
    found = start(Wanted(zone), "miekg")
    if not found:
        pytest.skip("not installed: golang-go golang-github-miekg-dns-dev")
    return found["miekg"].port


def test_the_go_server_answers_as_an_authority(miekg):
    reply = ask(miekg, host_of(7).upper(), use_edns=0)
    assert [str(rrset[0]) for rrset in reply.answer] == ["127.0.0.11"]
    assert reply.flags & dns.flags.AA
    assert (reply.edns, reply.payload) == (0, 1232)
    assert ask(miekg, host_of(7)).edns == -1


def test_the_go_server_says_no_with_an_soa_and_answers_for_nobody_else(miekg):
    for name, rcode in {
        f"no.{host_of(0)}": dns.rcode.NXDOMAIN,
        f"owner77.{ZONE}": dns.rcode.NXDOMAIN,
        f"owner0.{ZONE}": dns.rcode.NOERROR,
    }.items():
        reply = ask(miekg, name)
        assert (reply.rcode(), reply.answer) == (rcode, []), name
        assert [rrset.rdtype for rrset in reply.authority] == [dns.rdatatype.SOA]
    assert ask(miekg, "example.com").rcode() == dns.rcode.REFUSED


@needs_knot
def test_all_peers_give_the_signatures_of_one_signed_file(folder, start, zone):
    file = peers.sign(zone, ZONE, folder / "signed")
    makes = ("knot", "nsd", "miekg", "bind", "pdns")
    started = start(Wanted(file, signed=True), *makes)
    assert "knot" in started
    for name, (port, *_) in started.items():
        signed = {
            rrset.rdtype for rrset in ask(port, host_of(3), want_dnssec=True).answer
        }
        assert signed == {dns.rdatatype.A, dns.rdatatype.RRSIG}, name
        plain = {rrset.rdtype for rrset in ask(port, host_of(3)).answer}
        assert plain == {dns.rdatatype.A}, name
