"""What nearly all queries ask, answered by one look-up: the addresses of an app.

What a reply says beside its question depends on the cluster where the app lives, or on
that there is no app, and on the shape of the query. So `dns.responder` answers the first
of each sort; its reply is taken apart here, and its pieces stand in all others of that
sort, until the records change. Whatever is not plain is left to it: other types, other
zones, names with other characters than those of hosts, names that stand for something
else than an app, and whoever is about to move.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from domicile.dns.cache import class_of
from domicile.dns.edns import PLAIN_LIMIT
from domicile.dns.message import HEADER
from domicile.model.ids import LENGTH
from domicile.model.names import A_LABEL, JOINT

_HEADER: Final = HEADER.size
_TAIL: Final = 4  # a question behind its name: type and class
_ID: Final = LENGTH
_DO: Final = 4  # in what `class_of` gives; and what it does not give
_AAAA: Final = 128
_MOST_ZONES: Final = 32
_LONGEST_LABEL: Final = 63
_CLASS_IN: Final = 1
_TYPE_A: Final = 1
_TYPE_AAAA: Final = 28
_LEARNT: Final = (0, 3)  # NOERROR, NXDOMAIN
_OWNER: Final = b"\xc0\x0c"  # the question's name
_NOWHERE: Final = b"."  # in the place of a cluster's name

_JOINT: Final = JOINT.encode()
_A_LABEL: Final = A_LABEL.encode()
_STRANGE: Final = b"!"
_SORTS: Final = tuple(bytes((number,)) for number in range(256))
_POINTERS: Final = tuple((0xC000 | at).to_bytes(2, "big") for at in range(512))


def _as_text(octet: int) -> int:
    """Write an octet of a name on the wire as in its text: a length is a dot."""
    character = bytes((octet,)).lower()
    if character.isalnum() or character == b"-":
        return character[0]
    return ord(".") if octet <= _LONGEST_LABEL else ord(_STRANGE)


# The lengths that look like digits and hyphens are of labels that few names have.
_TEXT: Final = bytes(map(_as_text, range(256)))


class Seen(Protocol):
    """The records, as of one serial (`replica.view`)."""

    def cluster_of_host(self, host: bytes, /) -> bytes | None:
        """Give the cluster of the app with that name, none where there is no such app.

        The empty name stands for one that is to be asked for in the long way.
        """

    def cluster_of_app(self, app: bytes, zone: bytes, /) -> bytes | None:
        """Give the same for an app's id, in its zone."""

    def has_owner(self, name: bytes, /) -> bool: ...


class Piece:
    """What stands before and behind the question of a reply.

    Without the id; and without the pointer to the zone, where the reply is negative.
    """

    __slots__ = ("head", "negative", "tail")

    def __init__(self, head: bytes, tail: bytes, *, negative: bool) -> None:
        self.head = head
        self.tail = tail
        self.negative = negative


class PlainZone:
    """A zone of ours, by how its names end, such as `.apps.test.`.

    `left` are names below it, such as `.ns1`, that are not for apps; of what is not
    `plain` everything is left, of what is `signed` whatever wants signatures.
    """

    __slots__ = ("labels", "left", "pieces", "plain", "signed", "suffix")

    def __init__(
        self,
        suffix: bytes,
        left: Iterable[bytes] = (),
        *,
        plain: bool = True,
        signed: bool = False,
    ) -> None:
        self.suffix = suffix
        self.labels = suffix.count(b".") - 1
        self.left = frozenset(left)
        self.plain = plain
        self.signed = signed
        self.pieces: dict[bytes, Piece] = {}


