"""The outbox knows each message's organization and stream, and sets aside what can't be sent."""

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TELEPHONY = "telephony"


def upgrade() -> None:
    """Add the columns, and fill them from the messages that wait."""
    op.add_column("outbox", sa.Column("organization_id", sa.String(64), nullable=False, server_default="?"))
    op.add_column("outbox", sa.Column("stream", sa.String(200), nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("at", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("set_aside_at", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("set_aside_times", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("reason", sa.String(300), nullable=False, server_default=""))
    names = ("number", "record", "organization_id", "stream", "set_aside_at")
    outbox = sa.table("outbox", *(sa.column(name) for name in names))
    connection = op.get_bind()
    for row in connection.execute(sa.select(outbox.c.number, outbox.c.record)).all():
        connection.execute(
            sa.update(outbox).where(outbox.c.number == row.number).values(**_about(row.record))
        )
    waits = outbox.c.set_aside_at.is_(None)
    op.create_index(
        "outbox_waiting",
        "outbox",
        ["organization_id", "number"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
    op.create_index(
        "outbox_set_aside",
        "outbox",
        ["set_aside_at"],
        sqlite_where=sa.not_(waits),
        postgresql_where=sa.not_(waits),
    )


def _about(record: bytes) -> dict[str, Any]:
    """A message's organization and stream; one that can't be read is set aside at its turn."""
    try:
        topic, key, headers, *_ = msgspec.msgpack.decode(record)
        organization_id = dict(headers)["ce_organization"].decode()
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError):
        return {"organization_id": "?"}
    stream = f"{topic}/{key}" if topic == _TELEPHONY else ""
    return {"organization_id": organization_id[:64], "stream": stream}
