"""Replies to what was asked before: the same question gets the same octets again.

Only what any number of clients may ask of a name that exists is kept: addresses, or
that there are none of that family. So a flood of names that do not exist puts nothing
in and pushes nothing out. What replies depend on beside the question (the records, the
time) is for the owner to know, and to `clear` when it changes.

A query is looked up as it came, without being parsed: that it has the plain shape which
`class_of` recognises is all that must be known of it, and every other one is left to
`dns.responder`.
"""

from typing import Final

from domicile.dns.edns import PLAIN_LIMIT
from domicile.dns.message import HEADER

_HEADER: Final = HEADER.size
# A question behind its name: type and class.
_TAIL: Final = 4
# The OPT record without options: root, type, size, extended rcode, version, flags.
_OPT: Final = 11
# What an entry takes beside its octets: two objects and their place in a table.
_OVERHEAD: Final = 200

_LONGEST_LABEL: Final = 63
_NOT_PLAIN: Final = -1
_CLASSES: Final = tuple(bytes((number,)) for number in range(256))

# NSID and COOKIE: what asks for more than the records.
_HEEDED: Final = b"\x03\x0a"

_ADDRESSES: Final = (b"\x00\x01\x00\x01", b"\x00\x1c\x00\x01")


class Kept:
    """Keeps values by keys, of at most so many octets altogether.

    There are two generations: what is asked for again moves to the young one, and once
    that has its half of the room, the old one goes, with what was not asked for.
    """

    __slots__ = ("_half", "_old", "_size", "_young")

    def __init__(self, room: int) -> None:
        self._half = room // 2
        self._size = 0
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def clear(self) -> None:
        self._young = {}
        self._old = {}
        self._size = 0

    def get(self, key: bytes) -> bytes | None:
        kept = self._young.get(key)
        if kept is None:
            kept = self._old.pop(key, None)
            if kept is not None:
                self.put(key, kept)
        return kept

    def put(self, key: bytes, kept: bytes) -> None:
        self._young[key] = kept
        self._size += len(key) + len(kept) + _OVERHEAD
        if self._size > self._half:
            self._old = self._young
            self._young = {}
            self._size = 0


class ReplyCache:
    """Keeps replies of at most so many octets altogether."""

    __slots__ = ("_kept",)

    def __init__(self, room: int) -> None:
        self._kept = Kept(room)

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        self._kept.clear()

    def find(self, packet: bytes) -> bytes | None:
        """Give the reply to a query, with its id and in its letter case."""
        end = _end_of_question(packet)
        kind = class_of(packet, len(packet), end)
        if kind < 0:
            return None
        asked = packet[_HEADER:end]
        folded = asked.lower()
        kept = self._kept.get(folded + _CLASSES[kind])
        if kept is None:
            return None
        if asked == folded:
            return packet[:2] + kept
        # The reply repeats the question as it was asked: that its letters come back in
        # their case is what some clients know forged replies by.
        return packet[:2] + kept[:10] + asked + kept[end - 2 :]

    def keep(self, packet: bytes, reply: bytes) -> None:
        """Keep a reply if the like of its query may be asked again."""
        end = _end_of_question(packet)
        kind = class_of(packet, len(packet), end)
        # Of every size that a client can take; authoritative, whole and no error.
        if kind < 0 or len(reply) > PLAIN_LIMIT:
            return
        if packet[end - _TAIL : end] not in _ADDRESSES:
            return
        if reply[2] & 0x06 != 0x04 or reply[3] & 0x0F:
            return
        folded = packet[_HEADER:end].lower()
        kept = reply[2:_HEADER] + folded + reply[end:]
        self._kept.put(folded + _CLASSES[kind], kept)


def _end_of_question(packet: bytes) -> int:
    """Give where the question ends, or a number beyond the packet.

    Folding letters changes no label's length, and no type or class that is kept: none
    of their octets is a letter's, small or capital.
    """
    at = _HEADER
    size = len(packet)
    while at < size:
        length = packet[at]
        if length == 0:
            return at + 1 + _TAIL
        if length > _LONGEST_LABEL:
            break
        at += length + 1
    return size + 1


def class_of(packet: bytes, size: int, end: int) -> int:
    """Give what the reply depends on beside the question, -1 for what is not plain.

    That are RD and CD, which come back, whether there is EDNS, and its DO and CO. The
    question of the packet, which has that size, ends there.
    """
    # A whole question, of a name of at most 255 octets.
    if end > size or end > _HEADER + 255 + _TAIL or not _is_plain(packet):
        return _NOT_PLAIN
    kind = (packet[2] & 1) | (packet[3] & 0x10)
    if packet[11] == 0:
        return kind if size == end else _NOT_PLAIN
    if not _is_opt(packet, end, size):
        return _NOT_PLAIN
    return kind | 2 | (packet[end + 7] >> 7) << 2 | (packet[end + 7] >> 6 & 1) << 3


def _is_plain(packet: bytes) -> bool:
    """Whether it is no answer, a QUERY, of one question and at most one record more."""
    return (
        not packet[2] & 0xF8
        and packet[5] == 1
        and packet[11] <= 1
        and not (packet[4] | packet[6] | packet[7] | packet[8] | packet[9] | packet[10])
    )


def _is_opt(packet: bytes, at: int, size: int) -> bool:
    """Whether all that follows is one OPT of version 0; whatever its size, replies fit."""
    return (
        size >= at + _OPT
        and packet[at + 2] == 41
        and not (packet[at] | packet[at + 1] | packet[at + 6])
        and _options_end(packet, at + _OPT, size)
    )


def _options_end(packet: bytes, at: int, size: int) -> bool:
    """Whether as many octets of options follow as is said, whole and none heeded."""
    if at + (packet[at - 2] << 8 | packet[at - 1]) != size:
        return False
    while at + 4 <= size:
        if packet[at] == 0 and packet[at + 1] in _HEEDED:
            return False
        at += 4 + (packet[at + 2] << 8 | packet[at + 3])
    return at == size
