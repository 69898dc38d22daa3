"""What a follower lacks: the changes since, or a snapshot where history does not join.

Both are read from one state of the store, so a snapshot is exactly that of its serial;
and page by page, so that one of ten million records is never in memory.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, func, select

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.digest import add_up, from_bytes, to_bytes
from domicile.model.feed import Ask, Begin
from domicile.store.schema import changes, digests, records
from domicile.store.transaction import Head, Reading

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """What answers a follower: a range of changes, or a snapshot.

    `pages` are read while the reading is open that it was made of. `digest` is that of
    what the follower then holds, where it asked to verify.
    """

    begin: Begin
    pages: AsyncIterator[list[Change]]
    digest: bytes = b""


async def begin_for(reading: Reading, ask: Ask) -> Begin:
    """Say which answer it is going to be."""
    head = await reading.head()
    if await _joins(reading, ask, head):
        return Begin(ask.after, head.serial, head.chain)
    count = await _count(reading, ask)
    return Begin(0, head.serial, head.chain, snapshot=True, count=count)


async def piece_for(reading: Reading, ask: Ask) -> Piece:
    """Give what comes after what the follower has, or a snapshot in its place."""
    begin = await begin_for(reading, ask)
    table = records if begin.snapshot else changes
    pages = _pages(reading, table, ask, begin.after)
    return Piece(begin, pages, await _digest(reading, ask) if ask.verify else b"")


async def _joins(reading: Reading, ask: Ask, head: Head) -> bool:
    """Tell whether the follower's past is ours, and what follows it is all here."""
    if (ask.after, ask.chain) == head:
        return True
    if ask.after >= head.serial:
        return False
    query = select(changes.c.serial, changes.c.chain).where(
        changes.c.serial.in_((ask.after, ask.after + 1))
    )
    chains = {row.serial: row.chain for row in await reading.execute(query)}
    before = NO_CHAIN if ask.after == 0 else chains.get(ask.after)
    return before == ask.chain and ask.after + 1 in chains


async def _pages(
    reading: Reading, table: Table, ask: Ask, after: int
) -> AsyncIterator[list[Change]]:
    """Give changes, or records, in the order in which they were written.

    Records, too: of two that have one index key the last written is found.
    """
    full = True
    while full:
        query = (
            select(table)
            .where(
                table.c.serial > after,
                # An expression: by the index of kinds, each page would be sorted anew.
                (table.c.kind + "").in_(ask.kinds),
                table.c.scope.in_({"", ask.cluster}),
            )
            .order_by(table.c.serial)
            .limit(PAGE)
        )
        page = [_change(row) for row in await reading.execute(query)]
        if page:
            yield page
            after = page[-1].serial
        full = len(page) == PAGE


async def _digest(reading: Reading, ask: Ask) -> bytes:
    query = select(digests.c.digest).where(_asked(ask))
    parts = (await reading.execute(query)).scalars()
    return to_bytes(add_up(*map(from_bytes, parts)))


async def _count(reading: Reading, ask: Ask) -> int:
    query = select(func.coalesce(func.sum(digests.c.records), 0)).where(_asked(ask))
    count: int = (await reading.execute(query)).scalar_one()
    return count


def _asked(ask: Ask) -> ColumnElement[bool]:
    """Select the digests of what is asked for."""
    scopes = {"", ask.cluster}
    return digests.c.kind.in_(ask.kinds) & digests.c.scope.in_(scopes)


def _change(row: Row[Any]) -> Change:
    # The chain is one of changes; a snapshot stands by that of its Begin.
    chain = getattr(row, "chain", NO_CHAIN)
    return Change(row.serial, row.kind, row.key, row.scope, row.value, chain)
