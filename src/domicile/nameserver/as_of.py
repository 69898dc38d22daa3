"""As of when something was made of a replica's records, and whether it is due anew."""

from collections.abc import Set as AbstractSet
from typing import Protocol


class Named(Protocol):
    """A replica; by their names copies are told apart."""

    @property
    def open_name(self) -> str: ...


class Touched(Protocol):
    """A view of one, which knows what was changed lately."""

    @property
    def serial(self) -> int: ...

    def touched_after(self, serial: int, /) -> list[tuple[str, str]] | None: ...


class AsOf:
    """Remembers a copy and a serial."""

    __slots__ = ("_name", "_replica", "_serial")

    def __init__(self, replica: Named) -> None:
        self._replica = replica
        self.forget()

    def forget(self) -> None:
        self._name, self._serial = "", -1

    def are_others(self, view: Touched, kinds: AbstractSet[str]) -> bool:
        """Whether records of these kinds may be others than the last time; note this one.

        `view` is the one that the replica gave last.
        """
        name, serial = self._replica.open_name, view.serial
        was_name, was_serial = self._name, self._serial
        self._name, self._serial = name, serial
        if name != was_name or was_serial < 0:
            return True
        if serial == was_serial:
            return False
        touched = view.touched_after(was_serial)
        return touched is None or any(kind in kinds for kind, _ in touched)
