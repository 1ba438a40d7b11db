"""Figures of any period are sums of cells, which the projector keeps: a month of rows is never read."""

import sqlalchemy as sa
from alembic import op

from services.history.activities import figure_cells

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the cells, and make them from the rows that are there."""
    op.create_table(
        "figure_cells",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "kind", "at", "agent_id", "department_id", "is_internal"),
    )
    op.create_table(
        "figure_marks",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("heard", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
    )
    connection = op.get_bind()
    contacts = sa.table("contacts", sa.column("organization_id"))
    for organization_id in connection.scalars(sa.select(contacts.c.organization_id).distinct()).all():
        figure_cells.fill(connection, organization_id)
