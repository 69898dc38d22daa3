"""What a store holds under one kind and key: the form that all records have."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a store holds under one kind and key."""

    kind: ClassVar[str]

    @property
    def key(self) -> str:
        raise NotImplementedError

    @property
    def scope(self) -> str:
        return ""

    @property
    def index_keys(self) -> tuple[str, ...]:
        return ()

    @property
    def entries(self) -> Mapping[str, msgspec.Struct]:
        """What a replica finds by a key at once, in the place of the record."""
        return {}
