"""A directory's store of so many apps, as if they had been made one by one, long ago."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import delete, insert, update

from domicile.model.digest import NOTHING, add_up, record_digest, record_key, to_bytes
from domicile.model.record import Record
from domicile.model.records import encode
from domicile.store.schema import changes, digests, head, records
from domicile.store.store import Store
from domicile.store.transaction import Transaction

_BATCH = 5000

_Sums = defaultdict[tuple[str, str], tuple[int, int]]
"""Of each kind and scope the digest, and how many records it is of."""


async def fill(store: Store, before: Iterable[Record], last: Record) -> None:
    """Write records of kinds that the store has none of, and one more by a change.

    So many changes would take hours: they count as forgotten, and followers get a
    snapshot.
    """
    sums: _Sums = defaultdict(lambda: (NOTHING, 0))
    async with store.transaction() as tx:
        serial = (await tx.head()).serial
        for batch in _batches(before):
            await _insert(tx, batch, serial, sums)
            serial += len(batch)
        await tx.execute(insert(digests), _digest_rows(sums))
        await tx.execute(delete(changes))
        await tx.execute(update(head).values(serial=serial))
        await tx.put(last)


async def _insert(
    tx: Transaction, batch: list[Record], serial: int, sums: _Sums
) -> None:
    rows = []
    for number, record in enumerate(batch, serial + 1):
        kind, key, scope, value = record.kind, record.key, record.scope, encode(record)
        digest, count = sums[kind, scope]
        part = record_digest(record_key(kind, key), value)
        sums[kind, scope] = add_up(digest, part), count + 1
        row = {"kind": kind, "key": key, "scope": scope, "value": value}
        rows.append(row | {"serial": number})
    await tx.execute(insert(records), rows)


def _digest_rows(sums: _Sums) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "scope": scope,
            "digest": to_bytes(digest),
            "records": count,
        }
        for (kind, scope), (digest, count) in sums.items()
    ]


def _batches(every: Iterable[Record]) -> Iterator[list[Record]]:
    left = iter(every)
    while batch := list(islice(left, _BATCH)):
        yield batch
