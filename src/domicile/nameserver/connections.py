"""Who may be connected (RFC 7766, 9210): so many at once, so many of one network.

A network is what is budgeted as one over UDP, too: an IPv4 /24 or an IPv6 /56. So much
is commonly given to one customer; of single addresses he would have any number.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

IDLE = 10.0
MOST = 1000
MOST_OF_ONE_PEER = 100
# The last tenth of the places is for who has none yet.
_RESERVE = 10


class Limits(NamedTuple):
    """For how long one may be idle, in seconds, and how many there may be."""

    idle: float = IDLE
    most: int = MOST
    most_of_one_peer: int = MOST_OF_ONE_PEER


class Cuttable(Protocol):
    """A connection, as far as it can be told to go."""

    @property
    def prefix(self) -> int: ...

    def cut(self) -> None: ...

    def close(self) -> None: ...


class Connections:
    """The open connections of a worker: all, and each network's, idle longest first."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._open: dict[Cuttable, None] = {}
        self._of_prefix: dict[int, dict[Cuttable, None]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Cuttable]:
        return iter(self._open)

    def add(self, connection: Cuttable) -> bool:
        """Count a connection in, unless its network has as many as one may.

        Where there are too many, the one idle longest goes; while few places are left,
        one of the same network. So who comes often pushes out nobody but himself.
        """
        limits = self.limits
        own = self._of_prefix.get(connection.prefix)
        if own and len(own) >= limits.most_of_one_peer:
            return False
        if own and len(self._open) >= limits.most - limits.most // _RESERVE:
            next(iter(own)).cut()
        elif len(self._open) >= limits.most:
            next(iter(self._open)).cut()
        self._open[connection] = None
        self._of_prefix.setdefault(connection.prefix, {})[connection] = None
        return True

    def touch(self, connection: Cuttable) -> None:
        """Make a connection the one that was idle least."""
        if connection in self._open:
            for each in (self._open, self._of_prefix[connection.prefix]):
                del each[connection]
                each[connection] = None

    def remove(self, connection: Cuttable) -> None:
        if connection not in self._open:
            return
        del self._open[connection]
        own = self._of_prefix[connection.prefix]
        del own[connection]
        if not own:
            del self._of_prefix[connection.prefix]

    def close(self) -> None:
        """End all connections; what is written already is still sent."""
        for connection in list(self._open):
            connection.close()
