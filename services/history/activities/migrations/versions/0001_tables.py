"""The tables of history, as they were at first."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    _the_log()
    _the_book()
    _contacts()
    _whose()
    _figures()
    _callbacks()
    _audio()


def _the_log() -> None:
    op.create_table(
        "positions",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log_id", sa.String(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("now_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("partition"),
    )
    op.create_table(
        "heard",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "source"),
    )
    op.create_table(
        "early",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "name", "offset"),
    )


def _the_book() -> None:
    op.create_table(
        "cards",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "kind", "card_id"),
    )
    op.create_table(
        "agent_changes",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "kind", "subject", "offset"),
    )
    op.create_index("agent_changes_by_offset", "agent_changes", ["organization_id", "offset"], unique=False)
    op.create_table(
        "refusals",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "offset"),
    )
    op.create_table(
        "removals",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "key"),
    )


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("pbx_id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("is_voicemail", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "contact_id"),
    )
    op.create_index(
        "contacts_by_outcome",
        "contacts",
        ["organization_id", "outcome", "started_at", "contact_id"],
        unique=False,
    )
    op.create_index(
        "contacts_by_time",
        "contacts",
        ["organization_id", "started_at", "contact_id", "is_internal"],
        unique=False,
    )
    op.create_table(
        "contact_names",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "name", "contact_id"),
    )
    op.create_index(
        "contact_names_by_contact", "contact_names", ["organization_id", "contact_id"], unique=False
    )


def _whose() -> None:
    op.create_table(
        "contact_departments",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "department_id", "started_at", "contact_id"),
    )
    op.create_index(
        "contact_departments_by_contact",
        "contact_departments",
        ["organization_id", "contact_id"],
        unique=False,
    )
    op.create_table(
        "contact_agents",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "agent_id", "started_at", "contact_id"),
    )
    op.create_index(
        "contact_agents_by_contact", "contact_agents", ["organization_id", "contact_id"], unique=False
    )


def _figures() -> None:
    op.create_table(
        "places",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("place_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("end", sa.String(), nullable=True),
        sa.Column("waited_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_with_callback", sa.Boolean(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "place_id", "contact_id"),
    )
    op.create_index("places_by_contact", "places", ["organization_id", "contact_id"], unique=False)
    op.create_index("places_by_time", "places", ["organization_id", "joined_at"], unique=False)
    op.create_table(
        "tries",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rung_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.String(), nullable=True),
        sa.Column("rang_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "contact_id", "number"),
    )
    op.create_index("tries_by_time", "tries", ["organization_id", "rung_at"], unique=False)
    # ### end Alembic commands ###


def _callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("callback_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("dialled_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("reached_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("end", sa.String(), nullable=True),
        sa.Column("waited_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "callback_id", "contact_id"),
    )
    op.create_index("callbacks_by_contact", "callbacks", ["organization_id", "contact_id"], unique=False)
    op.create_index("callbacks_by_time", "callbacks", ["organization_id", "ordered_at"], unique=False)


def _audio() -> None:
    op.create_table(
        "messages",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("voice_message_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("department_id", sa.String(), nullable=True),
        sa.Column("taken_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("has_audio", sa.Boolean(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("called_back_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "voice_message_id"),
    )
    op.create_index("messages_by_contact", "messages", ["organization_id", "contact_id"], unique=False)
    op.create_index(
        "messages_by_time", "messages", ["organization_id", "taken_at", "voice_message_id"], unique=False
    )
    op.create_table(
        "recordings",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "recording_id"),
    )
    op.create_index("recordings_by_contact", "recordings", ["organization_id", "contact_id"], unique=False)
    op.create_index("recordings_by_time", "recordings", ["organization_id", "at"], unique=False)
