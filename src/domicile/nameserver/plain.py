"""What nearly all queries ask, answered by one look-up: the addresses of an app.

What a reply says beside its question depends on the cluster where the app lives, or on
that there is no app, and on the shape of the query. So `dns.responder` answers the first
of each sort; its reply is taken apart here, and its pieces stand in all others of that
sort, until the records change. Whatever is not plain is left to it: other types, other
zones, names with other characters than those of hosts, names that stand for something
else than an app, and whoever is about to move.

Signatures are each name's own, so of a signed zone whole replies are kept; beside the
question by the cluster, too. So a change of where an app lives makes no reply wrong that
is kept: it leads to others.

What an entry of a replica says is not held against its CRC here: it is believed only
where it is, letter by letter, what the long way found before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domicile.dns.cache import ReplyCache, class_of
from domicile.dns.edns import PLAIN_LIMIT
from domicile.dns.message import HEADER
from domicile.model.ids import LENGTH
from domicile.model.names import A_LABEL, JOINT
from domicile.replica.glance import HOST, LEFT, Glance

_HEADER: Final = HEADER.size
_TAIL: Final = 4  # a question behind its name: type and class
_CLASS_IN: Final = 1
_TYPE_A: Final = 1
_TYPE_AAAA: Final = 28
_ID: Final = LENGTH
_DO: Final = 4  # in what `class_of` gives
_AAAA: Final = 32  # beside what it gives
_SORTS: Final = 64
_LONGEST_NAME: Final = 255
_LONGEST_LABEL: Final = 63
_MOST_ZONES: Final = 32

_HOST: Final = HOST
_LEFT: Final = LEFT
_DOT: Final = ord(".")
_STRANGE: Final = 0
_JOINT: Final = JOINT.encode()
_A_LABEL: Final = A_LABEL.encode()
_OWNER: Final = b"\xc0\x0c"  # a pointer to the question's name
_POINTERS: Final = tuple((0xC000 | at).to_bytes(2, "big") for at in range(512))


def _lower(octet: int) -> int:
    character = bytes((octet,)).lower()
    return character[0] if character.isalnum() or character == b"-" else _STRANGE


# What stands for an octet of a label in the text of a host; nothing for a strange one.
_TEXT: Final = bytes(map(_lower, range(256)))


class Piece:
    """What stands before and behind the question of a reply.

    Without the id; and without the pointer to the zone, where the reply is a no.
    """

    __slots__ = ("head", "negative", "tail")

    def __init__(self, head: bytes, tail: bytes, *, negative: bool) -> None:
        self.head = head
        self.tail = tail
        self.negative = negative


class PlainZone:
    """A zone of ours, by how its hosts end, such as `.apps.test`.

    `left` are hosts in it that are not for apps; of a zone that is not `plain` all is
    left, of one that is `signed` whatever wants signatures.
    """

    __slots__ = (
        "deepest_left", "labels", "left", "missing", "pieces", "plain", "signed",
        "suffix",
    )  # fmt: skip

    def __init__(
        self,
        suffix: bytes,
        left: Iterable[bytes] = (),
        *,
        plain: bool = True,
        signed: bool = False,
    ) -> None:
        self.suffix = suffix
        self.labels = suffix.count(b".")
        self.left = frozenset(left)
        self.deepest_left = max((each.count(b".") + 1 for each in self.left), default=0)
        self.plain = plain
        self.signed = signed
        # By sort: of names that no app has, and of the apps of each cluster.
        self.missing: list[Piece | None] = [None] * _SORTS
        self.pieces: dict[bytes, list[Piece | None]] = {}

    def forget_serial(self) -> None:
        """Forget what is negative."""
        self.missing = [None] * _SORTS
        for pieces in self.pieces.values():
            for sort, piece in enumerate(pieces):
                if piece is not None and piece.negative:
                    pieces[sort] = None

    def pieces_of(self, cluster: bytes | None) -> list[Piece | None]:
        """Give the pieces of a cluster's replies, of none where that is none."""
        if cluster is None:
            return self.missing
        return self.pieces.setdefault(cluster, [None] * _SORTS)


_NO_ZONE: Final = PlainZone(b"", plain=False)


