"""Removes characters that no text may have now (contracts.plain_text), and tells which cards had them."""

import json
import re
from typing import Any

import sqlalchemy as sa
import structlog
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# As contracts.plain_text had it at this revision.
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_FORMATS = "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb"
_IN_LINES = re.compile(f"[{_CONTROLS}{_FORMATS}]+")
_IN_ONE_LINE = re.compile(f"[\t\n\r{_CONTROLS}{_FORMATS}]+")
_SEVERAL_LINES = frozenset({"text"})
_WORDS = frozenset({"name", "job_title"})
"""Between words a space takes their place; in an extension or an id nothing does."""

_log = structlog.get_logger()


def upgrade() -> None:
    """Clean cards that the stricter limits would refuse to read."""
    connection = op.get_bind()
    cards = sa.table("cards", *(sa.column(name) for name in ("organization_id", "kind", "id", "document")))
    for row in connection.execute(sa.select(cards)).all():
        try:
            card = json.loads(row.document)
        except ValueError:
            # The service sets it aside with an alarm.
            continue
        changed: list[str] = []
        cleaned = _cleaned(card, "", changed)
        if changed:
            _log.warning(
                "a card had invisible characters, and is saved without them",
                organization_id=row.organization_id,
                kind=row.kind,
                id=row.id,
                fields=changed,
            )
            document = json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))
            its = (cards.c.organization_id == row.organization_id) & (cards.c.kind == row.kind)
            connection.execute(sa.update(cards).where(its, cards.c.id == row.id).values(document=document))


def _cleaned(value: Any, path: str, changed: list[str]) -> Any:
    match value:
        case str():
            text = _text(value, path.rpartition(".")[2])
            if text != value:
                changed.append(path)
            return text
        case list():
            return [_cleaned(each, path, changed) for each in value]
        case dict():
            return {name: _cleaned(each, f"{path}.{name}", changed) for name, each in value.items()}
        case _:
            return value


def _text(value: str, name: str) -> str:
    if name in _SEVERAL_LINES:
        return _IN_LINES.sub("", value)
    if not _IN_ONE_LINE.search(value):
        return value
    if name in _WORDS:
        return _IN_ONE_LINE.sub(" ", value).strip() or "—"
    return _IN_ONE_LINE.sub("", value).strip()
