"""The one form of a record that all sign and check (RFC 4034 6, RFC 6840 5.1)."""

from domicile.dns.name import ROOT, read_name
from domicile.dns.rdata import Rdtype, RRset

# RFC 4034 6.2: of these types the names within the data are in lower case. How many
# octets stand before the first name, and how many names follow each other.
_NAMES: dict[int, tuple[int, int]] = {
    Rdtype.NS: (0, 1),
    Rdtype.CNAME: (0, 1),
    Rdtype.SOA: (0, 2),
    Rdtype.PTR: (0, 1),
    Rdtype.MX: (2, 1),
    Rdtype.RP: (0, 2),
    Rdtype.AFSDB: (2, 1),
    Rdtype.SRV: (6, 1),
    Rdtype.KX: (2, 1),
    Rdtype.DNAME: (0, 1),
}
_STRINGS_OF_NAPTR = 3


def canonical_records(rrset: RRset, ttl: int) -> bytes:
    """Write the records of a set with a folded owner, as they are signed."""
    head = (
        rrset.name + rrset.rdtype.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big")
    )
    # RFC 4034 6.3: in the order of their data, "as a left-justified unsigned octet
    # sequence".
    datas = sorted({canonical_rdata(rrset.rdtype, each) for each in rrset.rdatas})
    return b"".join(head + len(each).to_bytes(2, "big") + each for each in datas)


def canonical_rdata(rdtype: int, rdata: bytes) -> bytes:
    """Lower the names within the data, of the types whose names are."""
    if rdtype == Rdtype.NAPTR:
        at = 4
        for _ in range(_STRINGS_OF_NAPTR):
            at += 1 + rdata[at]
        return rdata[:at] + rdata[at:].lower()
    at, names = _NAMES.get(rdtype, (0, 0))
    for _ in range(names):
        name = read_name(rdata, at) or ROOT
        rdata = rdata[:at] + name.lower() + rdata[at + len(name) :]
        at += len(name)
    return rdata


def label_count(name: bytes) -> int:
    """Count labels as a signature does: neither the root's nor a first `*` (RFC 4034 3.1.3)."""
    count = at = 0
    while name[at]:
        at += name[at] + 1
        count += 1
    return count - name.startswith(b"\x01*")
