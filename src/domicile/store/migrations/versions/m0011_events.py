"""What befell each app of a cluster lately."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("number", serial, primary_key=True, autoincrement=True),
        sa.Column("app", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
    )
    op.create_index("ix_events_app", "events", ["app"])
