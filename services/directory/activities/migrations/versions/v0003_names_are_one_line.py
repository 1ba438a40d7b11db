"""Removes invisible characters (line separators, direction marks) from saved names."""

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]+")
_TEXTS = frozenset({"text"})
"""Spoken texts may have several lines."""


def upgrade() -> None:
    """Clean cards that the stricter limits would refuse to read."""
    connection = op.get_bind()
    cards = sa.table("cards", *(sa.column(name) for name in ("organization_id", "kind", "id", "document")))
    for row in connection.execute(sa.select(cards)).all():
        card = json.loads(row.document)
        cleaned = _cleaned(card)
        if cleaned != card:
            document = json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))
            its = (cards.c.organization_id == row.organization_id) & (cards.c.kind == row.kind)
            connection.execute(sa.update(cards).where(its, cards.c.id == row.id).values(document=document))


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return _UNSEEN.sub(" ", value).strip() or "—" if _UNSEEN.search(value) else value
        case list():
            return [_cleaned(each) for each in value]
        case dict():
            return {name: each if name in _TEXTS else _cleaned(each) for name, each in value.items()}
        case _:
            return value
