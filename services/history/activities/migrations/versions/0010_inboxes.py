"""Who has claimed a voice message, beside the document, and an index for each inbox."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ROWS_MAX = 500


def upgrade() -> None:
    """Add the column, fill it from the documents, and add the indexes."""
    op.add_column("messages", sa.Column("claimed_by", sa.String(), nullable=True))
    _fill(op.get_bind())
    for name, column in (
        ("messages_by_department", "department_id"),
        ("messages_by_agent", "agent_id"),
        ("messages_by_claim", "claimed_by"),
    ):
        columns = ["organization_id", column, "taken_at", "voice_message_id"]
        op.create_index(name, "messages", columns, unique=False)


def _fill(connection: sa.Connection) -> None:
    names = ("organization_id", "voice_message_id", "contact_id", "claimed_at", "claimed_by")
    messages = sa.table("messages", *(sa.column(name) for name in names))
    contacts = sa.table(
        "contacts", sa.column("organization_id"), sa.column("contact_id"), sa.column("document")
    )
    key = (messages.c.organization_id, messages.c.voice_message_id)
    its = sa.and_(contacts.c.organization_id == key[0], contacts.c.contact_id == messages.c.contact_id)
    last: tuple[str, str] | None = None
    while True:
        query = (
            sa.select(*key, contacts.c.document)
            .join_from(messages, contacts, its)
            .where(messages.c.claimed_at.is_not(None))
            .order_by(*key)
            .limit(ROWS_MAX)
        )
        if last is not None:
            query = query.where(sa.tuple_(*key) > last)
        rows = connection.execute(query).all()
        for organization_id, voice_message_id, document in rows:
            connection.execute(
                sa.update(messages)
                .where(key[0] == organization_id, key[1] == voice_message_id)
                .values(claimed_by=_claimed_by(document, voice_message_id))
            )
            last = (organization_id, voice_message_id)
        if len(rows) < ROWS_MAX:
            return


def _claimed_by(document: str, voice_message_id: str) -> str | None:
    for message in json.loads(document).get("messages", ()):
        if message.get("voice_message_id") == voice_message_id and message.get("claimed"):
            return str(message["claimed"]["by"])
    return None
