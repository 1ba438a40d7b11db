"""The audit trail names changed fields."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier changes have none."""
    op.add_column("audit", sa.Column("fields", sa.Text(), nullable=False, server_default=""))
