"""Which key signed a program's token, when, and when it was last used; those of before have no key's id."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns of a token: empty and 0 for those that versions before signed with the shared key."""
    op.add_column("programs", sa.Column("kid", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("programs", sa.Column("issued_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("programs", sa.Column("last_used_at", sa.BigInteger(), nullable=True))
