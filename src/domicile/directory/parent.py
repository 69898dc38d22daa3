"""Looks up what the parent zone says of a zone's keys: its DS records."""

import math

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from domicile.clock import Clock, monotonic
from domicile.config import Address
from domicile.directory.lookup import resolver_of

# A parent takes hours for a change, mostly.
_ASKED_EVERY = 60.0


class Parents:
    """Asks resolvers for DS records, of each zone now and then."""

    def __init__(
        self, resolvers: tuple[Address, ...], clock: Clock = monotonic
    ) -> None:
        self._resolvers = resolvers
        self._clock = clock
        self._asked_at: dict[str, float] = {}

    async def ds_of(self, zone: str) -> frozenset[bytes] | None:
        """Give the data of the DS records; None where that is not known now."""
        now = self._clock()
        if now < self._asked_at.get(zone, -math.inf) + _ASKED_EVERY:
            return None
        self._asked_at[zone] = now
        return await ds_at_parent(zone, self._resolvers)


async def ds_at_parent(
    zone: str, resolvers: tuple[Address, ...]
) -> frozenset[bytes] | None:
    """Give the data of the DS records; None where the resolvers cannot tell.

    That there is none is believed of the parent alone: its SOA comes with that answer.
    """
    name = dns.name.from_text(zone)
    try:
        resolver = resolver_of(resolvers)
        answer = await resolver.resolve(
            name, dns.rdatatype.DS, raise_on_no_answer=False, search=False
        )
    except dns.exception.DNSException:
        return None
    response = answer.response
    if not response.flags & dns.flags.RA:
        return None
    if answer.rrset is not None:
        return frozenset(each.to_wire() for each in answer.rrset)
    return frozenset() if _is_of_parent(name, response) else None


def _is_of_parent(name: dns.name.Name, response: dns.message.Message) -> bool:
    return any(
        each.rdtype == dns.rdatatype.SOA
        and name.is_subdomain(each.name)
        and name != each.name
        for each in response.authority
    )
