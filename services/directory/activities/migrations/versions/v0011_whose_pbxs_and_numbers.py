"""Whose PBXs and numbers are which: what cards say becomes what the operator has given, unless two say it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The three tables; a number that two organizations have on cards is nobody's: the operator decides."""
    organizations = op.create_table(
        "organizations",
        sa.Column("organization_id", sa.String(length=64), primary_key=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ceilings", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    pbxs = op.create_table(
        "pbx_owners",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("pbx_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "pbx_id"),
    )
    numbers = op.create_table(
        "number_owners",
        sa.Column("number", sa.String(length=20), primary_key=True),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
    )
    op.create_index("number_owners_by_organization", "number_owners", ["organization_id"])
    op.add_column("said", sa.Column("said_at", sa.BigInteger(), nullable=False, server_default="0"))
    names = ("organization_id", "kind", "id", "document", "is_removed", "changed_at")
    cards = sa.table("cards", *(sa.column(name) for name in names))
    connection = op.get_bind()
    found = connection.execute(sa.select(cards).where(cards.c.kind == "organization")).all()
    _insert(
        organizations,
        [{"organization_id": row.id, "state": "active", "changed_at": row.changed_at} for row in found],
    )
    of_pbxs = sa.select(cards).where(cards.c.kind == "pbx", ~cards.c.is_removed)
    found = connection.execute(of_pbxs.order_by(cards.c.organization_id, cards.c.id)).all()
    _insert(pbxs, [{"organization_id": row.organization_id, "pbx_id": row.id} for row in found])
    owners: dict[str, set[str]] = {}
    for row in found:
        for number in json.loads(row.document)["numbers"]:
            owners.setdefault(number, set()).add(row.organization_id)
    _insert(
        numbers,
        [
            {"number": number, "organization_id": next(iter(claimed))}
            for number, claimed in sorted(owners.items())
            if len(claimed) == 1
        ],
    )


def _insert(table: sa.Table, rows: list[dict[str, object]]) -> None:
    if rows:
        op.bulk_insert(table, rows)
