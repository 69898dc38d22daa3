"""What a follower lacks: the changes since, or a snapshot where history does not join.

Both are read from one state of the store, so a snapshot is exactly that of its serial.
"""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, Row, select

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.digest import add_up, from_bytes, to_bytes
from domicile.model.feed import Ask, Begin
from domicile.store.schema import changes, digests, records
from domicile.store.transaction import Head, Reading


class Piece(msgspec.Struct, frozen=True):
    """What answers a follower: a range of changes, or a snapshot.

    `digest` is that of what the follower then holds, where it asked to verify.
    """

    begin: Begin
    changes: list[Change]
    digest: bytes = b""


async def piece_for(reading: Reading, ask: Ask) -> Piece:
    """Give what comes after what the follower has, or a snapshot in its place."""
    head = await reading.head()
    digest = await _digest(reading, ask) if ask.verify else b""
    if await _joins(reading, ask, head):
        begin = Begin(ask.after, head.serial, head.chain)
        return Piece(begin, await _range(reading, ask), digest)
    begin = Begin(0, head.serial, head.chain, snapshot=True)
    return Piece(begin, await _snapshot(reading, ask), digest)


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


async def _range(reading: Reading, ask: Ask) -> list[Change]:
    query = (
        select(changes)
        .where(changes.c.serial > ask.after, *_concerns(changes, ask))
        .order_by(changes.c.serial)
    )
    return [_change(row, row.chain) for row in await reading.execute(query)]


async def _snapshot(reading: Reading, ask: Ask) -> list[Change]:
    query = (
        select(records)
        .where(*_concerns(records, ask))
        # As a range has them: of two that have one index key the last written is found.
        .order_by(records.c.serial)
    )
    # The chain is one of changes; a snapshot stands by that of its Begin.
    return [_change(row, NO_CHAIN) for row in await reading.execute(query)]


async def _digest(reading: Reading, ask: Ask) -> bytes:
    query = select(digests.c.digest).where(*_concerns(digests, ask))
    parts = (await reading.execute(query)).scalars()
    return to_bytes(add_up(*map(from_bytes, parts)))


def _change(row: Row[Any], chain: bytes) -> Change:
    return Change(row.serial, row.kind, row.key, row.scope, row.value, chain)


def _concerns(table: FromClause, ask: Ask) -> tuple[ColumnElement[Any], ...]:
    return (
        table.c.kind.in_(ask.kinds),
        table.c.scope.in_({"", ask.cluster}),
    )
