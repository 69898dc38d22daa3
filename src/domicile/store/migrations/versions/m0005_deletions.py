"""Which apps were deleted, until their names lead nowhere."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "deletions",
        sa.Column("app", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )
