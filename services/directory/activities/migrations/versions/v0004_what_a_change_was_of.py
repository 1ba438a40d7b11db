"""The audit trail names the fields that a change was of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of changes made before, nobody knows any more."""
    op.add_column("audit", sa.Column("fields", sa.Text(), nullable=False, server_default=""))
