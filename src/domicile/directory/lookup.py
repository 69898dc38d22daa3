"""Looks up where a customer's host name leads, as the world's resolvers say it."""

from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
from dns.nameserver import Do53Nameserver
from dns.rdatatype import AAAA, CNAME, A, RdataType

from domicile.config import Address

# So long one question takes at most, with all its repetitions.
LOOKUP_SECONDS = 5.0


class Seen(NamedTuple):
    """The records of a host, as `TYPE value`; where no CNAME is one of them, why."""

    records: tuple[str, ...] = ()
    why: str = ""


async def look_up(host: str, resolvers: tuple[Address, ...]) -> Seen:
    """Ask for the host's CNAME; none of the resolvers named are the system's."""
    try:
        resolver = resolver_of(resolvers)
        records = await _ask(resolver, host, CNAME)
        if records:
            return Seen(records)
        others = await _ask(resolver, host, A) or await _ask(resolver, host, AAAA)
    except dns.resolver.NXDOMAIN:
        return Seen(why=f"there is no {host} in the DNS (NXDOMAIN)")
    except dns.exception.Timeout:
        return Seen(why=f"no resolver answered within {LOOKUP_SECONDS:.0f} s")
    except dns.exception.DNSException as error:
        # Not the error's words: they tell of resolvers, which are nobody else's to know.
        return Seen(why=f"the resolvers cannot tell ({type(error).__name__})")
    if others:
        # Nor which: a resolver may know names that are for the operator's eyes only.
        return Seen(
            why=f"{host} has addresses and no CNAME: an apex, which cannot have one, "
            "cannot be linked yet; link a name below it, such as www",
        )
    return Seen(why=f"{host} is there, and has neither a CNAME nor an address")


def resolver_of(resolvers: tuple[Address, ...]) -> dns.asyncresolver.Resolver:
    """Raises DNSException where the system has none either."""
    resolver = dns.asyncresolver.Resolver(configure=not resolvers)
    if resolvers:
        resolver.nameservers = [Do53Nameserver(*each) for each in resolvers]
    resolver.lifetime = LOOKUP_SECONDS
    return resolver


async def _ask(
    resolver: dns.asyncresolver.Resolver, host: str, kind: RdataType
) -> tuple[str, ...]:
    name = dns.name.from_text(host)
    answer = await resolver.resolve(name, kind, raise_on_no_answer=False, search=False)
    if answer.rrset is None:
        return ()
    return tuple(f"{kind.name} {_text(each)}" for each in answer.rrset)


def _text(rdata: object) -> str:
    """Names are compared in lower case (RFC 4343) and written without the last dot."""
    return str(rdata).lower().removesuffix(".")
