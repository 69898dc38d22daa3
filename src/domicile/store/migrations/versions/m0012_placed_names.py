"""Placements know their apps' names; how many records there are is kept beside digests.

Placements are written anew as changes that everybody follows. What was written before
is forgotten, for nobody can read it any more: who lacks it gets a snapshot.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from domicile.model.changes import NO_CHAIN, Change, next_chain
from domicile.model.digest import (
    add_up,
    from_bytes,
    record_digest,
    record_key,
    to_bytes,
)

revision = "0012"
down_revision = "0011"

serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KIND = "placement"
_PAGE = 10_000


def upgrade() -> None:
    _count_records()
    connection = op.get_bind()
    head = connection.execute(sa.text("SELECT serial, chain FROM head")).one()
    # The last one stays: by its chain, who has all of them is known.
    connection.execute(
        sa.text(
            "DELETE FROM changes WHERE serial < :serial"
            " AND EXISTS (SELECT 1 FROM changes WHERE kind = :kind)"
        ),
        {"serial": head.serial, "kind": _KIND},
    )
    last = Change(head.serial, "", "", "", None, head.chain)
    difference = 0
    for page in _pages(connection):
        for row in page:
            difference -= _part(row.key, row.value)
        page_changes = list(_changes(last, page))
        for each in page_changes:
            difference += _part(each.key, each.value)
        _write(connection, page_changes)
        last = page_changes[-1]
    _finish(connection, last, difference)


def _count_records() -> None:
    op.add_column(
        "digests", sa.Column("records", serial, nullable=False, server_default="0")
    )
    op.get_bind().execute(
        sa.text(
            "UPDATE digests SET records = (SELECT count(*) FROM records"
            " WHERE records.kind = digests.kind AND records.scope = digests.scope)"
        )
    )


def _pages(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    """Give placements with their apps' records, in order of key."""
    query = sa.text(
        "SELECT p.key, p.scope, p.value, a.value AS app FROM records p"
        " LEFT JOIN records a ON a.kind = 'app' AND a.key = p.key"
        " WHERE p.kind = :kind AND p.key > :after ORDER BY p.key LIMIT :page"
    )
    after = ""
    while True:
        given = {"kind": _KIND, "after": after, "page": _PAGE}
        page = connection.execute(query, given).all()
        if not page:
            return
        yield page
        after = page[-1].key


def _changes(last: Change, page: Sequence[sa.Row[Any]]) -> Iterator[Change]:
    for row in page:
        change = Change(
            last.serial + 1, _KIND, row.key, row.scope, _renewed(row), NO_CHAIN
        )
        last = msgspec.structs.replace(change, chain=next_chain(last.chain, change))
        yield last


def _renewed(row: sa.Row[Any]) -> bytes:
    """Write a placement as it is from now on: an array."""
    placement = msgspec.msgpack.decode(row.value)
    array = [placement["app"], placement["cluster"], placement["generation"]]
    if row.app is not None:
        app = msgspec.msgpack.decode(row.app)
        array += [app["name"], app["owner"], app["zone"]]
    return msgspec.msgpack.encode(array)


def _part(key: str, value: bytes | None) -> int:
    assert value is not None
    return record_digest(record_key(_KIND, key), value)


def _write(connection: sa.Connection, page: Sequence[Change]) -> None:
    now = time.time()
    rows = [msgspec.structs.asdict(each) | {"at": now} for each in page]
    connection.execute(
        sa.text(
            "INSERT INTO changes (serial, kind, key, scope, value, chain, at)"
            " VALUES (:serial, :kind, :key, :scope, :value, :chain, :at)"
        ),
        rows,
    )
    connection.execute(
        sa.text(
            "UPDATE records SET value = :value, serial = :serial"
            " WHERE kind = :kind AND key = :key"
        ),
        rows,
    )


def _finish(connection: sa.Connection, last: Change, difference: int) -> None:
    connection.execute(
        sa.text("UPDATE head SET serial = :serial, chain = :chain"),
        {"serial": last.serial, "chain": last.chain},
    )
    query = sa.text("SELECT digest FROM digests WHERE kind = :kind AND scope = ''")
    before = connection.execute(query, {"kind": _KIND}).scalar_one_or_none()
    if before is not None:
        connection.execute(
            sa.text(
                "UPDATE digests SET digest = :digest WHERE kind = :kind AND scope = ''"
            ),
            {
                "kind": _KIND,
                "digest": to_bytes(add_up(from_bytes(before), difference)),
            },
        )
