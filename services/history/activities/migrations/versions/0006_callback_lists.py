"""Callbacks by who may see them, so that a page of them is read from one end of an index."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

revision = "0006"
down_revision = "0005"

CONTACTS_MAX = 500


def upgrade() -> None:
    """Add the table, and fill it from the documents of contacts with callbacks."""
    op.create_table(
        "callback_lists",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("callback_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("is_standing", sa.Boolean(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "list", "ordered_at", "callback_id"),
    )
    for name, columns in (
        ("callback_lists_by_contact", ["organization_id", "contact_id"]),
        (
            "callback_lists_by_state",
            ["organization_id", "list", "is_standing", "ordered_at", "callback_id"],
        ),
        ("callback_lists_by_origin", ["organization_id", "list", "origin", "ordered_at", "callback_id"]),
    ):
        op.create_index(name, "callback_lists", columns, unique=False)
    _fill(op.get_bind())


def _table(name: str, *columns: str) -> Any:
    return sa.table(name, *(sa.column(each) for each in columns))


def _fill(connection: Connection) -> None:
    contacts = _table("contacts", "organization_id", "contact_id", "is_internal", "document")
    names = _table("contact_names", "organization_id", "name", "contact_id")
    key = (contacts.c.organization_id, contacts.c.contact_id)
    has_callback = sa.exists().where(
        names.c.organization_id == key[0], names.c.contact_id == key[1], names.c.name.startswith("callback:")
    )
    last: tuple[str, str] | None = None
    while True:
        query = sa.select(contacts).where(has_callback).order_by(*key).limit(CONTACTS_MAX)
        if last is not None:
            query = query.where(sa.tuple_(*key) > last)
        rows = connection.execute(query).all()
        made = [row for contact in rows for row in _rows(connection, contact)]
        if made:
            columns = ("ordered_at", "callback_id", "contact_id", "department_id", "origin")
            flags = ("is_standing", "is_internal")
            table = _table("callback_lists", "organization_id", "list", *columns, *flags)
            connection.execute(sa.insert(table), made)
        if len(rows) < CONTACTS_MAX:
            return
        last = (rows[-1].organization_id, rows[-1].contact_id)


def _rows(connection: Connection, contact: Any) -> Iterator[dict[str, Any]]:
    """A contact's callbacks, each in the lists of all who may see the contact."""
    lists = ["organization"]
    for kind in ("department", "agent"):
        table = _table(f"contact_{kind}s", "organization_id", f"{kind}_id", "contact_id")
        query = sa.select(table.c[f"{kind}_id"]).where(
            table.c.organization_id == contact.organization_id, table.c.contact_id == contact.contact_id
        )
        lists += [f"{kind}/{each}" for each in connection.scalars(query)]
    for callback in json.loads(contact.document).get("callbacks", ()):
        for name in lists:
            yield {
                "organization_id": contact.organization_id,
                "list": name,
                "ordered_at": callback["ordered_at"],
                "callback_id": callback["callback_id"],
                "contact_id": contact.contact_id,
                "department_id": callback["department"]["department_id"],
                "origin": callback["origin"],
                "is_standing": callback.get("ended_at") is None,
                "is_internal": contact.is_internal,
            }
