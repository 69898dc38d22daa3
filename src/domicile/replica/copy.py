"""One LMDB environment: records, the index that finds them, and how far they go.

How they lie there is in `replica.layout`. A range of changes and its serial are written
in one transaction, so what a crash leaves is always a replica as of some serial. A copy
is never repaired: it remembers that it was found damaged, and is replaced by a new one
(see `replica.replica`).
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from domicile.errors import DomicileError
from domicile.model.changes import Change
from domicile.replica.datafile import check_size
from domicile.replica.faults import DamagedReplica, ReplicaFault, fault_of
from domicile.replica.layout import (
    FORMAT,
    checked,
    index_of,
    is_of,
    place_of,
    read,
    stored,
    touched,
)

FIRST_MAP_SIZE = 64 * 1024 * 1024
# LMDB would open it with as much as is used; then the next change had to wait for all
# views to end, and an audit's goes on for long.
_GROWTH = 2
_READERS = 1024
_META = (b"format", b"serial", b"chain")
COUNTS = b"counts"
_AT_ONCE = 10_000

decode_counts = msgspec.msgpack.Decoder(dict[str, int]).decode
_SINCE = b"since"
_PACKED = b"packed"
# A replica of some ten megabytes is not worth a thought.
_LOOSE = 1.2
_LOOSE_PAGES = 20_000

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
        map_size: int = FIRST_MAP_SIZE,
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

    def apply(self, changes: Sequence[Change], up_to: int, chain: bytes) -> None:
        """Write a range and its serial, all or nothing."""

        def write(txn: lmdb.Transaction) -> int:
            left: dict[int, list[bytes]] = {}
            unreadable = self._put_all(txn, changes, left)
            self._note_touched(txn, changes, left)
            return unreadable + self._put_meta(txn, up_to, chain)

        self._write(write)

    def append(self, to: Any, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Write pairs in the order of their keys: part of a copy that nobody reads yet.

        Its pages are full then.
        """
        rest = iter(pairs)
        while some := list(islice(rest, _AT_ONCE)):
            self._write(partial(self._append, to, some))

    def finish(self, up_to: int, chain: bytes, counts: Mapping[str, int]) -> None:
        """Write how far it goes, and how many records of each kind it has."""

        def write(txn: lmdb.Transaction) -> int:
            self._put_counts(txn, counts)
            txn.put(_SINCE, _number(up_to), db=self.meta)
            return self._put_meta(txn, up_to, chain)

        self._write(write)

    def note_packed(self) -> None:
        """Note how big it is now, in order and with full pages."""
        pages = self._pages()
        self._write(lambda txn: self._put_number(txn, _PACKED, pages))

    @property
    def loose(self) -> bool:
        """Whether it has grown so far beyond what it was that packing it is worth it."""
        try:
            with self._env.begin() as txn:
                packed = txn.get(_PACKED, db=self.meta)
        except lmdb.Error as error:
            raise self.fault(error) from error
        if packed is None:
            return False
        return self._pages() > _LOOSE * int.from_bytes(packed, "big") + _LOOSE_PAGES

    def _pages(self) -> int:
        last: int = self._env.info()["last_pgno"]
        return last + 1

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

    @staticmethod
    def _append(
        to: Any, pairs: list[tuple[bytes, bytes]], txn: lmdb.Transaction
    ) -> int:
        with txn.cursor(db=to) as cursor:
            cursor.putmulti(pairs, append=True)
        return 0

    def _put_all(
        self,
        txn: lmdb.Transaction,
        changes: Sequence[Change],
        left: dict[int, list[bytes]],
    ) -> int:
        """Write all; `left` becomes what each change took out of the index."""
        come: Counter[str] = Counter()
        unreadable = 0
        for change in changes:
            gone = left[change.serial] = []
            unreadable += not self._put(txn, change, come, gone)
        self._count(txn, come)
        return unreadable

    def _put(
        self,
        txn: lmdb.Transaction,
        change: Change,
        come: Counter[str],
        left: list[bytes],
    ) -> bool:
        """Write one record and its index; False where it cannot be read, only kept."""
        kind, value = change.kind, change.value
        place = place_of(kind, change.key)
        record = None if value is None else read(kind, value)
        found_by = index_of(place, kind, record)
        was_there = self._leave(txn, kind, place, found_by, left)
        come[kind] += (value is not None) - was_there
        if value is None:
            txn.delete(place, db=self.records)
            return True
        txn.put(place, stored(place, value), db=self.records)
        for key, entry in found_by.items():
            txn.put(key, entry, db=self.index)
        return record is not None

    def _leave(
        self,
        txn: lmdb.Transaction,
        kind: str,
        place: bytes,
        wanted: Container[bytes],
        left: list[bytes],
    ) -> bool:
        """Take away by what the record was found before; False where there was none."""
        old: Any = txn.get(place, db=self.records)
        if old is None:
            return False
        # By a damaged record, entries would be left over that lead to another's.
        before = read(kind, checked(place, old))
        for key, entry in index_of(place, kind, before).items():
            found: Any = txn.get(key, db=self.index)
            # Another record may have taken the name since.
            if key not in wanted and is_of(found, entry, place):
                txn.delete(key, db=self.index)
                left.append(key)
        return True

    def _count(self, txn: lmdb.Transaction, come: Counter[str]) -> None:
        """Keep how many records there are of each kind: nobody could count them all."""
        if not any(come.values()):
            return
        counts = Counter(decode_counts(txn.get(COUNTS, db=self.meta) or b"\x80"))
        counts.update(come)
        self._put_counts(txn, counts)

    def _put_counts(self, txn: lmdb.Transaction, counts: Mapping[str, int]) -> None:
        txn.put(COUNTS, msgspec.msgpack.encode(counts), db=self.meta)

    def _note_touched(
        self,
        txn: lmdb.Transaction,
        changes: Sequence[Change],
        left: Mapping[int, list[bytes]],
    ) -> None:
        """Note what each change wrote, and forget what is too long ago."""
        for change in changes:
            noted = touched(place_of(change.kind, change.key), left[change.serial])
            txn.put(_number(change.serial), noted, db=self.touched, append=True)
        with txn.cursor(db=self.touched) as cursor:
            for _ in range(txn.stat(self.touched)["entries"] - _MOST_TOUCHED):
                cursor.first()
                txn.put(_SINCE, cursor.key(), db=self.meta)
                cursor.delete()

    def _put_number(self, txn: lmdb.Transaction, name: bytes, number: int) -> int:
        txn.put(name, _number(number), db=self.meta)
        return 0

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


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")
