"""A zone as it is given to secondaries: one edition of it, and what led there.

    node      the records of each name, as they go into a message
    change    what each of the last editions changed, name by name
    edition   the number and the SOA of these editions
    state     of what the newest edition was made

It is SQLite's, of which a reader sees one edition however long it reads, and nobody
waits for it; the replica's pages are held by no transfer. Names are relative to the
zone's, in wire form without the root.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from domicile.dns.serial import next_serial
from domicile.dns.transfer import (
    NOTHING,
    Piece,
    Step,
    serial_of,
    split_records,
    with_serial,
)

_TABLES = """
CREATE TABLE IF NOT EXISTS node (
    owner BLOB PRIMARY KEY, records INTEGER, octets BLOB, others BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (
    number INTEGER, owner BLOB, old BLOB, new BLOB, PRIMARY KEY (number, owner)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edition (number INTEGER PRIMARY KEY, soa BLOB);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_DRAFT = """
DROP TABLE IF EXISTS draft;
CREATE TABLE draft (
    owner BLOB PRIMARY KEY, records INTEGER, octets BLOB, others BLOB
) WITHOUT ROWID;
"""
_PUT_NODE = "INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)"
_PUT_DRAFT = "INSERT OR REPLACE INTO draft VALUES (?, ?, ?, ?)"
_DIFFERING = """
    SELECT owner, node.octets, ifnull(draft.octets, x'')
    FROM node LEFT JOIN draft USING (owner)
    WHERE draft.octets IS NOT node.octets
    UNION ALL
    SELECT owner, x'', draft.octets
    FROM draft LEFT JOIN node USING (owner) WHERE node.owner IS NULL
"""
_TAKE_OVER = """
    INSERT OR REPLACE INTO node
    SELECT draft.* FROM draft LEFT JOIN node USING (owner)
    WHERE node.owner IS NULL OR node.others IS NOT draft.others
"""
_WITHHELD = "SELECT 1 FROM state WHERE name = 'withheld' AND value != ''"
# Who lags by more takes the zone whole.
MOST_CHANGES = 100_000
_ROWS = 500


class Node(NamedTuple):
    """What is at a name; `others` are those that come and go with this one."""

    piece: Piece
    others: tuple[bytes, ...] = ()


GONE = Node(NOTHING)


class Source(NamedTuple):
    """What an edition is made of: its SOA but for the serial, and how serials go on.

    `state` is whatever the maker has to know the next time.
    """

    soa: bytes
    serial: int
    step: int
    state: Mapping[str, str]


class Edition(NamedTuple):
    number: int
    soa: bytes

    @property
    def serial(self) -> int:
        return serial_of(self.soa)


class Journal:
    """The one that writes."""

    def __init__(self, path: Path, most_changes: int = MOST_CHANGES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)
        self._most_changes = most_changes

    def close(self) -> None:
        self._database.close()

    def edition(self) -> Edition | None:
        return _newest(self._database)

    def state(self) -> dict[str, str]:
        return dict(self._database.execute("SELECT name, value FROM state"))

    def together_with(
        self, owner: bytes, *, in_draft: bool = False
    ) -> tuple[bytes, ...]:
        """Give a name and those that come and go with it; none where it is not there."""
        table = "draft" if in_draft else "node"
        found = self._database.execute(
            f"SELECT others FROM {table} WHERE owner = ?",  # noqa: S608 - one of two
            (owner,),
        ).fetchone()
        return (owner, *_unpack(found[0])) if found else ()

    def revise(self, nodes: Mapping[bytes, Node], source: Source) -> Edition | None:
        """Put nodes in the place of those of their names; None where nothing differs."""
        with self._transaction():
            changes = []
            for owner, node in nodes.items():
                old = self._octets(owner)
                if old != node.piece.octets:
                    changes.append((owner, old, node.piece.octets))
                self._put(owner, node)
            number = self._begin_edition(source, differs=bool(changes))
            if number:
                rows = ((number, *change) for change in changes)
                self._database.executemany("INSERT INTO change VALUES (?,?,?,?)", rows)
                self._forget_oldest()
        return self.edition() if number else None

    def begin_draft(self) -> None:
        """Begin to write a whole edition beside the one that is given."""
        self._database.executescript(_DRAFT)

    def draft(self, nodes: Mapping[bytes, Node]) -> None:
        """Write some nodes of it; nobody sees them until it is adopted."""
        with self._transaction():
            rows = (_row(owner, node) for owner, node in nodes.items() if node != GONE)
            self._database.executemany(_PUT_DRAFT, rows)
            gone = ((owner,) for owner, node in nodes.items() if node == GONE)
            self._database.executemany("DELETE FROM draft WHERE owner = ?", gone)

    def adopt(self, source: Source) -> Edition | None:
        """Have the draft be the edition that is given; None where nothing differs."""
        run = self._database.execute
        with self._transaction():
            run("CREATE TEMP TABLE differing (owner BLOB PRIMARY KEY, old, new)")
            run(f"INSERT INTO differing {_DIFFERING}")
            count = run("SELECT count(*) FROM differing").fetchone()[0]
            number = self._begin_edition(source, differs=bool(count))
            if number and count <= self._most_changes:
                run("INSERT INTO change SELECT ?, * FROM differing", (number,))
                self._forget_oldest()
            elif number:
                self._forget_before(number)
            run("DELETE FROM node WHERE owner IN (SELECT owner FROM differing)")
            run(_TAKE_OVER)
            run("DROP TABLE differing")
            run("DROP TABLE draft")
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.edition() if number else None

    def note(self, state: Mapping[str, str]) -> None:
        with self._transaction():
            self._put_state(state)

    def _begin_edition(self, source: Source, *, differs: bool) -> int:
        """Note a new edition, and give its number; 0 where it would be the last again."""
        self._put_state(source.state)
        last = self.edition()
        if last and not differs and with_serial(source.soa, last.serial) == last.soa:
            return 0
        serial = next_serial(last and last.serial, source.serial, source.step)
        number = last.number + 1 if last else 1
        soa = with_serial(source.soa, serial)
        self._database.execute("INSERT INTO edition VALUES (?, ?)", (number, soa))
        return number

    def _octets(self, owner: bytes) -> bytes:
        found = self._database.execute(
            "SELECT octets FROM node WHERE owner = ?", (owner,)
        ).fetchone()
        return found[0] if found else b""

    def _put(self, owner: bytes, node: Node) -> None:
        if node == GONE:
            self._database.execute("DELETE FROM node WHERE owner = ?", (owner,))
        else:
            self._database.execute(_PUT_NODE, _row(owner, node))

    def _put_state(self, state: Mapping[str, str]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?)", state.items()
        )

    def _forget_oldest(self) -> None:
        run = self._database.execute
        surplus = run("SELECT count(*) FROM change").fetchone()[0] - self._most_changes
        if surplus > 0:
            oldest = "SELECT number FROM change ORDER BY number LIMIT 1 OFFSET ?"
            self._forget_before(run(oldest, (surplus - 1,)).fetchone()[0])

    def _forget_before(self, number: int) -> None:
        """Keep an edition, and what was changed after it."""
        self._database.execute("DELETE FROM edition WHERE number < ?", (number,))
        self._database.execute("DELETE FROM change WHERE number <= ?", (number,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


class Reading:
    """One edition, from now on until it is closed."""

    def __init__(self, database: sqlite3.Connection, edition: Edition) -> None:
        self._database = database
        self.edition = edition

    @property
    def is_withheld(self) -> bool:
        """Whether the zone is signed, so that nobody else may have it."""
        return bool(self._run(_WITHHELD).fetchone())

    def nodes(self) -> Iterator[Piece]:
        """Give all but the SOA."""
        rows = self._database.execute("SELECT records, octets FROM node")
        while some := rows.fetchmany(_ROWS):
            for records, octets in some:
                if records:
                    yield Piece(records, octets)

    def since(self, serial: int) -> Iterator[Step] | None:
        """Give the steps that lead here from an edition; None if it is not known."""
        editions = [Edition(*row) for row in self._run("SELECT * FROM edition")]
        begin = next(
            (n for n, each in enumerate(editions) if each.serial == serial), -1
        )
        return (
            None
            if begin < 0
            else map(self._step, editions[begin:], editions[begin + 1 :])
        )

    def _step(self, before: Edition, after: Edition) -> Step:
        rows = "SELECT {} FROM change WHERE number = ? ORDER BY owner"
        here = (after.number,)
        return Step(
            before.soa,
            after.soa,
            _less(self._run(rows.format("old, new"), here)),
            _less(self._run(rows.format("new, old"), here)),
        )

    def _run(self, statement: str, values: tuple[int, ...] = ()) -> sqlite3.Cursor:
        return self._database.execute(statement, values)


@contextmanager
def read(path: Path) -> Iterator[Reading | None]:
    """Open the newest edition; nothing where there is none yet."""
    if not path.exists():
        yield None
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        database.isolation_level = None
        database.execute("BEGIN")
        edition = _newest(database)
        yield None if edition is None else Reading(database, edition)


def _newest(database: sqlite3.Connection) -> Edition | None:
    found = database.execute(
        "SELECT number, soa FROM edition ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return Edition(*found) if found else None


def _less(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Give the records of the one that are not in the other."""
    for one, other in rows:
        kept = set(split_records(other))
        yield from (each for each in split_records(one) if each not in kept)


def _row(owner: bytes, node: Node) -> tuple[bytes, int, bytes, bytes]:
    return owner, node.piece.records, node.piece.octets, _pack(node.others)


def _pack(names: Iterable[bytes]) -> bytes:
    return b"".join(name + b"\0" for name in names)


def _unpack(packed: bytes) -> tuple[bytes, ...]:
    names = []
    start = at = 0
    while at < len(packed):
        while packed[at]:
            at += packed[at] + 1
        names.append(packed[start:at])
        start = at = at + 1
    return tuple(names)
