"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Every table."""
    _answers()
    _audit()
    _callbacks()
    _cards()
    _checks()
    _families()
    _leases()
    _letters()
    _outbox()
    _passwords()
    _programs()
    _said()
    _streams()
    _tries()


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "who", "key"),
    )
    op.create_index("answers_by_age", "answers", ["at"], unique=False)


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("after", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("audit_by_organization", "audit", ["organization_id", "number"], unique=False)


def _callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("callback_id", sa.String(length=120), nullable=False),
        sa.Column("department_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "callback_id"),
    )
    op.create_index("callbacks_by_age", "callbacks", ["at"], unique=False)


def _cards() -> None:
    op.create_table(
        "cards",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.Column("is_removed", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "kind", "id"),
    )


def _checks() -> None:
    op.create_table(
        "checks",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("pbx_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.Boolean(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "pbx_id", "seq"),
    )


def _families() -> None:
    op.create_table(
        "families",
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("refresh_digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("family"),
    )
    op.create_index("families_by_agent", "families", ["organization_id", "agent_id"], unique=False)


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=40), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _letters() -> None:
    op.create_table(
        "letters",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=300), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.String(length=120), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "agent_id"),
    )
    op.create_index("letters_due", "letters", ["due_at"], unique=False)


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def _passwords() -> None:
    op.create_table(
        "passwords",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=255), nullable=False),
        sa.Column("is_one_time", sa.Boolean(), nullable=False),
        sa.Column("sealed_phone_password", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "agent_id"),
    )


def _programs() -> None:
    op.create_table(
        "programs",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "token_id"),
    )


def _said() -> None:
    op.create_table(
        "said",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("known_until_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "type", "subject"),
    )
    op.create_index("said_known_until", "said", ["known_until_at"], unique=False)


def _streams() -> None:
    op.create_table(
        "streams",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("pbx_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "pbx_id"),
    )


def _tries() -> None:
    op.create_table(
        "tries",
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("window_at", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
