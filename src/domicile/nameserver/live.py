"""A zone whose apps are the directory's, and whose other names a master file may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, Protocol

from domicile.dns import rdata
from domicile.dns.name import labels_of, name_from_text
from domicile.dns.rdata import Rdtype, RRset, Soa
from domicile.dns.zone import EMPTY, WILDCARD, Node
from domicile.dns.zonefile import StaticZone
from domicile.model.resolution import (
    CHALLENGE_LABEL,
    Apex,
    Challenged,
    Delegated,
    DirectoryView,
    Empty,
    InCluster,
    Missing,
    NameServer,
    OutOfZone,
    Resolution,
    challenge_of,
    resolve_in,
)
from domicile.model.schedules import ttl_until
from domicile.model.zone_records import Zone

NEGATIVE_TTL = 30
NEGATIVE_TTL_BEHIND = 5
"""What a server that is behind does not know may exist already."""

CHALLENGE_TTL = 5
"""Who failed tries again with another value, and a resolver may be asked for both."""

# No secondary transfers our zones; these are what RIPE-203 and RFC 1912 find sane.
_REFRESH = 3600
_RETRY = 600
_EXPIRE = 7 * 86400

_SERIALS = 2**32
_NUMBERS = 5 * 4
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


class Names(NamedTuple):
    """An apex, and a name at or below it with its labels there."""

    apex: bytes
    name: bytes
    below: tuple[str, ...]


class Moment:
    """When a question is answered, and whether a moment later the answer is another."""

    __slots__ = ("is_passing", "now")

    def __init__(self, now: float) -> None:
        self.now = now
        self.is_passing = False

    def ttl(self, ttl: int, moves_at: float) -> int:
        """Give how long the addresses of an app last that moves then; 0 is never."""
        if moves_at:
            self.is_passing = True
        return ttl_until(ttl, moves_at, self.now)


class Beside(NamedTuple):
    """What a zone has beside apps: a file's, and what its apex tells of its keys."""

    file: StaticZone | None
    keys: Mapping[int, RRset]


class LiveZone:
    """The names of one zone, as of one view and moment.

    What the file has at a name stands, and all of it: an operator who writes a name
    there means it. The directory's serial is that of the SOA, whosever that is.
    """

    __slots__ = (
        "_below", "_file", "_keys", "_moment", "_name", "_view", "_zone", "apex",
        "is_flat",
    )  # fmt: skip

    def __init__(
        self,
        view: ServedView,
        zone: Zone,
        names: Names,
        moment: Moment,
        beside: Beside,
    ) -> None:
        self.apex, self._name, self._below = names
        self._file, self._keys = beside
        self.is_flat = self._file is None
        self._view = view
        self._zone = zone
        self._moment = moment

    def node(self, name: bytes) -> Node | None:
        written = None if self._file is None else self._file.node(name)
        if name == self.apex:
            return self._apex(written or {})
        if written:
            doubtful = self._view.behind and name.startswith(WILDCARD)
            return _brief(written) if doubtful else written
        live = self._live(name)
        return written if live is None else live

    def _live(self, name: bytes) -> Node | None:
        if name == self._name:
            below = self._below
        else:
            depth = self._zone.name.count(".") + 1
            below = text_labels(labels_of(name))[:-depth]
        match self._resolved(name, below):
            case InCluster(cluster=cluster, moves_at=moves_at):
                ttl = self._moment.ttl(self._zone.ttl, moves_at)
                # Who speaks for a cluster that is lost does not speak all that it did.
                alpn = () if cluster.lost else cluster.alpn
                return _Addressed(name, cluster.answered, ttl, alpn)
            case NameServer(addresses=addresses):
                return _Addressed(name, addresses, self._zone.ttl)
            case Challenged(challenge=challenge):
                values = challenge.live(self._moment.now) if challenge else ()
                return _texts(name, values)
            case Delegated(target=target):
                alias = (name_from_text(target),)
                return {Rdtype.CNAME: RRset(name, Rdtype.CNAME, self._zone.ttl, alias)}
            case Empty():
                return EMPTY
            case Missing() | OutOfZone() | Apex():
                return None

    def _resolved(self, name: bytes, below: tuple[str, ...]) -> Resolution:
        found = resolve_in(self._view, self._zone, below)
        if not isinstance(found, Missing) or self._file is None:
            return found
        # What only the file has can have certificates, too.
        if below[0] == CHALLENGE_LABEL and self._file.node(name[name[0] + 1 :]):
            return challenge_of(self._view, self._zone, below[1:])
        return found

    def _apex(self, written: Mapping[int, RRset]) -> Node:
        zone = self._zone
        landing = _Addressed(self.apex, zone.landing, zone.ttl)
        at = {kind: landing.get(kind) for kind in (Rdtype.A, Rdtype.AAAA)}
        found: dict[int, RRset] = {kind: each for kind, each in at.items() if each}
        if zone.nameservers:
            servers = tuple(rdata.ns(name_from_text(each)) for each in zone.nameservers)
            found[Rdtype.NS] = RRset(self.apex, Rdtype.NS, zone.ttl, servers)
        return found | dict(written) | dict(self._keys) | {Rdtype.SOA: self.soa}

    @property
    def soa(self) -> RRset:
        if self._file is not None:
            return self._renumbered(self._file.soa)
        zone = self._zone
        minimum = NEGATIVE_TTL_BEHIND if self._view.behind else NEGATIVE_TTL
        primary = next(iter(zone.nameservers), zone.name)
        mailbox = zone.hostmaster or f"hostmaster@{zone.name}"
        serial = self._view.serial
        return _write_soa(zone.name, zone.ttl, primary, mailbox, serial, minimum)

    def _renumbered(self, soa: RRset) -> RRset:
        """Give a file's SOA our serial, and our doubts."""
        whole = soa.rdatas[0]
        names, numbers = whole[:-_NUMBERS], whole[-_NUMBERS:]
        minimum = int.from_bytes(numbers[-4:], "big")
        if self._view.behind:
            minimum = min(minimum, NEGATIVE_TTL_BEHIND)
        serial = self._view.serial % _SERIALS
        own = serial.to_bytes(4, "big") + numbers[4:-4] + minimum.to_bytes(4, "big")
        return soa._replace(rdatas=(names + own,))


def _brief(written: Mapping[int, RRset]) -> Node:
    """Have it last briefly: a wildcard may speak for an app that is not known yet."""
    return {
        kind: each._replace(ttl=min(each.ttl, NEGATIVE_TTL_BEHIND))
        for kind, each in written.items()
    }


def _texts(name: bytes, values: tuple[str, ...]) -> Node:
    if not values:
        return EMPTY
    rdatas = tuple(rdata.txt(value.encode()) for value in values)
    return {Rdtype.TXT: RRset(name, Rdtype.TXT, CHALLENGE_TTL, rdatas)}


class _Addressed(NamedTuple):
    """A node with addresses, maybe what is spoken there over TLS, and nothing else."""

    name: bytes
    addresses: tuple[str, ...]
    ttl: int
    alpn: tuple[str, ...] = ()

    def get(self, rdtype: int) -> RRset | None:
        if rdtype == Rdtype.HTTPS:
            rdatas = _https(self.alpn, self.addresses)
        else:
            rdatas = _rdatas(self.addresses, rdtype)
        return RRset(self.name, rdtype, self.ttl, rdatas) if rdatas else None


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


@lru_cache(_REMEMBERED)
def _https(alpn: tuple[str, ...], addresses: tuple[str, ...]) -> tuple[bytes, ...]:
    return (rdata.https(alpn, map(ip_address, addresses)),) if alpn else ()


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
