"""What a directory that makes changes says of each, to who waits for them."""

from typing import NamedTuple, Self

TOKEN = "of-the-name-server-that-is-measured"  # noqa: S105 - and of nobody else
READY, DONE = "ready", "done"


class Move(NamedTuple):
    """What is to be answered for a host, and when that was committed.

    By the machine's monotonic clock, which all its processes share.
    """

    host: str
    address: str
    at: float

    def __str__(self) -> str:
        return f"{self.host} {self.address} {self.at!r}"

    @classmethod
    def parse(cls, line: str) -> Self:
        host, address, at = line.split()
        return cls(host, address, float(at))
