"""The few look-ups that nearly all queries need, each one step and no record read.

They raise nothing: where a copy cannot tell, or more is to be said than which cluster it
is, they leave it to `View`, whose look-ups are whole.
"""

from collections.abc import Callable
from typing import Any, Final
from zlib import crc32

import lmdb
import msgspec

from domicile.model.records import Owner, Placement
from domicile.replica.faults import DamagedReplica
from domicile.replica.layout import CRC_SIZE, checked, prefix_of

_PLACEMENT: Final = prefix_of(Placement.kind)
_OWNER: Final = prefix_of(Owner.kind)
_LEFT: Final = b""
# An entry: its CRC, whose it is, then an array of the cluster and the generation; the
# third is when it is going to move (`model.records.Whereabouts`).
_ENTRY: Final = 2 * CRC_SIZE
_ARRAY_OF_TWO: Final = 0x92
_TEXT: Final = 0xA0
_LONGEST_TEXT: Final = 31

_decode = msgspec.msgpack.Decoder(Placement).decode


class Glance:
    """Looks up in one read transaction of a copy."""

    __slots__ = ("_get", "_index", "_records")

    def __init__(self, get: Callable[..., Any], records: Any, index: Any) -> None:
        self._get = get
        self._records = records
        self._index = index

    def cluster_of_host(self, host: bytes) -> bytes | None:
        """Give the cluster of the app with that host, `app.owner.zone`, if there is one.

        Empty is what is left to the view.
        """
        place = _PLACEMENT + host
        try:
            found: bytes | None = self._get(place, None, self._index)
        except lmdb.Error:
            return _LEFT
        if found is None:
            return None
        if crc32(found[CRC_SIZE:], crc32(place)) != int.from_bytes(found[:CRC_SIZE]):
            return _LEFT
        if found[_ENTRY] != _ARRAY_OF_TWO:
            return _LEFT
        length = found[_ENTRY + 1] - _TEXT
        if not 0 < length <= _LONGEST_TEXT:
            return _LEFT
        return found[_ENTRY + 2 : _ENTRY + 2 + length]

    def cluster_of_app(self, app: bytes, zone: bytes) -> bytes | None:
        """Give the same for an app's id, in its zone."""
        place = _PLACEMENT + app
        try:
            found = self._get(place, None, self._records)
            if found is None:
                return None
            placement = _decode(checked(place, found))
        except (lmdb.Error, DamagedReplica, msgspec.DecodeError):
            return _LEFT
        if placement.zone.encode() != zone:
            return None
        return _LEFT if placement.moves_at else placement.cluster.encode()

    def has_owner(self, name: bytes) -> bool:
        """Whether there is an owner of that name, or that cannot be told."""
        try:
            return self._get(_OWNER + name, None, self._records) is not None
        except lmdb.Error:
            return True
