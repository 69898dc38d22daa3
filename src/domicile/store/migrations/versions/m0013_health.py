"""What is seen of clusters' addresses, and since when which are withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "sightings",
        sa.Column("reporter", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "withdrawals",
        sa.Column("cluster", sa.String, primary_key=True),
        sa.Column("address", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("said", sa.String, nullable=False),
    )
