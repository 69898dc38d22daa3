r"""One LMDB environment: records, the index that finds them, and how far they go.

    records   kind \0 key        -> crc32, then the record's msgpack
    index     kind \0 index key  -> the key in `records`
    touched   serial             -> the key in `records` that the last changes wrote
    meta      format, serial, chain, since (after which serial `touched` is whole)

A range of changes and its serial are written in one transaction, so what a crash
leaves is always a replica as of some serial. A copy is never repaired: it remembers
that it was found damaged, and is replaced by a new one (see `replica.replica`).
"""

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from domicile.errors import DomicileError
from domicile.model.changes import Change
from domicile.model.digest import record_key
from domicile.model.records import Record, decode
from domicile.replica.datafile import check_size
from domicile.replica.faults import DamagedReplica, ReplicaFault, fault_of

FORMAT = 2
CRC_SIZE = 4

_FIRST_MAP_SIZE = 64 * 1024 * 1024
# LMDB would open it with as much as is used; then the next change had to wait for all
# views to end, and an audit's goes on for long.
_GROWTH = 2
_READERS = 1024
_META = (b"format", b"serial", b"chain")
_SINCE = b"since"

_MOST_TOUCHED = 100_000
"""Who asks what changed since longer ago looks at all there is: that is not more."""


class ReplicaInUse(DomicileError):
    """The map cannot move while a view of this process is open."""


class Copy:
    """An open environment; its path is a folder of LMDB's two files.

    `damage` says how it was found damaged, if it was: nothing in it is certain then.
    """

    __slots__ = (
        "_env", "_files", "_folder", "damage", "index", "meta", "open_views",
        "records", "touched", "unreadable",
    )  # fmt: skip

    def __init__(
        self,
        folder: Path,
        *,
        writable: bool,
        durable: bool = True,
        map_size: int = _FIRST_MAP_SIZE,
    ) -> None:
        check_size(folder / "data.mdb")
        try:
            self._env = lmdb.open(
                str(folder),
                map_size=max(map_size, _GROWTH * _size_of(folder / "data.mdb")),
                readonly=not writable,
                create=writable,
                max_dbs=4,
                max_readers=_READERS,
                # The last range may be lost with the machine's power; it is asked
                # for again.
                metasync=False,
                sync=durable,
            )
            self._env.reader_check()
            self.records = self._env.open_db(b"records", create=writable)
            self.index = self._env.open_db(b"index", create=writable)
            self.meta = self._env.open_db(b"meta", create=writable)
            self.touched = self._env.open_db(b"touched", create=writable)
        except lmdb.Error as error:
            raise fault_of(error) from error
        self._folder = folder
        self._files = _identify(folder)
        self.damage = ""
        self.open_views = 0
        self.unreadable = 0

    def close(self) -> None:
        self._env.close()

    def flush(self) -> None:
        try:
            self._env.sync(True)
        except lmdb.Error as error:
            raise self.fault(error) from error

    def fault(self, error: lmdb.Error | DamagedReplica) -> ReplicaFault:
        """Say what an error means, and remember it where it means damage."""
        found = fault_of(error) if isinstance(error, lmdb.Error) else error
        if isinstance(found, DamagedReplica):
            self.damage = str(found)
        return found

    def look_for_damage(self) -> str:
        """Say how it is damaged, also where its files are not those that are open."""
        if self.damage:
            return self.damage
        if self._files != _identify(self._folder):
            return f"{self._folder} was removed, or other files were put there"
        try:
            check_size(self._folder / "data.mdb")
        except DamagedReplica as damage:
            return str(damage)
        return ""

    def begin_reading(self) -> Any:
        """Begin a read transaction, taking on the writer's new map where it grew.

        Raises lmdb.Error. Any, for lmdb's own type speaks of memoryviews too, which we
        never ask for.
        """
        try:
            return self._env.begin()
        except lmdb.MapResizedError:
            self._resize(0)
        except lmdb.ReadersFullError:
            self._env.reader_check()
        return self._env.begin()

    def look_after_readers(self) -> int:
        """Clear the slots of readers that were killed; give how far the oldest lags.

        Counted in writes. No page that was let go since is used again, so the map grows.
        """
        try:
            self._env.reader_check()
            last: int = self._env.info()["last_txnid"]
            return last - min(_transactions_of(self._env.readers()), default=last)
        except lmdb.Error as error:
            raise self.fault(error) from error

    def add(self, changes: Sequence[Change]) -> None:
        """Write records without a serial: part of a copy that nobody reads yet."""
        self._write(lambda txn: self._put_all(txn, changes))

    def finish(self, up_to: int, chain: bytes) -> None:
        def write(txn: lmdb.Transaction) -> int:
            txn.put(_SINCE, _number(up_to), db=self.meta)
            return self._put_meta(txn, up_to, chain)

        self._write(write)

    def apply(self, changes: Sequence[Change], up_to: int, chain: bytes) -> None:
        """Write a range and its serial, all or nothing."""

        def write(txn: lmdb.Transaction) -> int:
            unreadable = self._put_all(txn, changes)
            self._note_touched(txn, changes)
            return unreadable + self._put_meta(txn, up_to, chain)

        self._write(write)

    def _write(self, write: Callable[[lmdb.Transaction], int]) -> None:
        try:
            while (unreadable := self._try_to_write(write)) is None:
                pass
        except (lmdb.Error, DamagedReplica) as error:
            raise self.fault(error) from error
        self.unreadable += unreadable

    def _try_to_write(self, write: Callable[[lmdb.Transaction], int]) -> int | None:
        """Write, or give None where only the map had to grow."""
        try:
            with self._env.begin(write=True) as txn:
                return write(txn)
        except lmdb.MapFullError:
            self._resize(2 * self._env.info()["map_size"])
        except lmdb.MapResizedError:
            self._resize(0)
        return None

    def _resize(self, size: int) -> None:
        if self.open_views:
            raise ReplicaInUse(
                f"the replica's map cannot grow while this process has"
                f" {self.open_views} views open; close them first"
            )
        self._env.set_mapsize(size)

    def _put_all(self, txn: lmdb.Transaction, changes: Sequence[Change]) -> int:
        return sum(not self._put(txn, change) for change in changes)

    def _put(self, txn: lmdb.Transaction, change: Change) -> bool:
        """Write one record and its index; False where it cannot be read, only kept."""
        key = record_key(change.kind, change.key)
        self._remove_index(txn, change.kind, key)
        if change.value is None:
            txn.delete(key, db=self.records)
            return True
        crc = zlib.crc32(change.value).to_bytes(CRC_SIZE, "big")
        txn.put(key, crc + change.value, db=self.records)
        record = _read(change.kind, change.value)
        for index_key in index_keys(record):
            txn.put(record_key(change.kind, index_key), key, db=self.index)
        return record is not None

    def _remove_index(self, txn: lmdb.Transaction, kind: str, key: bytes) -> None:
        old: Any = txn.get(key, db=self.records)
        if old is None:
            return
        # By a damaged record, entries would be left over that lead to another's.
        for index_key in index_keys(_read(kind, checked(key, old))):
            entry = record_key(kind, index_key)
            # Another record may have taken the name since.
            if txn.get(entry, db=self.index) == key:
                txn.delete(entry, db=self.index)

    def _note_touched(self, txn: lmdb.Transaction, changes: Sequence[Change]) -> None:
        """Note what each change wrote, and forget what is too long ago."""
        for change in changes:
            key = record_key(change.kind, change.key)
            txn.put(_number(change.serial), key, db=self.touched, append=True)
        with txn.cursor(db=self.touched) as cursor:
            for _ in range(txn.stat(self.touched)["entries"] - _MOST_TOUCHED):
                cursor.first()
                txn.put(_SINCE, cursor.key(), db=self.meta)
                cursor.delete()

    def _put_meta(self, txn: lmdb.Transaction, serial: int, chain: bytes) -> int:
        for key, value in zip(
            _META, (_number(FORMAT), _number(serial), chain), strict=True
        ):
            txn.put(key, value, db=self.meta)
        return 0


