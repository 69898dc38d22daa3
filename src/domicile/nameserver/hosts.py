"""Where all hosts' apps live, in a worker's memory.

Where there was a C compiler, `hosts.pyx` is what is imported by this name: the same, of
less memory and for more hosts.
"""

from typing import Final

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
