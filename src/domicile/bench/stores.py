"""A directory's store of so many apps, as if they had been made one by one, long ago."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from sqlalchemy import delete, insert, update

from domicile.model.digest import add_up, record_digest, record_key, to_bytes
from domicile.model.records import Record, encode
from domicile.store.schema import changes, digests, head, records
from domicile.store.store import Store
from domicile.store.transaction import Transaction

_BATCH = 5000

_Digests = defaultdict[tuple[str, str], int]


async def fill(store: Store, before: Iterable[Record], last: Record) -> None:
    """Write records of kinds that the store has none of, and one more by a change.

    So many changes would take hours: they count as forgotten, and followers get a
    snapshot.
    """
    sums: _Digests = defaultdict(int)
    async with store.transaction() as tx:
        serial = (await tx.head()).serial
        for batch in _batches(before):
            await _insert(tx, batch, serial, sums)
            serial += len(batch)
        rows = [
            {"kind": kind, "scope": scope, "digest": to_bytes(digest)}
            for (kind, scope), digest in sums.items()
        ]
        await tx.execute(insert(digests), rows)
        await tx.execute(delete(changes))
        await tx.execute(update(head).values(serial=serial))
        await tx.put(last)


async def _insert(
    tx: Transaction, batch: list[Record], serial: int, sums: _Digests
) -> None:
    rows = []
    for number, record in enumerate(batch, serial + 1):
        kind, key, scope, value = record.kind, record.key, record.scope, encode(record)
        part = record_digest(record_key(kind, key), value)
        sums[kind, scope] = add_up(sums[kind, scope], part)
        row = {"kind": kind, "key": key, "scope": scope, "value": value}
        rows.append(row | {"serial": number})
    await tx.execute(insert(records), rows)


def _batches(every: Iterable[Record]) -> Iterator[list[Record]]:
    left = iter(every)
    while batch := list(islice(left, _BATCH)):
        yield batch
