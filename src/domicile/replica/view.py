"""A replica at one serial: a single read transaction, and look-ups in it.

It satisfies `model.routing.ClusterView` and `model.resolution.DirectoryView`. Keep it
for a batch and no longer: while it is open, LMDB cannot use old pages again. Every
look-up raises ReplicaFault where the copy cannot tell.
"""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import lmdb
import msgspec

from domicile.model.changes import NO_CHAIN
from domicile.model.digest import NOTHING, add_up, record_digest
from domicile.model.record import Record
from domicile.model.records import (
    LINK_AUTHORITY,
    Authority,
    Cluster,
    Endpoint,
    Owner,
    Placement,
    Residence,
    Whereabouts,
    app_key,
    decode,
    decode_entry,
)
from domicile.model.zone_records import Challenge, UpdateKey, Zone, challenge_key
from domicile.replica.copy import COUNTS, Copy, decode_counts
from domicile.replica.faults import DamagedReplica, UnreadableRecord
from domicile.replica.layout import (
    checked,
    checked_entry,
    hosts_left,
    is_readable,
    key_at,
    place_of,
    place_touched,
    prefix_of,
)

_WITHOUT_REST = 1000
_NOWHERE = Placement("", "", 0)

Kind = TypeVar("Kind", bound=Record)


class Survey(NamedTuple):
    """What all records come to: their digest, and how many this version can only keep."""

    digest: int
    unreadable: int


