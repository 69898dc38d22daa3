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

Where an app lives is known of a table, once that has been filled, else of the replica.
What an entry of a replica says is not held against its CRC here: it is believed only
where it is, letter by letter, what the long way found before.

Here packets are octets of which `size` are theirs: where this is compiled, it is where
the socket's were read to, and an index that is too large is found by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domicile.dns.cache import class_of
from domicile.dns.edns import PLAIN_LIMIT
from domicile.dns.message import HEADER
from domicile.model.ids import LENGTH
from domicile.model.names import A_LABEL, JOINT
from domicile.nameserver.hosts import UNKNOWN, Hosts
from domicile.nameserver.signed_replies import SignedReplies
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
_ROOM: Final = _LONGEST_NAME + 1  # for a name, and for its sort behind it
_LONGEST_LABEL: Final = 63
_MOST_ZONES: Final = 32

_HOST: Final = HOST
_LEFT: Final = LEFT
_UNKNOWN: Final = UNKNOWN
_DOT: Final = ord(".")
_STRANGE: Final = 0
_JOINT: Final = JOINT.encode()
_A_LABEL: Final = A_LABEL.encode()
_POINTER: Final = 0xC000
_OWNER: Final = _POINTER | _HEADER  # a pointer to the question's name
# A piece of a reply is what stands between its id and its question, so many octets, and
# what stands behind: without the pointer to the zone, where the reply is a no.
_HEAD: Final = _HEADER - 2
_HEAD_COUNTS: Final = 5


def _lower(octet: int) -> int:
    character = bytes((octet,)).lower()
    return character[0] if character.isalnum() or character == b"-" else _STRANGE


# What stands for an octet of a label in the text of a host; nothing for a strange one.
_TEXT: Final = bytes(map(_lower, range(256)))


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
        depths = (each.count(b".") + 1 - self.labels for each in self.left)
        self.deepest_left = max(depths, default=0)
        self.plain = plain
        self.signed = signed
        # By sort: of names that no app has, and of the apps of each cluster.
        self.missing: list[bytes | None] = [None] * _SORTS
        self.pieces: dict[bytes, list[bytes | None]] = {}

    def forget_serial(self) -> None:
        """Forget what is negative."""
        self.missing = [None] * _SORTS
        for pieces in self.pieces.values():
            for sort, piece in enumerate(pieces):
                if piece is not None and _is_negative(piece):
                    pieces[sort] = None

    def pieces_of(self, cluster: bytes | None) -> list[bytes | None]:
        """Give the pieces of a cluster's replies, of none where that is none."""
        if cluster is None:
            return self.missing
        return self.pieces.setdefault(cluster, [None] * _SORTS)


_NO_ZONE: Final = PlainZone(b"", plain=False)


class Question:
    """What was read of a packet: the name that is asked, and of which sort its reply is.

    The sort is -1 where it is not plain. `end` is where the question ends; `pointer` is
    what stands between that and the rest of the piece, 0 for nothing.
    """

    __slots__ = (
        "cluster", "end", "labels", "pointer", "size", "sort", "text",
        "wants_signatures", "zone",
    )  # fmt: skip

    def __init__(self) -> None:
        # The name as `HOST` has it, in so many octets and labels.
        self.text = bytearray(_ROOM)
        self.size = self.labels = 0
        self.end = self.pointer = 0
        self.sort = -1
        self.wants_signatures = False
        self.zone = _NO_ZONE
        self.cluster: bytes | None = None

    def read(self, octets: bytes, size: int) -> bool:
        """Read the name; False where it is strange or not whole."""
        text = self.text
        at = _HEADER
        written = labels = 0
        while at < size:
            length = octets[at]
            if length == 0:
                break
            end = at + 1 + length
            if length > _LONGEST_LABEL or end > size or end > _HEADER + _LONGEST_NAME:
                return False
            text[written] = _DOT
            written += 1
            for place in range(at + 1, end):
                octet = _TEXT[octets[place]]
                if octet == _STRANGE:
                    return False
                text[written] = octet
                written += 1
            at = end
            labels += 1
        text[0] = _HOST
        self.size = written
        self.labels = labels
        self.end = at + 1 + _TAIL
        return written > 0 and self.end <= size

    def is_in(self, zone: PlainZone) -> bool:
        """Whether the name is in a zone, or its apex."""
        suffix = zone.suffix
        length = len(suffix)
        begin = self.size - length
        text = self.text
        if begin < 0 or (begin and length and text[begin] != _DOT):
            return False
        # The first is a dot, or what stands before a whole name.
        for place in range(1, length):  # noqa: SIM110 - it is compiled
            if text[begin + place] != suffix[place]:
                return False
        return True

    def pointer_to_zone(self) -> int:
        """Give the pointer to the zone's name, at the end of the question's."""
        return _POINTER | (self.end - _TAIL - 1 - len(self.zone.suffix))


