"""A zone's data, and what it says to one question (RFC 1034 4.3.2).

    look(name) ──> Data | NoData | NoName | Cut | Alias
                                            │      └─ the chain goes on, in our zones
                                            └─ a referral

A tree of names, walked from the apex down: where it ends, and what stands on the way,
is the answer. Names are wire octets, folded. `Nodes` may be a file's, or anybody's who
can tell what is at a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from domicile.dns.name import LONGEST_NAME
from domicile.dns.rdata import Rdtype, RRset

WILDCARD = b"\x01*"


class Node(Protocol):
    """What is at a name: its RRsets by type; none at an empty non-terminal."""

    def get(self, rdtype: int, /) -> RRset | None: ...


EMPTY: Node = {}
"""An empty non-terminal: a name that is there for those below it."""


class Nodes(Protocol):
    """The names of one zone, those below its cuts too."""

    @property
    def apex(self) -> bytes: ...

    @property
    def soa(self) -> RRset: ...

    @property
    def is_flat(self) -> bool:
        """Whether no name has to do with those above it: no cut, alias or wildcard."""

    def node(self, name: bytes) -> Node | None: ...


@dataclass(frozen=True, slots=True)
class Data:
    """The RRset that was asked for."""

    rrset: RRset


@dataclass(frozen=True, slots=True)
class NoData:
    """The name is there, and has nothing of that type."""


@dataclass(frozen=True, slots=True)
class NoName:
    """Neither the name is there, nor anything below it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The name is another's: its name servers, by the parent's word."""

    servers: RRset


@dataclass(frozen=True, slots=True)
class Alias:
    """It goes on at `target`; without one, that would be no name (RFC 6672 2.2)."""

    rrsets: tuple[RRset, ...]
    target: bytes | None


Found = Data | NoData | NoName | Cut | Alias


def look(nodes: Nodes, name: bytes, rdtype: int) -> Found:
    """Look for a name that is at or below the apex."""
    if nodes.is_flat:
        node = nodes.node(name)
        return NoName() if node is None else _look_at(node, name, rdtype)
    return _walk(nodes, name, rdtype)


def types_at(nodes: Nodes, name: bytes) -> frozenset[int]:
    """Give the types that a name has which `look` finds without data, by itself or by
    a wildcard; at a cut, those that are the zone's own to tell.
    """
    types = _types_of(_found(nodes, name) or EMPTY)
    if Rdtype.NS in types and name != nodes.apex:
        # RFC 4035 2.3: "bits corresponding to the delegation NS RRset and any RRsets
        # for which the parent zone has authoritative data".
        types &= {Rdtype.NS, Rdtype.DS}
    return types


def _found(nodes: Nodes, name: bytes) -> Node | None:
    if nodes.is_flat:
        return nodes.node(name)
    node = None
    for here in _names_between(nodes.apex, name):
        node = nodes.node(here)
        if node is None:
            return nodes.node(WILDCARD + _parent(here))
    return node


def _types_of(node: Node) -> frozenset[int]:
    if isinstance(node, Mapping):
        return frozenset(node)
    # One that is made as it is asked for has none but types that are treated by name.
    return frozenset(each for each in Rdtype if node.get(each))


def _walk(nodes: Nodes, name: bytes, rdtype: int) -> Found:
    node = None
    for here in _names_between(nodes.apex, name):
        parent, node = node, nodes.node(here)
        if node is None:
            assert parent is not None, "the apex has its SOA"
            return _look_beside(nodes, _parent(here), name, rdtype)
        servers = node.get(Rdtype.NS)
        # RFC 4035 3.1.4.1: the parent answers for DS, at the cut itself.
        if servers and here != nodes.apex and (here, rdtype) != (name, Rdtype.DS):
            return Cut(servers)
        alias = node.get(Rdtype.DNAME)
        if alias and here != name:
            return _substituted(alias, name)
    assert node is not None
    return _look_at(node, name, rdtype)


def _look_beside(nodes: Nodes, encloser: bytes, name: bytes, rdtype: int) -> Found:
    """RFC 4592 3.3.1: only the wildcard of the closest encloser speaks for the name."""
    wildcard = nodes.node(WILDCARD + encloser)
    return NoName() if wildcard is None else _look_at(wildcard, name, rdtype)


def _look_at(node: Node, name: bytes, rdtype: int) -> Found:
    found = node.get(rdtype)
    if found:
        return Data(_owned(found, name))
    alias = node.get(Rdtype.CNAME)
    if alias:
        return Alias((_owned(alias, name),), alias.rdatas[0].lower())
    return NoData()


def _substituted(dname: RRset, name: bytes) -> Alias:
    """RFC 6672 2.2: what stands below the owner goes over to the target."""
    target = name[: len(name) - len(dname.name)] + dname.rdatas[0]
    if len(target) > LONGEST_NAME:
        return Alias((dname,), None)
    # RFC 6672 3.1: "The TTL of the synthesized CNAME RR is set to the TTL of the DNAME".
    cname = RRset(name, Rdtype.CNAME, dname.ttl, (target,))
    return Alias((dname, cname), target.lower())


def _owned(rrset: RRset, name: bytes) -> RRset:
    """What a wildcard has is given out under the name that was asked for."""
    if rrset.name == name:
        return rrset
    return RRset(name, rrset.rdtype, rrset.ttl, rrset.rdatas)


def _names_between(apex: bytes, name: bytes) -> Iterator[bytes]:
    """Give the apex, and each name below it on the way down."""
    starts = []
    at = 0
    last = len(name) - len(apex)
    while at < last:
        starts.append(at)
        at += name[at] + 1
    yield apex
    for start in reversed(starts):
        yield name[start:]


def _parent(name: bytes) -> bytes:
    return name[name[0] + 1 :]
