"""Open contacts are found among all: somebody's own call is one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the index of those that have not ended."""
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "contacts_open",
        "contacts",
        ["organization_id", "ended_at", "contact_id"],
        unique=False,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
