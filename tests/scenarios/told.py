"""Writes an answer as scenarios do: the rcode, the records, and what is beside them."""

import re

import dns.flags
import dns.rcode
import dns.rdatatype

# What is another one each time: serials, signatures, keys.
PASSING = re.compile(
    r"(?:(?<= SOA) .*|(?<= RRSIG)( \w+) 13 .*|(?<= DNSKEY)( \d+ 3) .*|(?<= CDS) \d+( 13 2) .*)"
)
NXNAME = re.compile(r"\bTYPE128$")


def told(message):
    """Give a line for the rcode, and one for each record."""
    yield told_rcode(message)
    for title in ("answer", "authority", "additional"):
        for rrset in getattr(message, title):
            kind = dns.rdatatype.to_text(rrset.rdtype)
            for rdata in rrset:
                line = f"{title} {rrset.name} {rrset.ttl} {kind} {rdata}"
                yield NXNAME.sub("NXNAME", PASSING.sub(r"\1\2\3 …", line))


def told_rcode(message):
    first = dns.rcode.to_text(message.rcode())
    flags = {" aa": dns.flags.AA, " tc": dns.flags.TC}
    return first + "".join(name for name, flag in flags.items() if message.flags & flag)


def told_options(message, size=0):
    """Give a line for each option; of a cookie only how long it is."""
    for option in message.options:
        match int(option.otype):
            case 3:
                yield f"nsid {option.to_wire().decode()}"
            case 10:
                yield f"cookie {len(option.to_wire())}"
            case 12:
                yield f"padded to {size}"
            case 15:
                yield f"error {int(option.code)} {option.text}"
