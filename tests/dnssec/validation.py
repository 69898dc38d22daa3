"""A validator of single answers, made of dnspython's, as strict as RFC 4035 5 is."""

import dns.dnssec
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rdatatype import CNAME, DNAME, DS, NS, NSEC, RRSIG, SOA

NXNAME = 128


class Bogus(Exception):
    """What was answered is not what a validator may believe."""


def judge(message, keys, now):
    """Check that all of an answer is signed that must be; raises Bogus.

    `keys` has the DNSKEY RRset of each zone that is known to be signed, by its apex.
    """
    (question,) = message.question
    last = question.name
    dnames = [each.name for each in message.answer if each.rdtype == DNAME]
    for rrset in (*message.answer, *message.authority):
        if rrset.rdtype == RRSIG or is_made(rrset, dnames) or is_cut(rrset, message):
            continue
        check(rrset, message, keys, now)
    for rrset in message.answer:
        if rrset.rdtype == CNAME and question.rdtype != CNAME:
            last = rrset[0].target
    zone = zone_of(last, keys)
    if zone is None or question.rdtype in (RRSIG, dns.rdatatype.ANY):
        return
    referred = [each for each in message.authority if each.rdtype == NS]
    if referred:
        check_referral(referred[0].name, message)
    elif not any(each.name == last for each in message.answer):
        check_denial(last, question.rdtype, message)


def zone_of(name, keys):
    return max(
        (each for each in keys if name.is_subdomain(each)), key=len, default=None
    )


def is_made(rrset, dnames):
    above = (each for each in dnames if rrset.name != each)
    return rrset.rdtype == CNAME and any(map(rrset.name.is_subdomain, above))


def is_cut(rrset, message):
    return rrset.rdtype == NS and rrset in message.authority


def check(rrset, message, keys, now):
    owner = rrset.name.parent() if rrset.rdtype == DS else rrset.name
    zone = zone_of(owner, keys)
    if zone is None:
        return
    section = message.answer if rrset in message.answer else message.authority
    found = [
        each
        for each in section
        if each.rdtype == RRSIG
        and each.name == rrset.name
        and each.covers == rrset.rdtype
    ]
    if not found:
        raise Bogus(f"{rrset} has no signature")
    (signatures,) = found
    for each in signatures:
        if each.original_ttl < rrset.ttl or signatures.ttl != rrset.ttl:
            raise Bogus(f"{rrset} lasts longer than its signature says")
        if (
            each.signer != zone
            or each.labels != len(rrset.name) - 1 - rrset.name.is_wild()
        ):
            raise Bogus(f"{rrset} is signed as by {each.signer}, {each.labels} labels")
    try:
        dns.dnssec.validate(rrset, signatures, keys, now=now)
    except dns.dnssec.ValidationFailure as error:
        raise Bogus(f"{rrset}: {error}") from error


def nsec_of(name, message):
    found = [each for each in message.authority if each.rdtype == NSEC]
    if [each.name for each in found] != [name]:
        raise Bogus(f"no NSEC of {name}: {found}")
    (nsec,) = found[0]
    if not name < nsec.next:
        raise Bogus(f"{nsec} ends before it begins")
    return nsec


def types_of(nsec):
    return {
        window * 256 + at * 8 + bit
        for window, bitmap in nsec.windows
        for at, octet in enumerate(bitmap)
        for bit in range(8)
        if octet & 0x80 >> bit
    }


def check_denial(name, rdtype, message):
    types = types_of(nsec_of(name, message))
    if rdtype in types or CNAME in types:
        raise Bogus(f"the proof says that {name} has {rdtype}")
    if not any(each.rdtype == SOA for each in message.authority):
        raise Bogus("a no without a SOA")
    if (message.rcode() == dns.rcode.NXDOMAIN) and NXNAME not in types:
        raise Bogus("NXDOMAIN, and the name is proved to be there")


def check_referral(cut, message):
    if any(each.rdtype == DS for each in message.authority):
        return
    nsec = nsec_of(cut, message)
    types = types_of(nsec)
    if NS not in types or DS in types or SOA in types:
        raise Bogus(f"{nsec} does not prove an unsigned cut")
    if nsec.next.is_subdomain(cut):
        raise Bogus(f"{nsec} speaks of names below the cut")