class PlainQuestions:
    """Answers out of what was answered before, as of the same records."""

    __slots__ = ("_end", "_labels", "_seen", "_sort", "_zone", "_zones")

    def __init__(self) -> None:
        self._zones: list[PlainZone] = []
        self._seen: Seen | None = None
        # Of the packet that was sorted last.
        self._zone = PlainZone(b".", plain=False)
        self._sort = b""
        self._end = self._labels = 0

    def forget(self, zones: Iterable[PlainZone] = ()) -> None:
        """Begin anew, with the zones of other records."""
        found = sorted(zones, key=lambda zone: -len(zone.suffix))
        # They are tried one after the other.
        self._zones = found if len(found) <= _MOST_ZONES else []

    def see(self, seen: Seen | None) -> None:
        """Answer from these records; from none, nothing."""
        self._seen = seen

    def find(self, packet: bytes) -> bytes | None:
        """Give the reply to a query of a sort that was answered before."""
        if not self._sorted(packet):
            return None
        zone = self._zone
        piece = zone.pieces.get(self._sort)
        if piece is None:
            return None
        end = self._end
        if end + len(piece.tail) > PLAIN_LIMIT:
            return None
        question = packet[_HEADER:end]
        if piece.negative:
            pointer = _POINTERS[end - _TAIL - len(zone.suffix)]
            return packet[:2] + piece.head + question + pointer + piece.tail
        return packet[:2] + piece.head + question + piece.tail

    def learn(self, packet: bytes, reply: bytes) -> bool:
        """Take a reply to a query apart; say whether the like of it will be found."""
        # Authoritative, whole, and a yes or a no.
        if reply[2] & 0x06 != 0x04 or reply[3] & 0x0F not in _LEARNT:
            return False
        if not self._sorted(packet):
            return False
        end = self._end
        negative = not reply[7]
        if negative:
            expected = _POINTERS[end - _TAIL - len(self._zone.suffix)]
        else:
            expected = _OWNER
        if reply[end : end + 2] != expected:
            return False
        tail = reply[end + 2 :] if negative else reply[end:]
        self._zone.pieces[self._sort] = Piece(reply[2:_HEADER], tail, negative=negative)
        return True

    def _sorted(self, packet: bytes) -> bool:
        """Say whether a packet is plain; note its question's end, its zone, its sort."""
        kind = self._kind(packet)
        if kind < 0:
            return False
        text = packet[_HEADER : self._end - _TAIL].translate(_TEXT)
        # Else there is a dot in a label, or a length that looks like a character.
        if text.count(b".") != self._labels + 1 or _STRANGE in text:
            return False
        zone = self._zone_of(text)
        if zone is None or (zone.signed and kind & _DO):
            return False
        cluster = _cluster(self._seen, zone, text, self._labels - zone.labels)
        if cluster is None:
            return False
        self._zone = zone
        self._sort = _SORTS[kind] + cluster
        return True

    def _kind(self, packet: bytes) -> int:
        """Note where the question ends; give what the reply depends on, or -1."""
        if self._seen is None:
            return -1
        size = len(packet)
        at = _HEADER
        labels = 0
        while at < size and (length := packet[at]):
            if length > _LONGEST_LABEL:
                return -1
            at += length + 1
            labels += 1
        end = at + 1 + _TAIL
        kind = class_of(packet, end)
        if (
            kind < 0
            or packet[end - 1] != _CLASS_IN
            or packet[end - 4] | packet[end - 2]
        ):
            return -1
        self._labels = labels
        self._end = end
        if packet[end - 3] == _TYPE_A:
            return kind
        return kind | _AAAA if packet[end - 3] == _TYPE_AAAA else -1

    def _zone_of(self, text: bytes) -> PlainZone | None:
        for zone in self._zones:
            if text.endswith(zone.suffix):
                return zone if zone.plain else None
        return None


def _cluster(
    seen: Seen | None, zone: PlainZone, text: bytes, labels: int
) -> bytes | None:
    """Give the cluster that a name leads to, or `_NOWHERE`; none where it is left."""
    assert seen is not None
    if zone.left and text[: len(text) - len(zone.suffix)] in zone.left:
        return None
    if labels == 2:
        found = seen.cluster_of_host(text[1:-1])
    elif labels == 1:
        found = _cluster_of_label(seen, zone, text[1 : len(text) - len(zone.suffix)])
    else:
        return None
    if found is None:
        return _NOWHERE
    return found or None


def _cluster_of_label(seen: Seen, zone: PlainZone, label: bytes) -> bytes | None:
    if len(label) == _ID:
        # Where there is none: an owner's name may have that many letters, too.
        return seen.cluster_of_app(label, zone.suffix[1:-1]) or b""
    if _JOINT in label:
        app, _, owner = label.partition(_JOINT)
        if label.startswith(_A_LABEL) or _JOINT in owner:
            return b""
        return seen.cluster_of_host(app + b"." + owner + zone.suffix[:-1]) or b""
    return b"" if seen.has_owner(label) else None