class View:
    """What the replica holds; without a copy, nothing, as of serial 0."""

    __slots__ = ("_behind", "_copy", "_txn")

    def __init__(self, copy: Copy | None, behind: Callable[[], bool]) -> None:
        self._copy = copy
        self._behind = behind
        self._txn: Any = None

    def __enter__(self) -> Self:
        if self._copy is not None:
            try:
                self._txn = self._copy.begin_reading()
            except lmdb.Error as error:
                raise self._copy.fault(error) from error
            self._copy.open_views += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._txn is not None and self._copy is not None:
            self._copy.open_views -= 1
            self._txn.abort()
            self._txn = None

    @property
    def behind(self) -> bool:
        """Whether what is not found here may be there all the same."""
        return self._copy is None or bool(self._copy.damage) or self._behind()

    @property
    def serial(self) -> int:
        return int.from_bytes(self._meta(b"serial"), "big")

    @property
    def number(self) -> int:
        """How often this copy had been written to; -1 where there is no copy."""
        return -1 if self._txn is None else int(self._txn.id())

    @property
    def chain(self) -> bytes:
        return self._meta(b"chain") or NO_CHAIN

    @property
    def format(self) -> int:
        return int.from_bytes(self._meta(b"format"), "big")

    def zone(self, name: str) -> Zone | None:
        return self.get(Zone, name)

    def owner(self, name: str) -> Owner | None:
        return self.get(Owner, name)

    def placement(self, app: str) -> Placement | None:
        return self.get(Placement, app)

    def placed(self, host: str) -> Whereabouts | None:
        """Find where the app of that name lives: in one step."""
        found: Whereabouts | None = self.find_entry(Placement, host)
        return found

    def cluster(self, name: str) -> Cluster | None:
        return self.get(Cluster, name)

    def challenge(self, name: str) -> Challenge | None:
        return self.get(Challenge, challenge_key(name))

    def update_key(self, name: str) -> UpdateKey | None:
        return self.get(UpdateKey, name)

    def has_challenge_below(self, name: str) -> bool:
        return self.has_below(Challenge, challenge_key(name) + ".")

    def residence(self, app: str) -> Residence | None:
        """Find an app's residence; the replica is one cluster's, so it has one."""
        return self.find(Residence, app_key(app))

    def residence_of_host(self, host: str) -> Residence | None:
        return self.find(Residence, host)

    def endpoint(self, app: str) -> Endpoint | None:
        return self.get(Endpoint, app)

    def authority(self, name: str = LINK_AUTHORITY) -> Authority | None:
        return self.get(Authority, name)

    def get(self, kind: type[Kind], key: str) -> Kind | None:
        """Look a record up by its key."""
        if self._txn is None or self._copy is None:
            return None
        try:
            return self._get(self._copy, kind, place_of(kind.kind, key))
        except (lmdb.Error, DamagedReplica) as error:
            raise self._copy.fault(error) from error

    def find(self, kind: type[Kind], index_key: str) -> Kind | None:
        """Look a record up by one of its index keys."""
        if self._txn is None or self._copy is None:
            return None
        try:
            return self._find(self._copy, kind, place_of(kind.kind, index_key))
        except (lmdb.Error, DamagedReplica) as error:
            raise self._copy.fault(error) from error

    def find_entry(self, kind: type[Record], index_key: str) -> Any:
        """Give what a record says to who has this key, or None where there is none."""
        if self._txn is None or self._copy is None:
            return None
        place = place_of(kind.kind, index_key)
        try:
            found = self._txn.get(place, db=self._copy.index)
            if found is None:
                return None
            return decode_entry(kind.kind, checked_entry(place, found))
        except (lmdb.Error, DamagedReplica) as error:
            raise self._copy.fault(error) from error

    def has_below(self, kind: type[Record], prefix: str) -> bool:
        """Whether any record of a kind has a key that begins so."""
        if self._txn is None or self._copy is None:
            return False
        wanted = place_of(kind.kind, prefix)
        try:
            with self._txn.cursor(db=self._copy.records) as cursor:
                found: bool = cursor.set_range(wanted)
                return found and bytes(cursor.key()).startswith(wanted)
        except lmdb.Error as error:
            raise self._copy.fault(error) from error

    def all(self, kind: type[Kind], after: str = "") -> Iterator[Kind]:
        """Go through the records of a kind in the order of their keys, behind one."""
        if self._txn is None or self._copy is None:
            return
        prefix = prefix_of(kind.kind)
        try:
            with self._txn.cursor(db=self._copy.records) as cursor:
                last = prefix + after.encode()
                if not cursor.set_range(last):
                    return
                for key, value in cursor:
                    if not key.startswith(prefix):
                        return
                    if key != last:
                        yield _read(kind, key, value)
        except (lmdb.Error, DamagedReplica) as error:
            raise self._copy.fault(error) from error

    def count(self, kind: type[Record]) -> int:
        """Give how many records of a kind there are."""
        if self._txn is None or self._copy is None:
            return 0
        try:
            counts = decode_counts(self._txn.get(COUNTS, db=self._copy.meta) or b"\x80")
        except lmdb.Error as error:
            raise self._copy.fault(error) from error
        return counts.get(kind.kind, 0)

    def touched_after(self, serial: int) -> list[tuple[str, str]] | None:
        """Give kind and key of what changed after a serial; None if that is not known.

        It is not where the serial is of another copy, or of too long ago.
        """
        noted = self._noted_after(serial)
        if noted is None:
            return None
        keys = (key_at(place_touched(each)) for each in noted)
        parts = (key.decode().partition("\0") for key in keys)
        return [(kind, key) for kind, _, key in parts]

    def hosts_touched_after(self, serial: int, most: int) -> set[bytes] | None:
        """Give, as `HOST` has them, those at which since then an app came, moved or left.

        None if that is not known, or if more than `most` changes were of apps.
        """
        prefix = prefix_of(Placement.kind)
        noted = self._noted_after(serial)
        of_apps = [each for each in noted or () if each.startswith(prefix)]
        if noted is None or len(of_apps) > most:
            return None
        found: set[bytes] = set()
        for each in of_apps:
            found.update(hosts_left(each))
            app = place_touched(each)[len(prefix) :].decode()
            try:
                entries = (self.placement(app) or _NOWHERE).entries
            except UnreadableRecord:
                # It leads nowhere: what cannot be read is kept and has no entries.
                continue
            found.update(place_of(Placement.kind, host) for host in entries)
        return found

    def _noted_after(self, serial: int) -> list[bytes] | None:
        if self._txn is None or self._copy is None:
            return None
        since = int.from_bytes(self._meta(b"since"), "big")
        if not since <= serial <= self.serial:
            return None
        try:
            with self._txn.cursor(db=self._copy.touched) as cursor:
                found = cursor.set_range((serial + 1).to_bytes(8, "big"))
                return list(cursor.iternext(keys=False)) if found else []
        except lmdb.Error as error:
            raise self._copy.fault(error) from error

    def survey(self, rest: Callable[[], None] = lambda: None) -> Survey:
        """Look at all records, each of them checked; after each few, `rest`."""
        if self._txn is None or self._copy is None:
            return Survey(NOTHING, 0)
        total, unreadable, looked_at = NOTHING, 0, 0
        try:
            with self._txn.cursor(db=self._copy.records) as cursor:
                for place, found in cursor:
                    key, value = key_at(place), checked(place, found)
                    total += record_digest(key, value)
                    unreadable += not is_readable(key, value)
                    looked_at += 1
                    if not looked_at % _WITHOUT_REST:
                        rest()
        except (lmdb.Error, DamagedReplica) as error:
            raise self._copy.fault(error) from error
        return Survey(add_up(total), unreadable)

    def everything(self) -> Iterator[tuple[str, Iterator[tuple[bytes, bytes]]]]:
        """Give all that is stored, as it is: of each database its name and its pairs."""
        if self._txn is None or self._copy is None:
            return
        try:
            for name in ("records", "index", "touched", "meta"):
                with self._txn.cursor(db=getattr(self._copy, name)) as cursor:
                    yield name, iter(cursor)
        except lmdb.Error as error:
            raise self._copy.fault(error) from error

    def note_unreadable(self, count: int) -> None:
        """Note how many records here this version can only keep."""
        if self._copy is not None:
            self._copy.unreadable = count

    def distrust(self, reason: str) -> None:
        """Note that what is here is not what it should be."""
        if self._copy is not None:
            self._copy.damage = reason

    def _get(self, copy: Copy, kind: type[Kind], place: bytes) -> Kind | None:
        value = self._txn.get(place, db=copy.records)
        return None if value is None else _read(kind, place, value)

    def _find(self, copy: Copy, kind: type[Kind], entry: bytes) -> Kind | None:
        key = self._txn.get(entry, db=copy.index)
        if key is None:
            return None
        found = self._get(copy, kind, key)
        if found is None:
            raise DamagedReplica(f"the replica's index leads from {entry!r} to nothing")
        return found

    def _meta(self, key: bytes) -> bytes:
        """Give a number or the chain; nothing where there is no copy."""
        if self._txn is None or self._copy is None:
            return b""
        try:
            return self._stored_meta(self._copy, key)
        except (lmdb.Error, DamagedReplica) as error:
            raise self._copy.fault(error) from error

    def _stored_meta(self, copy: Copy, key: bytes) -> bytes:
        value: bytes | None = self._txn.get(key, db=copy.meta)
        if value is None:
            raise DamagedReplica(f"the replica does not say its {key.decode()}")
        return value


def _read(kind: type[Kind], key: bytes, value: bytes) -> Kind:
    try:
        found = decode(kind.kind, checked(key, value))
    except msgspec.DecodeError as error:
        raise UnreadableRecord(
            f"the replica's record {key!r} is of a form that this version does not"
            f" read: {error}"
        ) from error
    assert isinstance(found, kind)
    return found
