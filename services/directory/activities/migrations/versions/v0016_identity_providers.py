"""Sign-in by a provider of identities: which one an organization has, and who is who there."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Begin both tables; nobody has a provider yet."""
    op.create_table(
        "identity_providers",
        sa.Column("organization_id", sa.String(length=64), primary_key=True),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("sealed_client_secret", sa.Text(), nullable=False),
        sa.Column("redirects", sa.Text(), nullable=False),
        sa.Column("is_only", sa.Boolean(), nullable=False),
        sa.Column("break_glass_agent_id", sa.String(length=64), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "identities",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "issuer", "subject"),
    )
    op.create_index("identities_by_agent", "identities", ["organization_id", "agent_id"], unique=True)
