"""The few look-ups that nearly all queries need: each one step, and no record read.

Like a view, a glance is of one serial, from `begin` to `end`; unlike one it raises
nothing. Where a copy cannot tell, or more is to be said than which cluster it is, the
answer is `LEFT`: left to a view, whose look-ups are whole.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import lmdb
import msgspec

from domicile.clock import Clock, monotonic
from domicile.errors import DomicileError
from domicile.model.records import Owner, Placement
from domicile.replica.copy import Copy
from domicile.replica.layout import CRC_SIZE, checked, checked_entry, prefix_of

LEFT: Final = b""
_PLACEMENT: Final = prefix_of(Placement.kind)
_OWNER: Final = prefix_of(Owner.kind)
HOST: Final = _PLACEMENT[0]
"""Stands before a host, `app.owner.zone`, at which a replica has an app's placement."""

# An entry: its CRC, whose it is, then an array of the cluster and the generation; the
# third is when it is going to move (`model.records.Whereabouts`).
_ENTRY: Final = 2 * CRC_SIZE
_ARRAY_OF_TWO: Final = 0x92
_TEXT: Final = 0xA0
_LONGEST_TEXT: Final = 31

# Another copy is current once the follower began anew; that is looked for so often.
_LOOK_SECONDS: Final = 0.005

_decode = msgspec.msgpack.Decoder(Placement).decode


def _nothing(*_: object) -> None:
    raise lmdb.Error("no copy can be read")


class Glanced(Protocol):
    """What is glanced at: a replica, or what stands in its place."""

    @property
    def open_name(self) -> str: ...

    def newest(self) -> Copy | None: ...

    def behind_as_open(self) -> bool: ...


class Glance:
    """Looks up in one read transaction at a time."""

    __slots__ = (
        "_clock", "_copy", "_get", "_index", "_looks_at", "_records", "_replica", "_txn",
        "as_of", "behind", "is_open", "number",
    )  # fmt: skip

    def __init__(self, replica: Glanced, clock: Clock = monotonic) -> None:
        self._replica = replica
        self._clock = clock
        self._looks_at = 0.0
        self._copy: Copy | None = None
        self._records: Any = None
        self._index: Any = None
        self._txn: Any = None
        self._get: Any = None
        self.is_open = False
        self.number = -1
        self.behind = True
        self.as_of = ""

    def look_anew(self) -> None:
        """Look for another copy at the next `begin`."""
        self._looks_at = 0.0

    def distrust(self) -> None:
        """Say at the next `begin` that there is something else."""
        self.number = -2

    def begin(self) -> bool:
        """Open what there is now; say whether that is what there was."""
        self.end()
        now = self._clock()
        is_same = True
        if now >= self._looks_at:
            self._looks_at = now + _LOOK_SECONDS
            is_same = self._look()
        copy = self._copy
        number = -1
        if copy is not None:
            try:
                txn = copy.begin_reading()
            except (lmdb.Error, DomicileError):
                self._get = _nothing
            else:
                copy.open_views += 1
                self._txn, self._get = txn, txn.get
                self.is_open = True
                number = txn.id()
        behind = self._replica.behind_as_open()
        if number != self.number or behind != self.behind:
            self.number, self.behind = number, behind
            return False
        return is_same

    def end(self) -> None:
        txn = self._txn
        if txn is not None and self._copy is not None:
            self._txn = None
            self.is_open = False
            self._copy.open_views -= 1
            txn.abort()

    def _look(self) -> bool:
        """Take the current copy; say whether that is the one there was."""
        try:
            copy = self._replica.newest()
        except (DomicileError, OSError):
            copy = None
        if copy is self._copy:
            return True
        self._copy = copy
        self.as_of = self._replica.open_name
        if copy is not None:
            self._records, self._index = copy.records, copy.index
        return False

    def cluster_of_host(self, place: bytes) -> bytes | None:
        """Give the cluster of the app with that host, behind `HOST`, if there is one."""
        try:
            found = self._get(place, None, self._index)
        except lmdb.Error:
            return LEFT
        return None if found is None else _cluster_in(found)

    def cluster_of_app(self, app: bytes, zone: bytes) -> bytes | None:
        """Give the same for an app's id, in its zone."""
        place = _PLACEMENT + app
        try:
            found = self._get(place, None, self._records)
            if found is None:
                return None
            placement = _decode(checked(place, found))
        except (lmdb.Error, DomicileError, msgspec.DecodeError):
            return LEFT
        if placement.zone.encode() != zone:
            return None
        cluster: bytes = placement.cluster.encode()
        return LEFT if placement.moves_at or len(cluster) > _LONGEST_TEXT else cluster

    def has_owner(self, name: bytes) -> bool:
        """Whether there is an owner of that name, or that cannot be told."""
        try:
            return self._get(_OWNER + name, None, self._records) is not None
        except lmdb.Error:
            return True

    def hosts_behind(self, place: bytes, most: int) -> list[tuple[bytes, bytes]]:
        """Give hosts and their clusters in order, behind one; at most so many.

        With `HOST` before them; where an entry is damaged, too, it is `LEFT`. Raises
        lmdb.Error.
        """
        found: list[tuple[bytes, bytes]] = []
        if self._txn is None:
            raise lmdb.Error("no copy can be read")
        with self._txn.cursor(db=self._index) as cursor:
            if not cursor.set_range(place + b"\0"):
                return found
            for host, entry in cursor:
                if len(found) == most or not host.startswith(_PLACEMENT):
                    break
                found.append((host, _checked_cluster_in(host, entry)))
        return found


def _cluster_in(entry: bytes) -> bytes:
    if len(entry) <= _ENTRY + 1 or entry[_ENTRY] != _ARRAY_OF_TWO:
        return LEFT
    length = entry[_ENTRY + 1] - _TEXT
    if not 0 < length <= _LONGEST_TEXT:
        return LEFT
    return entry[_ENTRY + 2 : _ENTRY + 2 + length]


def _checked_cluster_in(host: bytes, entry: bytes) -> bytes:
    try:
        checked_entry(host, entry)
    except DomicileError:
        return LEFT
    return _cluster_in(entry)
