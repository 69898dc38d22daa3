"""What each follower last said, for the other owners of the store."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # A follower says all of it again with its next question.
    op.drop_table("followers")
    op.create_table(
        "followers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("word", sa.LargeBinary, nullable=False),
    )
