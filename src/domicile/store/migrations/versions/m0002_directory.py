"""Who may call the directory, answers to repeat, and what clusters report."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# A migration keeps its own words: the schema goes on, this stays.
serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
    )
    op.create_table(
        "reports",
        sa.Column("cluster", sa.String, primary_key=True),
        sa.Column("app", sa.String, primary_key=True),
        sa.Column("generation", serial, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
