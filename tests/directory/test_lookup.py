"""Where a host leads is told as it is, or why nobody can tell; a real server answers."""

import dns.rcode
import pytest
from customer import CustomerDns

from domicile.config import Address
from domicile.directory import lookup
from domicile.directory.lookup import look_up

HOST = "www.ada.example"


@pytest.fixture
def dns_of_ada():
    with CustomerDns() as served:
        yield served


async def look(served):
    return await look_up(HOST, (Address.parse(served.address),))


async def test_a_cname_is_seen_in_lower_case_and_without_the_last_dot(dns_of_ada):
    dns_of_ada.set(HOST, "CNAME ABC.Apps.Test")
    assert await look(dns_of_ada) == (("CNAME abc.apps.test",), "")
    assert dns_of_ada.asked == [HOST]


async def test_a_name_that_is_not_there_is_nxdomain(dns_of_ada):
    records, why = await look(dns_of_ada)
    assert records == ()
    assert "no www.ada.example in the DNS (NXDOMAIN)" in why


async def test_addresses_in_the_place_of_a_cname_are_no_link_and_not_shown(dns_of_ada):
    """A resolver of the operator's may know addresses that are for nobody else's eyes."""
    dns_of_ada.set(HOST, "A 192.0.2.1", "AAAA 2001:db8::1")
    records, why = await look(dns_of_ada)
    assert records == ()
    assert "192.0.2.1" not in why
    assert "an apex, which cannot have one" in why


async def test_a_name_without_records_that_we_ask_for_is_told_apart(dns_of_ada):
    dns_of_ada.set(HOST, "TXT hello")
    records, why = await look(dns_of_ada)
    assert records == ()
    assert "neither a CNAME nor an address" in why


async def test_a_resolver_that_cannot_tell_is_no_no(dns_of_ada):
    dns_of_ada.rcode = dns.rcode.SERVFAIL
    records, why = await look(dns_of_ada)
    assert records == ()
    assert why.startswith("the resolvers cannot tell")


async def test_nobody_is_waited_for_without_end(dns_of_ada, monkeypatch):
    monkeypatch.setattr(lookup, "LOOKUP_SECONDS", 0.2)
    dns_of_ada.silent = True
    records, why = await look(dns_of_ada)
    assert records == ()
    assert why.startswith("no resolver answered within")


async def test_the_next_resolver_is_asked_where_one_is_not_there(dns_of_ada):
    with CustomerDns() as gone:
        pass
    dns_of_ada.set(HOST, "CNAME abc.apps.test")
    resolvers = tuple(map(Address.parse, (gone.address, dns_of_ada.address)))
    assert (await look_up(HOST, resolvers)).records == ("CNAME abc.apps.test",)
