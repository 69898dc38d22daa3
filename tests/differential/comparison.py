"""What may differ between our answer and a peer's, and why; all else may not."""

import dns.flags
from dns.rcode import NOERROR, NXDOMAIN
from dns.rdatatype import CNAME, DNAME, DS, NS
from generation import APEXES
from peers import KNOT


def difference(make, ours, theirs, files):
    """Name the part in which we differ; empty where we do not, or are excused."""
    if is_excused(make, ours, theirs, files):
        return ""
    for part, look in PARTS.items():
        if look(ours) != look(theirs):
            return part
    return ""


def is_excused(make, ours, theirs, files):
    if make == KNOT:
        return (
            stops_at_border(theirs, ours) or asks_at_a_border(ours) or is_endless(ours)
        )
    return stands_in_data_only(ours, theirs, files)


def stops_at_border(theirs, ours):
    """Knot follows no chain from one of its zones into another."""
    if not theirs.answer or theirs.answer[-1].rdtype != CNAME:
        return False
    last = theirs.answer[-1]
    begun = section(theirs.answer)
    return apex_of(last.name) != apex_of(last[0].target) and all(
        each in section(ours.answer) for each in begun
    )


def asks_at_a_border(ours):
    """Knot looks for the DS of a zone's apex in that zone, where a CNAME led there."""
    return bool(ours.answer) and ours.question[0].rdtype == DS


def is_endless(ours):
    """Knot goes several times round where a DNAME leads to below itself; we, once."""
    dnames = [each for each in ours.answer if each.rdtype == DNAME]
    return any(each[0].target.is_subdomain(each.name) for each in dnames)


def stands_in_data_only(ours, theirs, files):
    """NSD takes a name for there that is above one which only data names."""
    name = str(theirs.question[0].name).lower()
    rcodes = (ours.rcode(), theirs.rcode())
    return rcodes == (NXDOMAIN, NOERROR) and f".{name}\n" in files.lower()


def authority(message):
    """NSD adds the zone's name servers to what it answers with data."""
    if message.flags & dns.flags.AA and is_data(message):
        return section(each for each in message.authority if each.rdtype != NS)
    return section(message.authority)


def is_data(message):
    """Whether what was asked for is where the chain ends, be it further up in it."""
    if not message.answer:
        return False
    rdtype = message.question[0].rdtype
    last = message.answer[-1]
    leads_on = last.rdtype == CNAME != rdtype
    end = last[0].target if leads_on else last.name
    return any((each.name, each.rdtype) == (end, rdtype) for each in message.answer)


def glue(message):
    """What else is additional each adds as it likes."""
    is_referral = any(rdtype == NS for _, rdtype, *_ in authority(message))
    return section(message.additional) if is_referral else []


def apex_of(name):
    text = str(name).lower()
    holding = [each for each in APEXES if text == each or text.endswith("." + each)]
    return max(holding, key=len, default=None)


def section(rrsets):
    """RRsets in no order, in lower case: each compresses, and so spells, as it likes."""
    return sorted(
        (
            str(rrset.name).lower(),
            rrset.rdtype,
            rrset.ttl,
            sorted(str(rdata).lower() for rdata in rrset),
        )
        for rrset in rrsets
    )


PARTS = {
    "rcode": lambda message: message.rcode(),
    "AA": lambda message: message.flags & dns.flags.AA,
    "answer": lambda message: section(message.answer),
    "authority": authority,
    "glue": glue,
}
