"""Tables in a worker's memory: of where all hosts' apps live, and of signed replies.

Where there was a C compiler, `tables.pyx` is what is imported by this name: the same, of
less memory and for more hosts. Keys are the first octets, so many, of those given.
"""

from typing import Final

from domicile.dns.cache import Kept

UNKNOWN: Final = b"?"
"""What is said of a host that may be one all the same."""

MOST: Final = 200_000


class Hosts:
    """A cluster's name, or any other octets that say the same of many, for each host.

    It is `whole` once it is said to be: then a host that is not in it is none.
    """

    __slots__ = ("_table", "whole")

    def __init__(self) -> None:
        self._table: dict[bytes, bytes] = {}
        self.whole = False

    def __len__(self) -> int:
        return len(self._table)

    def begin(self, count: int) -> None:
        """Forget all; there are going to be at most so many."""
        self._table = {}
        self.whole = False

    def put(self, host: bytes, cluster: bytes | None) -> bool:
        """Have a host live there, or, for None, nowhere; False: there is no room."""
        if cluster is None:
            self._table.pop(host, None)
        elif len(self._table) < MOST or host in self._table:
            self._table[host] = cluster
        else:
            return False
        return True

    def complete(self) -> None:
        """Say that each host there is has been put."""
        self.whole = True

    def foresee(self, host: bytes | bytearray, size: int) -> None:
        """Have at hand what is needed to find it."""

    def find(self, host: bytes | bytearray, size: int) -> bytes | None:
        """Give where the host lives that these octets begin with, None for no host."""
        found = self._table.get(bytes(host[:size]))
        return UNKNOWN if found is None and not self.whole else found


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
