"""What the parent says of a zone is believed of the parent alone; a real server answers."""

import dns.flags
import dns.rcode
import dns.rrset
import pytest
from customer import CustomerDns

from domicile.config import Address
from domicile.directory.parent import Parents, ds_at_parent

ZONE = "apps.test"
DS = f"1 13 2 {'AB' * 32}"


class Resolver(CustomerDns):
    """A resolver that says whose word its answer is."""

    soa = "test."
    recursive = True

    def answer(self, query):
        response = super().answer(query)
        if self.soa and not response.answer:
            numbers = "ns.test. host.test. 1 2 3 4 5"
            response.authority.append(
                dns.rrset.from_text(self.soa, 60, "IN", "SOA", numbers)
            )
        if not self.recursive:
            response.flags &= ~dns.flags.RA
        return response


@pytest.fixture
def resolver():
    with Resolver() as served:
        served.set(ZONE, "TXT it-is-there")
        yield served


async def look(resolver):
    return await ds_at_parent(ZONE, (Address.parse(resolver.address),))


async def test_the_ds_records_are_given_as_they_are_on_the_wire(resolver):
    resolver.set(ZONE, f"DS {DS}")
    assert await look(resolver) == {bytes((0, 1, 13, 2)) + b"\xab" * 32}


async def test_that_there_is_none_is_the_parents_word(resolver):
    assert await look(resolver) == frozenset()
    # Our own name server would say it, too: as its child side, it has none.
    resolver.soa = "apps.test."
    assert await look(resolver) is None
    resolver.soa = ""
    assert await look(resolver) is None


async def test_who_asks_nobody_else_is_not_believed(resolver):
    resolver.recursive = False
    resolver.set(ZONE, f"DS {DS}")
    assert await look(resolver) is None


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL])
async def test_a_resolver_that_cannot_tell_says_nothing(resolver, rcode):
    resolver.rcode = rcode
    assert await look(resolver) is None


async def test_the_same_is_not_asked_again_and_again(resolver):
    now = 100.0
    parents = Parents((Address.parse(resolver.address),), lambda: now)
    assert await parents.ds_of(ZONE) == frozenset()
    assert await parents.ds_of(ZONE) is None
    assert len(resolver.asked) == 1
    now += 60
    assert await parents.ds_of(ZONE) == frozenset()
