"""A zone whose apps are the directory's, and whose other names a master file may have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from domicile.dns import rdata
from domicile.dns.name import labels_of, name_from_text
from domicile.dns.rdata import Rdtype, RRset, Soa
from domicile.dns.zone import Node, Nodes
from domicile.model.records import Zone
from domicile.model.resolution import (
    Apex,
    Empty,
    InCluster,
    Missing,
    NameServer,
    OutOfZone,
    resolve_in,
)

if TYPE_CHECKING:
    from domicile.nameserver.answers import ServedView

NEGATIVE_TTL = 30
NEGATIVE_TTL_BEHIND = 5
"""What a server that is behind does not know may exist already."""

# No secondary transfers our zones; these are what RIPE-203 and RFC 1912 find sane.
_REFRESH = 3600
_RETRY = 600
_EXPIRE = 7 * 86400

_SERIALS = 2**32
_HOST_LABEL = re.compile(rb"[a-z0-9_-]+")
_NO_LABEL = "?"


class LiveZone:
    """The names of one zone, as of one view.

    What the file has at a name stands, and all of it: an operator who writes a name
    there means it. The directory's serial is that of the SOA, whosever that is.
    """

    __slots__ = ("_file", "_labels", "_view", "_zone", "apex", "is_flat")

    def __init__(
        self, view: ServedView, zone: Zone, apex: bytes, file: Nodes | None
    ) -> None:
        self.apex = apex
        self.is_flat = file is None
        self._view = view
        self._zone = zone
        self._file = file
        self._labels = zone.name.count(".") + 1

    def node(self, name: bytes) -> Node | None:
        written = None if self._file is None else self._file.node(name)
        if name == self.apex:
            return self._apex(written)
        if written is not None and written.rrsets:
            return written
        return self._live(name) or written

    def _live(self, name: bytes) -> Node | None:
        labels = text_labels(labels_of(name))[: -self._labels]
        match resolve_in(self._view, self._zone, labels):
            case InCluster(cluster=cluster):
                return self._node(name, cluster.addresses)
            case NameServer(addresses=addresses):
                return self._node(name, addresses)
            case Empty():
                return Node()
            case Missing() | OutOfZone() | Apex():
                return None

    def _node(self, name: bytes, addresses: Iterable[str]) -> Node:
        return Node(address_sets(name, addresses, self._zone.ttl))

    def _apex(self, written: Node | None) -> Node:
        zone = self._zone
        at = dict(address_sets(self.apex, zone.landing, zone.ttl))
        if zone.nameservers:
            servers = tuple(rdata.ns(name_from_text(each)) for each in zone.nameservers)
            at[Rdtype.NS] = RRset(self.apex, Rdtype.NS, zone.ttl, servers)
        at[Rdtype.SOA] = RRset(self.apex, Rdtype.SOA, zone.ttl, (self._soa(),))
        if written is not None:
            at.update(written.rrsets)
            at[Rdtype.SOA] = self._renumbered(at[Rdtype.SOA])
        return Node(at)

    def _soa(self) -> bytes:
        zone = self._zone
        primary = next(iter(zone.nameservers), zone.name)
        return rdata.soa(
            Soa(
                primary=name_from_text(primary),
                hostmaster=_mailbox(zone.hostmaster or f"hostmaster@{zone.name}"),
                serial=self._view.serial % _SERIALS,
                refresh=_REFRESH,
                retry=_RETRY,
                expire=_EXPIRE,
                minimum=NEGATIVE_TTL_BEHIND if self._view.behind else NEGATIVE_TTL,
            )
        )

    def _renumbered(self, soa: RRset) -> RRset:
        """Give a file's SOA our serial, and our doubts."""
        whole = soa.rdatas[0]
        names, numbers = whole[:-20], whole[-20:]
        minimum = int.from_bytes(numbers[16:], "big")
        if self._view.behind:
            minimum = min(minimum, NEGATIVE_TTL_BEHIND)
        serial = self._view.serial % _SERIALS
        numbered = (
            serial.to_bytes(4, "big") + numbers[4:16] + minimum.to_bytes(4, "big")
        )
        return replace(soa, rdatas=(names + numbered,))


def address_sets(name: bytes, addresses: Iterable[str], ttl: int) -> dict[int, RRset]:
    """Give the sets of both families that there are."""
    found: dict[int, list[bytes]] = {}
    for each in addresses:
        match ip_address(each):
            case IPv4Address() as address:
                found.setdefault(Rdtype.A, []).append(rdata.a(address))
            case IPv6Address() as address:
                found.setdefault(Rdtype.AAAA, []).append(rdata.aaaa(address))
    return {kind: RRset(name, kind, ttl, tuple(data)) for kind, data in found.items()}


def text_labels(labels: Iterable[bytes]) -> tuple[str, ...]:
    """Give the labels as the records spell them.

    A label may hold any octet, a dot too; one that no record can bear must not become
    part of a key, or `x.apps` + `test` would be found where `x` + `apps` + `test` is.
    """
    return tuple(
        label.decode("ascii") if _HOST_LABEL.fullmatch(label) else _NO_LABEL
        for label in labels
    )


def _mailbox(address: str) -> bytes:
    """Write a mail address as a name: its local part is one label, dots and all."""
    local, _, domain = address.rpartition("@")
    if not local:
        return name_from_text(domain)
    label = local.encode()[:63]
    return bytes((len(label),)) + label + name_from_text(domain)
