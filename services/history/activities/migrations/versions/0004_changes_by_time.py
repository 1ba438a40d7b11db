"""What was said of agents is found by time: for a wait, and for what is too old to be kept."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """One index for another: nothing is looked for by offset alone."""
    op.create_index("agent_changes_by_time", "agent_changes", ["organization_id", "at"], unique=False)
    op.drop_index("agent_changes_by_offset", "agent_changes")
