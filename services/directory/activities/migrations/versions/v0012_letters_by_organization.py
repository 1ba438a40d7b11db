"""Organizations take turns with their welcome letters."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The index of letters that wait, by organization."""
    waits = sa.column("due_at").is_not(None)
    op.create_index(
        "letters_waiting",
        "letters",
        ["organization_id", "due_at"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
