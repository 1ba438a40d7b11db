"""Which role a provider's word gives: a mapping of the values of a claim, if the operator says one."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Roles stay on the cards until the operator says otherwise."""
    op.add_column("identity_providers", sa.Column("role_mapping", sa.Text(), nullable=True))