class PlainQuestions:
    """Answers out of what was answered before, as of the same records."""

    __slots__ = ("_glance", "_hosts", "_question", "_signed", "_zones")

    def __init__(self, glance: Glance, hosts: Hosts, room: int = 0) -> None:
        """Of signed replies so many octets are kept."""
        self._glance = glance
        self._hosts = hosts
        self._signed = SignedReplies(room)
        self._zones: list[PlainZone] = []
        self._question = Question()

    def forget(self, zones: Iterable[PlainZone] = ()) -> None:
        """Begin anew, with the zones of other records."""
        found = sorted(zones, key=lambda zone: -len(zone.suffix))
        # They are tried one after the other.
        self._zones = found if len(found) <= _MOST_ZONES else []
        self._signed.clear()

    def forget_serial(self) -> None:
        """Forget what tells the serial: each no, with the zone's SOA."""
        for zone in self._zones:
            zone.forget_serial()

    def find(self, packet: bytes) -> bytes | None:
        """Give the reply to a query of a sort that was answered before."""
        question = self._question
        self.read(question, packet, len(packet))
        piece = self.match(question)
        return None if piece is None else compose(packet, question, piece)

    def read(self, question: Question, octets: bytes, size: int) -> None:
        """Read a packet, and have at hand what is needed to match it."""
        question.sort = -1
        if not question.read(octets, size):
            return
        end = question.end
        kind = class_of(octets, size, end)
        if kind < 0 or not _asks_for_addresses(octets, end):
            return
        for zone in self._zones:
            if question.is_in(zone):
                break
        else:
            return
        if zone.plain:
            question.zone = zone
            sort = kind if octets[end - 3] == _TYPE_A else kind | _AAAA
            question.sort = sort
            self._hosts.foresee(question.text, question.size)
            question.wants_signatures = zone.signed and bool(kind & _DO)
            if question.wants_signatures:
                # By name and sort; and, once that is known, by cluster.
                question.text[question.size] = sort
                self._signed.foresee(question.text, question.size + 1)

    def approach(self, question: Question) -> None:
        """Have at hand what comes of that; between all reads and the first match."""
        if question.sort >= 0 and question.wants_signatures:
            self._signed.approach(question.text, question.size + 1)

    def match(self, question: Question) -> bytes | None:
        """Give the piece of the reply to it."""
        if not self._is_found(question):
            return None
        question.pointer = 0
        cluster = question.cluster
        if question.wants_signatures:
            if cluster is None:
                return None
            return self._signed.find(question.text, question.size + 1, cluster)
        zone = question.zone
        pieces = zone.missing if cluster is None else zone.pieces.get(cluster)
        piece = None if pieces is None else pieces[question.sort]
        if piece is None or question.end + 2 + len(piece) - _HEAD > PLAIN_LIMIT:
            return None
        if _is_negative(piece):
            question.pointer = question.pointer_to_zone()
        return piece

    def learn(self, packet: bytes, reply: bytes) -> bool:
        """Take a reply to a query apart; say whether the like of it will be found."""
        # Authoritative, whole, and a yes or a no.
        if reply[2] & 0x06 != 0x04 or reply[3] & 0x0F not in {0, 3}:
            return False
        question = self._question
        self.read(question, packet, len(packet))
        if not self._is_found(question):
            return False
        end = question.end
        head = reply[2:_HEADER]
        negative = _is_negative(head)
        if question.wants_signatures:
            cluster = question.cluster
            if negative or cluster is None or len(reply) > PLAIN_LIMIT:
                return False
            kept = head + reply[end:]
            self._signed.put(question.text, question.size + 1, cluster, kept)
            return True
        owner = question.pointer_to_zone() if negative else _OWNER
        if reply[end : end + 2] != owner.to_bytes(2, "big"):
            return False
        piece = head + (reply[end + 2 :] if negative else reply[end:])
        question.zone.pieces_of(question.cluster)[question.sort] = piece
        return True

    def _is_found(self, question: Question) -> bool:
        """Whether it is plain, and known where the app lives, or that there is none."""
        if question.sort < 0:
            return False
        question.cluster = self._find(question)
        return question.cluster != _LEFT

    def _find(self, question: Question) -> bytes | None:
        """Give the cluster of an app, none where there is no app; `LEFT` is left."""
        zone = question.zone
        labels = question.labels - zone.labels
        text = question.text
        size = question.size
        if labels <= zone.deepest_left and bytes(text[1:size]) in zone.left:
            return _LEFT
        if labels == 2:
            found = self._hosts.find(text, size)
            if found is not _UNKNOWN:
                return found
            return self._glance.cluster_of_host(bytes(text[:size]))
        if labels == 1:
            return self._find_label(zone, bytes(text[1 : size - len(zone.suffix)]))
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


def compose(packet: bytes, question: Question, piece: bytes) -> bytes:
    """Give the reply of a piece to the packet that was read."""
    pointer = question.pointer.to_bytes(2, "big") if question.pointer else b""
    asked = packet[_HEADER : question.end]
    return packet[:2] + piece[:_HEAD] + asked + pointer + piece[_HEAD:]


def _is_negative(piece: bytes) -> bool:
    """Whether it has no answer: fewer than 256 there are in any case."""
    return not piece[_HEAD_COUNTS]


def _asks_for_addresses(octets: bytes, end: int) -> bool:
    kind = octets[end - 3]
    return (
        kind in (_TYPE_A, _TYPE_AAAA)
        and octets[end - 1] == _CLASS_IN
        and not octets[end - 4] | octets[end - 2]
    )