class PlainQuestions:
    """Answers out of what was answered before, as of the same records."""

    __slots__ = (
        "_cluster", "_end", "_glance", "_labels", "_text", "_wants_signatures", "_zone",
        "_zones", "signed",
    )  # fmt: skip

    def __init__(self, glance: Glance, room: int = 0) -> None:
        """Of signed replies so many octets are kept."""
        self._glance = glance
        self.signed = ReplyCache(room)
        self._zones: list[PlainZone] = []
        self._text = bytearray(_LONGEST_NAME + 1)
        # Of the packet that was sorted last.
        self._end = self._labels = 0
        self._zone = _NO_ZONE
        self._cluster: bytes | None = None
        self._wants_signatures = False

    def forget(self, zones: Iterable[PlainZone] = ()) -> None:
        """Begin anew, with the zones of other records."""
        found = sorted(zones, key=lambda zone: -len(zone.suffix))
        # They are tried one after the other.
        self._zones = found if len(found) <= _MOST_ZONES else []
        self.signed.clear()

    def forget_serial(self) -> None:
        """Forget what tells the serial: each no, with the zone's SOA."""
        for zone in self._zones:
            zone.forget_serial()

    def find(self, packet: bytes) -> bytes | None:
        """Give the reply to a query of a sort that was answered before."""
        sort = self._sorted(packet)
        if sort < 0:
            return None
        zone = self._zone
        cluster = self._cluster
        if self._wants_signatures:
            return None if cluster is None else self.signed.find(packet, cluster)
        pieces = zone.missing if cluster is None else zone.pieces.get(cluster)
        piece = None if pieces is None else pieces[sort]
        if piece is None:
            return None
        end = self._end
        tail = piece.tail
        if end + 2 + len(tail) > PLAIN_LIMIT:
            return None
        if piece.negative:
            tail = self._pointer() + tail
        return packet[:2] + piece.head + packet[_HEADER:end] + tail

    def learn(self, packet: bytes, reply: bytes) -> bool:
        """Take a reply to a query apart; say whether the like of it will be found."""
        # Authoritative, whole, and a yes or a no.
        if reply[2] & 0x06 != 0x04 or reply[3] & 0x0F not in {0, 3}:
            return False
        sort = self._sorted(packet)
        if sort < 0:
            return False
        end = self._end
        negative = not reply[7]
        if self._wants_signatures:
            return not negative and self._learn_signed(packet, reply)
        if reply[end : end + 2] != (self._pointer() if negative else _OWNER):
            return False
        tail = reply[end + 2 :] if negative else reply[end:]
        piece = Piece(reply[2:_HEADER], tail, negative=negative)
        self._zone.pieces_of(self._cluster)[sort] = piece
        return True

    def _learn_signed(self, packet: bytes, reply: bytes) -> bool:
        if self._cluster is None:
            return False
        self.signed.keep(packet, reply, self._cluster)
        return True

    def _pointer(self) -> bytes:
        """Give the pointer to the zone's name, at the end of the question's."""
        suffix = self._zone.suffix
        pointer: bytes = _POINTERS[self._end - _TAIL - 1 - len(suffix)]
        return pointer

    def _sorted(self, packet: bytes) -> int:
        """Give what sort a packet is, or -1; note its question's end, zone, cluster."""
        if not self._zones:
            return -1
        size = self._read(packet)
        if size == 0:
            return -1
        kind = class_of(packet, self._end)
        if kind < 0 or not _asks_for_addresses(packet, self._end):
            return -1
        host = bytes(self._text[:size])
        zone = self._zone_of(host)
        if not zone.plain:
            return -1
        cluster = self._find(zone, host, self._labels - zone.labels)
        if cluster == _LEFT:
            return -1
        self._zone = zone
        self._cluster = cluster
        self._wants_signatures = zone.signed and bool(kind & _DO)
        return kind if packet[self._end - 3] == _TYPE_A else kind | _AAAA

    def _read(self, packet: bytes) -> int:
        """Write the question's name as `HOST` has it; give its length, 0 if strange.

        Note its labels, and where the question ends.
        """
        size = len(packet)
        octets = packet
        text = self._text
        at = _HEADER
        written = labels = 0
        while at < size:
            length = octets[at]
            if length == 0:
                break
            end = at + 1 + length
            if length > _LONGEST_LABEL or end > size or end > _HEADER + _LONGEST_NAME:
                return 0
            text[written] = _DOT
            written += 1
            for place in range(at + 1, end):
                octet = _TEXT[octets[place]]
                if octet == _STRANGE:
                    return 0
                text[written] = octet
                written += 1
            at = end
            labels += 1
        text[0] = _HOST
        self._labels = labels
        self._end = at + 1 + _TAIL
        return written if self._end <= size else 0

    def _zone_of(self, host: bytes) -> PlainZone:
        for zone in self._zones:
            suffix = zone.suffix
            if host.endswith(suffix):
                return zone
            if len(host) == len(suffix) and host[1:] == suffix[1:]:
                return zone
        return _NO_ZONE

    def _find(self, zone: PlainZone, host: bytes, labels: int) -> bytes | None:
        """Give the cluster of an app, none where there is no app; `LEFT` is left."""
        if labels <= zone.deepest_left and host[1:] in zone.left:
            return _LEFT
        if labels == 2:
            return self._glance.cluster_of_host(host)
        if labels == 1:
            return self._find_label(zone, host[1 : len(host) - len(zone.suffix)])
        return _LEFT

    def _find_label(self, zone: PlainZone, label: bytes) -> bytes | None:
        if len(label) == _ID:
            # Where there is none: an owner's name may have that many letters, too.
            return self._glance.cluster_of_app(label, zone.suffix[1:]) or _LEFT
        if _JOINT in label:
            app, _, owner = label.partition(_JOINT)
            if label.startswith(_A_LABEL) or _JOINT in owner:
                return _LEFT
            host = bytes((_HOST,)) + app + b"." + owner + zone.suffix
            return self._glance.cluster_of_host(host) or _LEFT
        return _LEFT if self._glance.has_owner(label) else None


def _asks_for_addresses(packet: bytes, end: int) -> bool:
    kind = packet[end - 3]
    return (
        kind in (_TYPE_A, _TYPE_AAAA)
        and packet[end - 1] == _CLASS_IN
        and not packet[end - 4] | packet[end - 2]
    )
