"""What a name server says of a name: the directory's records turned into an answer."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

from domicile.dns import rdata
from domicile.dns.answer import Answer
from domicile.dns.name import labels_of, name_from_text
from domicile.dns.rdata import Rdtype, RRset, Soa
from domicile.model.records import Zone
from domicile.model.resolution import (
    Apex,
    DirectoryView,
    Empty,
    InCluster,
    Missing,
    NameServer,
    OutOfZone,
    resolve,
)

NEGATIVE_TTL = 30
NEGATIVE_TTL_BEHIND = 5
"""What a server that is behind does not know may exist already."""

# No secondary transfers our zones; these are what RIPE-203 and RFC 1912 find sane.
_REFRESH = 3600
_RETRY = 600
_EXPIRE = 7 * 86400

_SERIALS = 2**32
# Clusters' addresses and zones' authorities are few, and in nearly every answer.
_REMEMBERED = 256
_HOST_LABEL = re.compile(rb"[a-z0-9_-]+")
_NO_LABEL = "?"


class ServedView(DirectoryView, Protocol):
    """The records, as of a serial, and whether newer ones may be missing."""

    @property
    def serial(self) -> int: ...

    @property
    def behind(self) -> bool: ...


def answer(view: ServedView, name: bytes, rdtype: int) -> Answer:
    """Answer for a name, folded, and a type that is no meta type."""
    match resolve(view, _text_labels(name)):
        case OutOfZone():
            return Answer.refused()
        case Missing(zone=zone):
            return Answer.nx_domain(_soa(view, zone))
        case Empty(zone=zone):
            return Answer.no_data(_soa(view, zone))
        case Apex(zone=zone):
            return _answer_at_apex(view, zone, name, rdtype)
        case InCluster(zone=zone, cluster=cluster):
            found = _addresses(name, rdtype, cluster.addresses, zone.ttl)
        case NameServer(zone=zone, addresses=addresses):
            found = _addresses(name, rdtype, addresses, zone.ttl)
    return Answer.data(found) if found else Answer.no_data(_soa(view, zone))


def _answer_at_apex(view: ServedView, zone: Zone, name: bytes, rdtype: int) -> Answer:
    soa = _soa(view, zone)
    if rdtype == Rdtype.SOA:
        return Answer.data(soa)
    if rdtype == Rdtype.NS and zone.nameservers:
        servers = tuple(rdata.ns(name_from_text(each)) for each in zone.nameservers)
        return Answer.data(
            RRset(name, Rdtype.NS, zone.ttl, servers), additional=_glue(zone)
        )
    landing = _addresses(name, rdtype, zone.landing, zone.ttl)
    return Answer.data(landing) if landing else Answer.no_data(soa)


def _glue(zone: Zone) -> tuple[RRset, ...]:
    found = (
        _addresses(name_from_text(server), rdtype, addresses, zone.ttl)
        for server, addresses in zone.nameservers.items()
        if server.endswith("." + zone.name)
        for rdtype in (Rdtype.A, Rdtype.AAAA)
    )
    return tuple(rrset for rrset in found if rrset)


def _addresses(
    name: bytes, rdtype: int, addresses: tuple[str, ...], ttl: int
) -> RRset | None:
    """Give the addresses of the family that is asked for, if there are any."""
    rdatas = _rdatas(addresses, rdtype)
    return RRset(name, rdtype, ttl, rdatas) if rdatas else None


@lru_cache(_REMEMBERED)
def _rdatas(addresses: tuple[str, ...], rdtype: int) -> tuple[bytes, ...]:
    rdatas: list[bytes] = []
    for each in addresses:
        match ip_address(each):
            case IPv4Address() as address if rdtype == Rdtype.A:
                rdatas.append(rdata.a(address))
            case IPv6Address() as address if rdtype == Rdtype.AAAA:
                rdatas.append(rdata.aaaa(address))
    return tuple(rdatas)


def _soa(view: ServedView, zone: Zone) -> RRset:
    minimum = NEGATIVE_TTL_BEHIND if view.behind else NEGATIVE_TTL
    primary = next(iter(zone.nameservers), zone.name)
    mailbox = zone.hostmaster or f"hostmaster@{zone.name}"
    return _write_soa(zone.name, zone.ttl, primary, mailbox, view.serial, minimum)


@lru_cache(_REMEMBERED)
def _write_soa(  # noqa: PLR0913, PLR0917 - all that an SOA depends on
    zone: str, ttl: int, primary: str, mailbox: str, serial: int, minimum: int
) -> RRset:
    value = Soa(
        primary=name_from_text(primary),
        hostmaster=_mailbox(mailbox),
        serial=serial % _SERIALS,
        refresh=_REFRESH,
        retry=_RETRY,
        expire=_EXPIRE,
        minimum=minimum,
    )
    return RRset(name_from_text(zone), Rdtype.SOA, ttl, (rdata.soa(value),))


def _mailbox(address: str) -> bytes:
    """Write a mail address as a name: its local part is one label, dots and all."""
    local, _, domain = address.rpartition("@")
    if not local:
        return name_from_text(domain)
    label = local.encode()[:63]
    return bytes((len(label),)) + label + name_from_text(domain)


def _text_labels(name: bytes) -> tuple[str, ...]:
    """Give the labels as the records spell them.

    A label may hold any octet, a dot too; one that no record can bear must not become
    part of a key, or `x.apps` + `test` would be found where `x` + `apps` + `test` is.
    """
    return tuple(
        label.decode("ascii") if _HOST_LABEL.fullmatch(label) else _NO_LABEL
        for label in labels_of(name)
    )
