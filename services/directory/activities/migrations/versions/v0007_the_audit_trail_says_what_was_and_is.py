"""The audit trail says what was and is, and has events that change no card."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier lines have neither and stay readable."""
    op.add_column("audit", sa.Column("outcome", sa.String(length=8), nullable=False, server_default="ok"))
    op.add_column("audit", sa.Column("details", sa.Text(), nullable=False, server_default=""))
    op.create_index("audit_by_age", "audit", ["at"], unique=False)
