"""One-time links show phone passwords, which letters told until now."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The links: of each only its digest is kept."""
    op.create_table(
        "phone_links",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("organization_id", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("phone_links_by_agent", "phone_links", ["organization_id", "agent_id"])
