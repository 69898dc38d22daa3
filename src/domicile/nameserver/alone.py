"""What a name server without a directory answers from, beside its files: nothing.

It stands where a replica stands, and is never behind: there is nobody to be behind of.
"""

from collections.abc import Iterator
from typing import Never, Self

from domicile.model.records import App, Cluster, Owner, Placement, Record, Zone


class NoRecords:
    """A replica that has no records, and its one view."""

    serial = 0
    behind = False
    open_name = "none"

    def view(self) -> "NoRecords":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to give back."""

    def behind_as_open(self) -> bool:
        return False

    def damage(self) -> tuple[str, str]:
        return "", ""

    def all(self, _kind: type[Record]) -> Iterator[Never]:
        return iter(())

    def zone(self, _name: str) -> Zone | None:
        return None

    def owner(self, _name: str) -> Owner | None:
        return None

    def app_named(self, _owner: str, _name: str) -> App | None:
        return None

    def placement(self, _app: str) -> Placement | None:
        return None

    def cluster(self, _name: str) -> Cluster | None:
        return None
