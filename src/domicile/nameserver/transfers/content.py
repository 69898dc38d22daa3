"""What a zone has to give: all that is answered for it, name by name.

That is a file's records alone, or with them the addresses of every app of the zone.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Protocol

from domicile.dns import zone as dns_zone
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.transfer import write_records
from domicile.dns.zone import WILDCARD
from domicile.dns.zonefile import StaticZone
from domicile.model.names import hosts_of
from domicile.model.records import Owner, Placement
from domicile.model.resolution import CHALLENGE_LABEL
from domicile.model.zone_records import Challenge, ChallengeMode, Zone
from domicile.nameserver.live import Beside, LiveZone, Moment, Names
from domicile.nameserver.transfers.journal import GONE, Node
from domicile.replica.view import View

# What a name of the directory's may have.
_TYPES = (Rdtype.A, Rdtype.CNAME, Rdtype.TXT, Rdtype.AAAA, Rdtype.HTTPS)

_CHALLENGE = bytes((len(CHALLENGE_LABEL),)) + CHALLENGE_LABEL.encode()

Nodes = Mapping[bytes, Node]


class Content(Protocol):
    """A zone's records as of now; owners are relative, as in the journal."""

    @property
    def soa(self) -> bytes:
        """The SOA, whatever its serial."""

    def fixed(self) -> Nodes:
        """Give the names that are no app's."""


class FileContent:
    """The records of a zone that is a file's alone."""

    def __init__(self, file: StaticZone) -> None:
        self._file = file
        self.apex = file.apex
        self.soa = write_records(file.apex, [file.soa]).octets

    def fixed(self) -> Nodes:
        return {
            _relative(name, self.apex): _written(name, self.apex, self._file)
            for name in self._file
        }


class _Lasting(Moment):
    """Secondaries are told of a move when it has come, so no TTL counts down to it."""

    def ttl(self, ttl: int, moves_at: float) -> int:
        return ttl


class LiveContent:
    """The records of a zone of the directory's, as of one view."""

    def __init__(self, view: View, record: Zone, file: StaticZone | None) -> None:
        self._view = view
        self._record = record
        self._file = file
        self.apex = name_from_text(record.name)
        names = Names(self.apex, self.apex, ())
        self._zone = LiveZone(view, record, names, _Lasting(0.0), Beside(file, {}))
        self.soa = write_records(self.apex, [self._zone.soa]).octets
        # Then there is an alias for each name, and else what a challenge's record has.
        self._delegates = record.challenges is ChallengeMode.DELEGATE

    def fixed(self) -> Nodes:
        names = {self.apex, *(self._file or ())}
        names |= {
            name_from_text(each)
            for each in self._record.nameservers
            if each.endswith(f".{self._record.name}")
        }
        if self._delegates:
            names |= {
                _CHALLENGE + name for name in names if not name.startswith(WILDCARD)
            }
        return {_relative(name, self.apex): self._node(name) for name in names}

    def of_record(self, record: Placement | Challenge | Owner) -> Nodes:
        """Give the names that are there for a record, those that are of this zone."""
        if isinstance(record, Placement):
            return self.of_app(record.app, ())
        return self.of_name(record.kind, record.key)

    def of_name(self, kind: str, key: str) -> Nodes:
        """Give the name of a challenge, or that of an owner's, by its record's key."""
        if kind == Owner.kind:
            # Of a wildcard, for what is below the owner.
            host = f"{CHALLENGE_LABEL}.{key}.{self._record.name}"
        else:
            host = ".".join(reversed(key.split(".")))
        if not host.endswith(f".{self._record.name}"):
            return {}
        name = name_from_text(host)
        return {_relative(name, self.apex): self._node(name)}

    def of_app(self, app: str, before: Iterable[bytes]) -> Nodes:
        """Give an app's names, and of those that it had before what is there now."""
        hosts = self._hosts(app)
        if not hosts and not before:
            return {}
        permanent = self.permanent(app)
        others = {_relative(name_from_text(each), self.apex) for each in hosts}
        if self._delegates:
            others |= {_CHALLENGE + each for each in others}
        others.discard(permanent)
        found = {
            owner: self._node(owner + self.apex)
            for owner in (permanent, *others, *before)
        }
        if others:
            found[permanent] = found[permanent]._replace(others=tuple(sorted(others)))
        return found

    def challenges_of(self, owners: Iterable[bytes]) -> Nodes:
        """Give what is said for challenges of some names, which come and go with them."""
        return {
            _CHALLENGE + each: self._node(_CHALLENGE + each + self.apex)
            for each in owners
            if not each.startswith(_CHALLENGE)
        }

    def permanent(self, app: str) -> bytes:
        """Give the name that an app keeps."""
        return bytes((len(app),)) + app.encode()

    def _hosts(self, app: str) -> tuple[str, ...]:
        placed = self._view.placement(app)
        if placed is None or placed.zone != self._record.name:
            return ()
        return hosts_of(placed.name, placed.owner, app, placed.zone)

    def _node(self, name: bytes) -> Node:
        return _written(name, self.apex, self._zone)


def digest_of(nodes: Nodes) -> str:
    """Sum nodes up, to see whether they are others."""
    found = blake2b(digest_size=16)
    for owner in sorted(nodes):
        found.update(owner + b"\0" + nodes[owner].piece.octets)
    return found.hexdigest()


def _written(name: bytes, apex: bytes, zone: dns_zone.Nodes) -> Node:
    node = zone.node(name)
    rrsets = [] if node is None else [each for each in _rrsets(node) if each]
    # The SOA goes at the begin and the end of a transfer.
    rrsets = [each for each in rrsets if each.rdtype != Rdtype.SOA]
    return Node(write_records(apex, rrsets)) if rrsets else GONE


def _rrsets(node: dns_zone.Node) -> Iterator[RRset | None]:
    if isinstance(node, Mapping):
        yield from (node[rdtype] for rdtype in sorted(node))
    else:
        yield from map(node.get, _TYPES)


def _relative(name: bytes, apex: bytes) -> bytes:
    return name[: len(name) - len(apex)]
