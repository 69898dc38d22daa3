"""Transfers given by real processes."""

import contextlib
import time

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.xfr
import dns.zone
import psutil
import pytest
from primary import KEY, apps, key_record, until

TSIG = dns.tsig.Key(*KEY, dns.tsig.HMAC_SHA256)


def take(primary, rdtype="AXFR", serial=None):
    """Take the zone as a secondary does; what it is refused with is raised."""
    query, zone = (
        dns.message.make_query("apps.test", rdtype),
        dns.zone.Zone("apps.test"),
    )
    query.use_tsig(TSIG)
    place = primary.address
    dns.query.inbound_xfr(place.host, zone, query, place.port, timeout=20)
    return zone


@pytest.mark.parametrize("ask", [dns.query.udp, dns.query.tcp])
def test_its_serial_is_told_signed_to_who_signs(start_primary, ask):
    """As secondaries of BIND and Knot ask before they take anything."""
    primary = start_primary()
    until(primary.serial)
    query = dns.message.make_query("apps.test", "SOA")
    query.use_tsig(TSIG)
    reply = ask(query, primary.address.host, 5, primary.address.port)
    assert reply.had_tsig
    assert reply.answer[0][0].serial == primary.serial()


def test_a_key_of_the_directory_is_good_for_its_zones_only(start_primary, store):
    store.write(key_record())
    primary = start_primary(key=KEY[0])
    until(primary.serial)
    with pytest.raises(dns.exception.DNSException):
        take(primary)
    store.write(key_record("apps.test"))
    zone = None
    deadline = time.monotonic() + 20
    while zone is None:
        assert time.monotonic() < deadline
        with contextlib.suppress(dns.exception.DNSException):
            zone = take(primary)
    assert zone.get_node("app1.ada") is not None


def test_it_gives_on_after_it_was_killed(start_primary, store):
    """The process of transfers is one of those that are started again."""
    primary = start_primary()
    until(primary.serial)
    before = take(primary)
    for child in psutil.Process(primary.process.pid).children():
        if child.name() == "transfers":
            child.kill()
    assert take(primary).nodes.keys() == before.nodes.keys()
    serial = primary.serial()
    store.write(*apps([77]))
    until(lambda: primary.serial() != serial)
    assert take(primary).get_node("app77.ada") is not None


def test_a_zone_that_is_not_offered_is_refused(start_primary):
    primary = start_primary()
    until(primary.serial)
    query = dns.message.make_query("other.test", "AXFR", use_edns=0)
    place = primary.address
    reply = dns.query.tcp(query, place.host, 5, place.port)
    assert reply.rcode() == dns.rcode.REFUSED
    assert [each.text for each in reply.options] == [
        "no transfers of this zone are given"
    ]
