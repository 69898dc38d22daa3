"""What records are found by besides their key, told from the records that are there."""

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    index_keys = op.create_table(
        "index_keys",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("index_key", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
    )
    op.create_index("index_keys_of_record", "index_keys", ["kind", "key"])
    stored = op.get_bind().execute(sa.text("SELECT kind, key, value FROM records"))
    rows = [
        {"kind": kind, "key": key, "index_key": index_key}
        for kind, key, value in stored
        for index_key in set(_index_keys(kind, msgspec.msgpack.decode(value)))
    ]
    if rows:
        op.bulk_insert(index_keys, rows)


def _index_keys(kind: str, record: dict[str, Any]) -> Iterator[str]:
    """As the model's records of that time have them."""
    if kind == "app" and record["name"]:
        yield f"{record['owner']}/{record['name']}"
    if kind == "residence":
        yield from record.get("hosts", ())
        yield f"@{record['app']}"
