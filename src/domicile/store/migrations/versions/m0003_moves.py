"""The journal of moves."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "moves",
        sa.Column("number", serial, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("app", sa.String, nullable=False, index=True),
        sa.Column("step", sa.String, nullable=False, index=True),
        sa.Column("serial", serial, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