def _transactions_of(readers: str) -> list[int]:
    """Give which write's outcome each reads, of LMDB's table: pid, thread, transaction."""
    found = [line.split()[-1] for line in readers.splitlines()]
    return [int(each) for each in found if each.isdecimal()]


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _identify(folder: Path) -> list[tuple[int, int]]:
    """Give what tells LMDB's two files from others of their name; of none, nothing.

    By the lock file the writer knows the readers.
    """
    try:
        found = [(folder / name).stat() for name in ("data.mdb", "lock.mdb")]
    except OSError:
        return []
    return [(each.st_dev, each.st_ino) for each in found]


def checked(key: bytes, stored: bytes) -> bytes:
    """Give the record of what was stored for a key; raises DamagedReplica."""
    record = stored[CRC_SIZE:]
    if zlib.crc32(record) != int.from_bytes(stored[:CRC_SIZE], "big"):
        raise DamagedReplica(f"the replica's record {key!r} is not what was written")
    return record


def is_readable(key: bytes, value: bytes) -> bool:
    """Whether this version understands a record, by its key among all kinds."""
    return _read(key.partition(b"\0")[0].decode(), value) is not None


def index_keys(record: Record | None) -> tuple[str, ...]:
    return () if record is None else record.index_keys


def _read(kind: str, value: bytes) -> Record | None:
    try:
        return decode(kind, value)
    except msgspec.DecodeError:
        return None


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")
