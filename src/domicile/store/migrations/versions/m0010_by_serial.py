"""Records are found in the order in which they were written: so a snapshot has them."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_index("records_by_serial", "records", ["serial"])
