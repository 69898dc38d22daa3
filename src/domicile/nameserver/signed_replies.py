"""Signed replies in a worker's memory.

Where there was a C compiler, `signed_replies.pyx` is what is imported by this name: the
same, for more of them. Keys are the first octets, so many, of those given.
"""

from domicile.dns.cache import Kept


class SignedReplies:
    """Keeps replies by a key and what else they depend on, in so many octets of room.

    Those that were asked for lately stay longest.
    """

    __slots__ = ("_kept",)

    def __init__(self, room: int) -> None:
        self._kept = Kept(room)

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        self._kept.clear()

    def foresee(self, key: bytes | bytearray, size: int) -> None:
        """Have at hand what is needed to find it."""

    def approach(self, key: bytes | bytearray, size: int) -> None:
        """Have it at hand itself, a while after that."""

    def find(self, key: bytes | bytearray, size: int, beside: bytes) -> bytes | None:
        return self._kept.get(bytes(key[:size]) + beside)

    def put(
        self, key: bytes | bytearray, size: int, beside: bytes, reply: bytes
    ) -> None:
        self._kept.put(bytes(key[:size]) + beside, reply)
