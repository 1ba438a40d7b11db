"""What an organization has used of its quotas that must outlive a restart: uploads of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table of amounts, one row per organization and quota."""
    op.create_table(
        "usages",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("quota", sa.String(length=40), nullable=False),
        sa.Column("window_at", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "quota"),
    )
