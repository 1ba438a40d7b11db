"""The present: live rows, made of what goes on when the tables are migrated."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from services.history import state
from services.history.rules import live_contacts

revision = "0007"
down_revision = "0006"

CONTACTS_MAX = 500
_NAMES = ("organization_id", "kind", "subject", "offset", "at", "type", "department_id", "document")


def upgrade() -> None:
    """Add the tables, and fill them; the log keeps them up to date from now on.

    Documents of contacts and their rows are those of the code that runs: both are additive.
    """
    op.create_table(
        "live_rows",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "kind", "subject"),
    )
    op.create_index("live_rows_by_offset", "live_rows", ["organization_id", "offset"], unique=False)
    op.create_index(
        "live_rows_gone",
        "live_rows",
        ["organization_id", "at"],
        unique=False,
        sqlite_where=sa.text("document IS NULL"),
        postgresql_where=sa.text("document IS NULL"),
    )
    op.create_table(
        "live_versions",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rights_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("forgotten", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
    )
    connection = op.get_bind()
    rows = sa.table("live_rows", *(sa.column(name) for name in _NAMES))
    for made in (_facts(connection), _pbxs(connection), _contacts(connection)):
        for row in made:
            connection.execute(sa.insert(rows).values(dict(zip(_NAMES, row, strict=True))))
    op.execute(
        "INSERT INTO live_versions (organization_id, version, rights_version, forgotten) "
        'SELECT organization_id, max("offset"), -1, max("offset") FROM live_rows GROUP BY organization_id'
    )


def _facts(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """The last fact of each kind and subject about agents and PBXs."""
    query = sa.text(
        'SELECT c.organization_id, c.kind, c.subject, c."offset", c.at, c.type, c.document '
        "FROM agent_changes c JOIN (SELECT organization_id, kind, subject, "
        'max("offset") AS last FROM agent_changes GROUP BY organization_id, kind, subject) l '
        "ON l.organization_id = c.organization_id AND l.kind = c.kind AND l.subject = c.subject "
        'AND l.last = c."offset"'
    )
    for organization_id, kind, subject, offset, at, type_, document in connection.execute(query).all():
        yield organization_id, "fact", f"{kind}|{subject}", offset, at, type_, None, document


def _pbxs(connection: Connection) -> Iterator[tuple[Any, ...]]:
    query = sa.text("SELECT organization_id, card_id, document FROM cards WHERE kind = 'PbxSaved'")
    for organization_id, pbx_id, document in connection.execute(query).all():
        yield organization_id, "fact", f"pbx_card|{pbx_id}", 0, 0, "directory.pbx_saved", None, document


def _contacts(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """The places and callbacks of contacts that have not ended."""
    last = ("", "")
    while True:
        query = sa.text(
            "SELECT organization_id, contact_id, document FROM contacts WHERE ended_at IS NULL "
            "AND (organization_id, contact_id) > (:organization_id, :contact_id) "
            "ORDER BY organization_id, contact_id LIMIT :contacts"
        )
        after = {"organization_id": last[0], "contact_id": last[1], "contacts": CONTACTS_MAX}
        listed = connection.execute(query, after).all()
        for organization_id, contact_id, document in listed:
            last = (organization_id, contact_id)
            contact = state.decoded(document)
            for (kind, subject), row in live_contacts.rows_of(contact).items():
                at, text = contact.started_at, live_contacts.encoded(row)
                yield organization_id, str(kind), subject, 0, at, "", row.department_id, text
        if len(listed) < CONTACTS_MAX:
            return
