"""Logins, one-time passwords and tries that end, and devices that are known."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

ONE_TIME_MS = 72 * 3_600_000


def upgrade() -> None:
    """Everybody signs in once more; one-time passwords that were given before count from now."""
    _logins()
    _passwords()
    _tries()


def _logins() -> None:
    # How old the logins of before are is not known, and they would have to end after thirty days.
    op.execute(sa.delete(sa.table("families")))
    with op.batch_alter_table("families") as families:
        families.drop_column("refresh_digest")
        families.add_column(sa.Column("refresh_id", sa.String(length=32), nullable=False))
        families.add_column(sa.Column("previous_id", sa.String(length=32), nullable=False))
        families.add_column(sa.Column("method", sa.String(length=16), nullable=False))
        families.add_column(sa.Column("opened_at", sa.BigInteger(), nullable=False))
        families.add_column(sa.Column("authenticated_at", sa.BigInteger(), nullable=False))
        families.add_column(sa.Column("renewed_at", sa.BigInteger(), nullable=False))
        families.add_column(sa.Column("address", sa.String(length=64), nullable=False))
        families.add_column(sa.Column("user_agent", sa.String(length=200), nullable=False))


def _passwords() -> None:
    op.add_column("passwords", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    passwords = sa.table("passwords", sa.column("is_one_time", sa.Boolean()), sa.column("expires_at"))
    expires_at = time.time_ns() // 1_000_000 + ONE_TIME_MS
    op.execute(sa.update(passwords).where(passwords.c.is_one_time).values(expires_at=expires_at))


def _tries() -> None:
    op.execute(sa.delete(sa.table("tries")))
    with op.batch_alter_table("tries") as tries:
        tries.add_column(sa.Column("expires_at", sa.BigInteger(), nullable=False))
    op.create_index("tries_by_age", "tries", ["expires_at"])
    op.create_table(
        "devices",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "agent_id", "device_id"),
    )
    op.create_index("devices_by_age", "devices", ["used_at"])
