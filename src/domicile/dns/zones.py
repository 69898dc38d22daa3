"""Answers out of several zones: chains are followed while they stay in ours."""

from __future__ import annotations

from collections.abc import Callable

from domicile.dns.answer import Answer
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.zone import Alias, Cut, Data, NoData, Nodes, NoName, look

FindZone = Callable[[bytes], Nodes | None]
"""Gives the zone whose apex is the longest that a name, folded, is at or below."""

# As many as BIND follows; more than that nobody means.
_LONGEST_CHAIN = 16

# Whose data ends with, or begins with, a name that the asker will want addresses of.
_ADDRESSED: dict[int, int] = {Rdtype.NS: 0, Rdtype.MX: 2, Rdtype.SRV: 6}


def answer(find_zone: FindZone, name: bytes, rdtype: int) -> Answer:
    """Answer for a name, folded, and a type that is no meta type."""
    zone = _zone_for(find_zone, name, rdtype)
    if zone is None:
        return Answer.refused()
    chain: tuple[RRset, ...] = ()
    while True:
        found = look(zone, name, rdtype)
        if not isinstance(found, Alias):
            return _end(zone, find_zone, found, chain)
        chain += tuple(each for each in found.rrsets if each not in chain)
        if found.target is None:
            return Answer.yx_domain(chain)
        if rdtype == Rdtype.CNAME:
            # Made of a DNAME, it is what was asked for.
            return Answer.data(*chain)
        name = found.target
        onward = _zone_for(find_zone, name, rdtype)
        endless = _is_endless(chain, name) or len(chain) >= _LONGEST_CHAIN
        if onward is None or endless:
            return Answer.unfinished(chain)
        zone = onward


def _is_endless(chain: tuple[RRset, ...], name: bytes) -> bool:
    """A circle; or a DNAME to below itself: one whose names grow with each round."""
    return any(
        each.name == name
        if each.rdtype == Rdtype.CNAME
        else each.rdatas[0].lower().endswith(each.name)
        for each in chain
    )


def _zone_for(find_zone: FindZone, name: bytes, rdtype: int) -> Nodes | None:
    zone = find_zone(name)
    # RFC 4035 3.1.4.1: DS is of the parent's side, if we have that.
    if zone and rdtype == Rdtype.DS and name == zone.apex and len(name) > 1:
        return find_zone(name[name[0] + 1 :]) or zone
    return zone


def _end(
    zone: Nodes,
    find_zone: FindZone,
    found: Data | NoData | NoName | Cut,
    chain: tuple[RRset, ...],
) -> Answer:
    """Say what the last name of a chain says; of most questions it is the first."""
    match found:
        case Data(rrset):
            return Answer.data(*chain, rrset, additional=_addresses(find_zone, rrset))
        case Cut(servers):
            return Answer.referral(servers, _addresses(find_zone, servers), chain)
        case NoData():
            return Answer.no_data(zone.soa, chain)
        case NoName():
            return Answer.nx_domain(zone.soa, chain)


def _addresses(find_zone: FindZone, rrset: RRset) -> tuple[RRset, ...]:
    """Give the addresses that our zones have of the hosts named; glue among them."""
    at = _ADDRESSED.get(rrset.rdtype)
    if at is None:
        return ()
    found = []
    for rdata in rrset.rdatas:
        host = rdata[at:].lower()
        zone = find_zone(host)
        node = zone and zone.node(host)
        if node:
            kinds = (node.get(Rdtype.A), node.get(Rdtype.AAAA))
            found += [each for each in kinds if each and each not in found]
    return tuple(found)
