"""The ports that apps have left, until every proxy knows that they have."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "ports",
        sa.Column("address", sa.String, primary_key=True),
        sa.Column("port", sa.Integer, primary_key=True),
        sa.Column("app", sa.String, primary_key=True),
        sa.Column("serial", sa.Integer, nullable=False),
    )
