"""A digest of the records of each kind and scope, told from the records that are there."""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

from domicile.model.digest import add_up, record_digest, record_key, to_bytes

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    digests = op.create_table(
        "digests",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    query = sa.text("SELECT kind, key, scope, value FROM records")
    for kind, key, scope, value in op.get_bind().execute(query):
        part = record_digest(record_key(kind, key), value)
        sums[kind, scope] = add_up(sums[kind, scope], part)
    rows = [
        {"kind": kind, "scope": scope, "digest": to_bytes(digest)}
        for (kind, scope), digest in sums.items()
    ]
    if rows:
        op.bulk_insert(digests, rows)
