"""Records, their changes and the head; followers and leases beside."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A migration keeps its own words: the schema goes on, this stays.
serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("serial", serial, nullable=False),
    )
    op.create_table(
        "changes",
        sa.Column("serial", serial, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=True),
        sa.Column("chain", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("serial", serial, nullable=False),
        sa.Column("chain", sa.LargeBinary, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "serial": 0, "chain": bytes(16)}])
    op.create_table(
        "followers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("seen_at", sa.Float, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("fence", serial, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
    )
