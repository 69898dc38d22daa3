"""Zones from master files (RFC 1035 5), of any type of record (RFC 3597)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import dns.exception
import dns.name
import dns.rdata
import dns.tokenizer
import dns.zonefile
from dns.rdataclass import IN

from domicile.dns.name import LONGEST_NAME, name_to_text, offset_of_suffix
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.zone import WILDCARD
from domicile.errors import DomicileError

# What may stand beside a CNAME (RFC 4035 2.5).
_BESIDE_ALIASES = {Rdtype.CNAME, Rdtype.RRSIG, Rdtype.NSEC}


RRsets = Mapping[int, RRset]
"""A node: all that is at a name, by type."""


class BadZone(DomicileError):
    """A master file is no zone that can be served."""


class StaticZone:
    """The names of a zone that changes by being read anew, and not otherwise."""

    __slots__ = ("_nodes", "apex", "is_flat", "soa")

    def __init__(self, apex: bytes, nodes: Mapping[bytes, RRsets]) -> None:
        self.apex = apex
        self.soa = nodes[apex][Rdtype.SOA]
        self._nodes = nodes
        self.is_flat = not any(
            name.startswith(WILDCARD)
            or Rdtype.DNAME in node
            or (Rdtype.NS in node and name != apex)
            for name, node in nodes.items()
        )

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._nodes)

    def node(self, name: bytes) -> RRsets | None:
        return self._nodes.get(name)


def read_zone(apex: str, text: str) -> StaticZone:
    """Read a master file; raises BadZone, with the line where there is one.

    No file is included by it: what is served is what was read.
    """
    try:
        origin = dns.name.from_text(apex)
    except dns.exception.DNSException as error:
        raise BadZone(
            f"zone {apex!r} has no name that there can be: {error}"
        ) from error
    records = _Records(origin)
    # By then the reader may have gone on to the next line.
    tokens = dns.tokenizer.Tokenizer(text, "at or just before line")
    reader = dns.zonefile.Reader(tokens, IN, records)  # type: ignore[arg-type]
    # Else what is not below the apex would be skipped, and nobody told.
    reader.zone_origin = dns.name.root
    try:
        reader.read()
    except (dns.exception.DNSException, ValueError) as error:
        raise BadZone(f"zone {apex}: {error or type(error).__name__}") from error
    return make_zone(_wire(origin), records.rrsets())


class _Records:
    """Takes the records of a master file, all of them, in the place of a transaction.

    dnspython's own keep of two CNAMEs the last, and say nothing.
    """

    def __init__(self, origin: dns.name.Name) -> None:
        self.manager = self
        self._origin = origin
        self._found: dict[tuple[bytes, int], list[tuple[int, bytes]]] = {}

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        return self._origin, False, self._origin

    def check_put_rdataset(self, _check: object) -> None:
        """What may stand beside what is checked here, of the whole zone."""

    def _set_origin(self, _origin: dns.name.Name) -> None:
        """A relative name is made whole by the reader."""

    def add(self, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> None:
        wire = rdata.to_wire()
        assert wire is not None
        of_one = self._found.setdefault((_wire(name), int(rdata.rdtype)), [])
        if (ttl, wire) not in of_one:
            of_one.append((ttl, wire))

    def rrsets(self) -> Iterator[RRset]:
        for (name, rdtype), of_one in self._found.items():
            # RFC 2181 5.2: all of an RRset have one TTL; the lowest is kept by no one
            # for longer than it should be.
            ttl = min(ttl for ttl, _ in of_one)
            rdatas = dict.fromkeys(wire for _, wire in of_one)
            yield RRset(name, rdtype, ttl, tuple(rdatas))


def make_zone(apex: bytes, rrsets: Iterable[RRset]) -> StaticZone:
    """Put a zone together of RRsets with folded names; raises BadZone."""
    found: defaultdict[bytes, dict[int, RRset]] = defaultdict(dict)
    for rrset in rrsets:
        found[rrset.name][rrset.rdtype] = rrset
    _check(apex, found)
    nodes: dict[bytes, RRsets] = dict(found)
    for name in found:
        above = name
        # RFC 4592 2.2.2: what has names below it is there, though it has no records.
        while above != apex and (above := above[above[0] + 1 :]) not in nodes:
            nodes[above] = {}
    return StaticZone(apex, nodes)


def _check(apex: bytes, found: Mapping[bytes, Mapping[int, RRset]]) -> None:
    zone = name_to_text(apex)
    soa = found.get(apex, {}).get(Rdtype.SOA)
    if soa is None or len(soa.rdatas) != 1:
        raise BadZone(f"zone {zone}: one SOA is wanted at its apex")
    for name, at in found.items():
        if offset_of_suffix(name, apex) is None:
            raise BadZone(f"zone {zone}: {name_to_text(name)} is not below its apex")
        for rdtype in (Rdtype.CNAME, Rdtype.DNAME):
            # RFC 2181 10.1 and RFC 6672 2.4: no two aliases of one name.
            if rdtype in at and len(at[rdtype].rdatas) > 1:
                raise BadZone(
                    f"zone {zone}: {name_to_text(name)} has two {rdtype.name}s"
                )
        # RFC 1034 3.6.2: "If a CNAME RR is present at a node, no other data".
        if Rdtype.CNAME in at and at.keys() - _BESIDE_ALIASES:
            raise BadZone(
                f"zone {zone}: {name_to_text(name)} has a CNAME, and other records too"
            )
        if name != apex and Rdtype.SOA in at:
            raise BadZone(f"zone {zone}: {name_to_text(name)} has a SOA of its own")


def _wire(name: dns.name.Name) -> bytes:
    wire = name.to_wire()
    assert wire is not None
    assert len(wire) <= LONGEST_NAME
    return wire.lower()
