"""What a name server without a directory answers from, beside its files: nothing.

It stands where a replica stands, and is never behind: there is nobody to be behind of.
"""

from collections.abc import Iterator
from typing import Self, TypeVar

from domicile.model.record import Record
from domicile.model.records import Cluster, Owner, Placement, Whereabouts
from domicile.model.zone_records import Challenge, UpdateKey, Zone

Kind = TypeVar("Kind", bound=Record)


class NoRecords:
    """A replica that has no records, and its one view."""

    serial = 0
    number = -1
    behind = False
    open_name = ""

    def view(self) -> "NoRecords":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to give back."""

    def touched_after(self, _serial: int) -> list[tuple[str, str]] | None:
        return []

    def hosts_touched_after(self, _serial: int, _most: int) -> set[bytes] | None:
        return set()

    def count(self, _kind: type[Record]) -> int:
        return 0

    def newest(self) -> None:
        return None

    def get(self, _kind: type[Kind], _key: str) -> Kind | None:
        return None

    def all(self, _kind: type[Kind]) -> Iterator[Kind]:
        return iter(())

    def behind_as_open(self) -> bool:
        return False

    def damage(self) -> tuple[str, str]:
        return "", ""

    def zone(self, _name: str) -> Zone | None:
        return None

    def owner(self, _name: str) -> Owner | None:
        return None

    def placement(self, _app: str) -> Placement | None:
        return None

    def placed(self, _host: str) -> Whereabouts | None:
        return None

    def cluster(self, _name: str) -> Cluster | None:
        return None

    def update_key(self, _name: str) -> UpdateKey | None:
        return None

    def challenge(self, _name: str) -> Challenge | None:
        return None

    def has_challenge_below(self, _name: str) -> bool:
        return False
