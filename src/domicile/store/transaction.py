"""Reading and writing the records of a store.

Every write to a record is a numbered change. The head, one row with the serial and
chain of the last change, is read before the first write and updated after the last;
a writer holds it meanwhile, so that serials are dense and in the order of commits.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    CursorResult,
    Executable,
    Select,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domicile.errors import DomicileError
from domicile.model.changes import NO_CHAIN, Change, next_chain
from domicile.model.digest import (
    NOTHING,
    add_up,
    from_bytes,
    record_digest,
    record_key,
    to_bytes,
)
from domicile.model.record import Record
from domicile.model.records import decode, encode
from domicile.store.connection import whole
from domicile.store.schema import changes, digests, head, index_keys, records

AnyRecord = TypeVar("AnyRecord", bound=Record)


class StaleGeneration(DomicileError):
    """A writer did not know the newest generation of what it wrote about."""


class Head(NamedTuple):
    """Where a store is: the serial of its last change, and the chain up to it."""

    serial: int
    chain: bytes


class _Stored(NamedTuple):
    """A record as it lies in its row."""

    scope: str
    value: bytes


class _Difference(NamedTuple):
    """What the digest of a kind and scope, and their number, change by."""

    digest: int = 0
    records: int = 0

    def plus(self, digest: int, records: int) -> "_Difference":
        return _Difference(self.digest + digest, self.records + records)


class Reading:
    """One state of the store, the same throughout."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(
        self,
        statement: Executable,
        rows: Sequence[dict[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Run a statement about the plain tables, or a look at the others."""
        result: CursorResult[Any] = await whole(
            self._connection.execute(statement, rows)
        )
        return result

    async def head(self) -> Head:
        row = (await self.execute(select(head.c.serial, head.c.chain))).one()
        return Head(row.serial, row.chain)

    async def get(self, kind: type[AnyRecord], key: str) -> AnyRecord | None:
        found = await self.execute(select(records.c.value).where(_is(kind.kind, key)))
        value = found.scalar_one_or_none()
        return None if value is None else _decoded(kind, value)

    async def find(self, kind: type[AnyRecord], index_key: str) -> AnyRecord | None:
        """Give the record that has this index key; of several, the one written last."""
        query = _having(kind.kind, index_key).order_by(records.c.serial.desc()).limit(1)
        value = (await self.execute(query)).scalar_one_or_none()
        return None if value is None else _decoded(kind, value)

    async def find_all(self, kind: type[AnyRecord], index_key: str) -> list[AnyRecord]:
        """Give all records that have this index key, in order of key."""
        query = _having(kind.kind, index_key).order_by(records.c.key)
        values = (await self.execute(query)).scalars()
        return [_decoded(kind, value) for value in values]

    async def all(self, kind: type[AnyRecord], scope: str = "") -> list[AnyRecord]:
        """Give all records of a kind, in order of key; of one scope if it is named."""
        query = select(records.c.value).where(records.c.kind == kind.kind)
        if scope:
            query = query.where(records.c.scope == scope)
        values = (await self.execute(query.order_by(records.c.key))).scalars()
        return [_decoded(kind, value) for value in values]


class Transaction(Reading):
    """Writes that become one state, or none at all.

    `serial` is that of its last change, 0 before the first.
    """

    __slots__ = ("_differences", "_head", "now", "serial")

    def __init__(self, connection: AsyncConnection, now: float) -> None:
        super().__init__(connection)
        self.now = now
        self.serial = 0
        self._head: Head | None = None
        self._differences: defaultdict[tuple[str, str], _Difference] = defaultdict(
            _Difference
        )

    async def put(self, record: Record, expected: int | None = None) -> None:
        """Write a record; raises StaleGeneration.

        `expected` is the generation that the writer saw, 0 for no record yet. A
        lower generation than the stored one is never written.
        """
        await self._claim_head()
        kind, key = record.kind, record.key
        before = await self._stored(kind, key)
        _refuse_stale(record, before, expected)
        after = _Stored(record.scope, encode(record))
        serial = await self._change(kind, key, *after)
        row = {**after._asdict(), "serial": serial}
        if before is None:
            await self.execute(insert(records).values(row | {"kind": kind, "key": key}))
        else:
            await self.execute(update(records).where(_is(kind, key)).values(row))
        self._note(kind, key, before, after)
        await self._index(kind, key, set(record.index_keys))

    async def delete(self, kind: type[Record], key: str) -> bool:
        """Delete a record; False, and no change, where there is none."""
        await self._claim_head()
        before = await self._stored(kind.kind, key)
        if before is None:
            return False
        await self._change(kind.kind, key, before.scope, None)
        await self.execute(delete(records).where(_is(kind.kind, key)))
        self._note(kind.kind, key, before, None)
        await self._index(kind.kind, key, set())
        return True

    async def finish(self) -> None:
        """Update digests and head: the last thing that a transaction writes."""
        for (kind, scope), difference in self._differences.items():
            await self._add_to_digest(kind, scope, difference)
        if self._head is not None and self.serial:
            await self.execute(update(head).values(self._head._asdict()))

    async def _stored(self, kind: str, key: str) -> _Stored | None:
        query = select(records.c.scope, records.c.value).where(_is(kind, key))
        row = (await self.execute(query)).one_or_none()
        return None if row is None else _Stored(row.scope, row.value)

    def _note(
        self, kind: str, key: str, before: _Stored | None, after: _Stored | None
    ) -> None:
        for stored, sign in ((before, -1), (after, 1)):
            if stored is not None:
                part = record_digest(record_key(kind, key), stored.value)
                before_it = self._differences[kind, stored.scope]
                self._differences[kind, stored.scope] = before_it.plus(
                    sign * part, sign
                )

    async def _add_to_digest(
        self, kind: str, scope: str, difference: _Difference
    ) -> None:
        here = (digests.c.kind == kind) & (digests.c.scope == scope)
        query = select(digests.c.digest, digests.c.records).where(here)
        stored = (await self.execute(query)).one_or_none()
        before = NOTHING if stored is None else from_bytes(stored.digest)
        count = 0 if stored is None else stored.records
        row: dict[str, Any] = {
            "digest": to_bytes(add_up(before, difference.digest)),
            "records": count + difference.records,
        }
        if stored is None:
            row |= {"kind": kind, "scope": scope}
            await self.execute(insert(digests).values(row))
        else:
            await self.execute(update(digests).where(here).values(row))

    async def _index(self, kind: str, key: str, wanted: set[str]) -> None:
        mine = (index_keys.c.kind == kind) & (index_keys.c.key == key)
        query = select(index_keys.c.index_key).where(mine)
        present = set((await self.execute(query)).scalars())
        if stale := present - wanted:
            old = index_keys.c.index_key.in_(stale)
            await self.execute(delete(index_keys).where(mine & old))
        if fresh := wanted - present:
            rows = [{"kind": kind, "key": key, "index_key": each} for each in fresh]
            await self.execute(insert(index_keys), rows)

    async def _claim_head(self) -> Head:
        if self._head is None:
            locked = select(head.c.serial, head.c.chain).with_for_update()
            row = (await self.execute(locked)).one()
            self._head = Head(row.serial, row.chain)
        return self._head

    async def _change(
        self, kind: str, key: str, scope: str, value: bytes | None
    ) -> int:
        last = await self._claim_head()
        change = Change(last.serial + 1, kind, key, scope, value, NO_CHAIN)
        chain = next_chain(last.chain, change)
        await self.execute(
            insert(changes).values(
                serial=change.serial,
                kind=kind,
                key=key,
                scope=scope,
                value=value,
                chain=chain,
                at=self.now,
            )
        )
        self._head = Head(change.serial, chain)
        self.serial = change.serial
        return change.serial


def _refuse_stale(record: Record, before: _Stored | None, expected: int | None) -> None:
    new = _generation(record)
    if new is None:
        assert expected is None, f"a {record.kind} has no generation"
        return
    stored = None if before is None else decode(record.kind, before.value)
    current = (None if stored is None else _generation(stored)) or 0
    if expected is not None and current != expected:
        raise StaleGeneration(
            f"{record.kind} {record.key} is at generation {current}, not "
            f"{expected} as its writer saw it: read it again"
        )
    if new < current:
        raise StaleGeneration(
            f"{record.kind} {record.key} is at generation {current} and never "
            f"goes back to {new}"
        )


def _is(kind: str, key: str) -> Any:
    return (records.c.kind == kind) & (records.c.key == key)


def _having(kind: str, index_key: str) -> Select[Any]:
    """Select the values of the records that have an index key."""
    of_record = (records.c.kind == index_keys.c.kind) & (
        records.c.key == index_keys.c.key
    )
    return (
        select(records.c.value)
        .join(index_keys, of_record)
        .where(index_keys.c.kind == kind, index_keys.c.index_key == index_key)
    )


def _decoded(kind: type[AnyRecord], value: bytes) -> AnyRecord:
    record = decode(kind.kind, value)
    assert isinstance(record, kind)
    return record


def _generation(record: Record) -> int | None:
    return getattr(record, "generation", None)
