"""What a manager leaves to the next of an app that it started."""

import contextlib
from pathlib import Path

import msgspec

from domicile.runtime.durable import write_durably


class Lease(msgspec.Struct, frozen=True):
    """Which release was started, which port it was told, and which one is its own.

    `port` is 0 where it does as it is told.
    """

    release: str
    told: int
    port: int = 0

    def write(self, file: Path) -> None:
        write_durably(file, msgspec.json.encode(self))

    @classmethod
    def read(cls, file: Path) -> "Lease | None":
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(file.read_bytes(), type=cls)
        return None
