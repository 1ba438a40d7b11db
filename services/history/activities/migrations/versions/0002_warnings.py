"""When a voice message was heard, and its owner warned, beside the document: the sweep asks for it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROWS_MAX = 500


def upgrade() -> None:
    """Add the columns, and fill in from the documents who has heard what."""
    op.add_column("messages", sa.Column("heard_at", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("messages", sa.Column("warned_at", sa.BigInteger(), autoincrement=False, nullable=True))
    connection = op.get_bind()
    names = ("organization_id", "voice_message_id", "contact_id")
    messages = sa.table("messages", *(sa.column(name) for name in names), sa.column("heard_at"))
    contacts = sa.table(
        "contacts", sa.column("organization_id"), sa.column("contact_id"), sa.column("document")
    )
    key = (messages.c.organization_id, messages.c.voice_message_id)
    last: tuple[str, str] | None = None
    while True:
        query = (
            sa.select(*key, contacts.c.document)
            .join_from(
                messages,
                contacts,
                sa.and_(
                    contacts.c.organization_id == messages.c.organization_id,
                    contacts.c.contact_id == messages.c.contact_id,
                ),
            )
            .order_by(*key)
            .limit(ROWS_MAX)
        )
        if last is not None:
            query = query.where(sa.tuple_(*key) > last)
        rows = connection.execute(query).all()
        for organization_id, voice_message_id, document in rows:
            heard_at = _heard_at(document, voice_message_id)
            if heard_at is not None:
                connection.execute(
                    sa.update(messages)
                    .where(key[0] == organization_id, key[1] == voice_message_id)
                    .values(heard_at=heard_at)
                )
            last = (organization_id, voice_message_id)
        if len(rows) < ROWS_MAX:
            return


def _heard_at(document: str, voice_message_id: str) -> int | None:
    for message in json.loads(document).get("messages", ()):
        if message.get("voice_message_id") == voice_message_id and message.get("heard"):
            return int(message["heard"]["at"])
    return None
