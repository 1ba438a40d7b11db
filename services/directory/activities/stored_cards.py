"""Cards as the table of cards has them; one that can't be read is set aside with an alarm."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime import metrics
from services.directory.activities.tables import CARDS
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import Card
from services.directory.state.office import CARDS as CARD_TYPES
from services.directory.state.office import Kind

_log = structlog.get_logger()


class StoredCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card with its version, as stored."""

    kind: Kind
    id: str
    version: int
    card: Card
    is_removed: bool = False


class CardUnreadable(RequestRefused):
    """A saved card can't be decoded: it is neither removed nor said as removed until somebody mends it."""

    def __init__(self, kind: Kind, id_: str) -> None:
        super().__init__(Problem(code=Code.CARD_UNREADABLE, values={"kind": kind.value, "id": id_}))


def stored_card(row: Any) -> StoredCard:
    """Decode a row of the table of cards. Raises CardUnreadable, with an alarm."""
    kind = Kind(row.kind)
    try:
        card = msgspec.json.decode(row.document, type=CARD_TYPES[kind])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        metrics.CARDS_UNREADABLE.inc()
        _log.error(
            "alarm: a saved card can't be read, and is set aside",
            organization_id=row.organization_id,
            kind=row.kind,
            id=row.id,
            error=str(error),
        )
        raise CardUnreadable(kind, row.id) from error
    return StoredCard(kind=kind, id=row.id, version=row.version, card=card, is_removed=row.is_removed)


def readable(rows: Iterable[Any]) -> list[StoredCard]:
    """The cards among these rows that can be read; the others are set aside with an alarm."""
    found = []
    for row in rows:
        with suppress(CardUnreadable):
            found.append(stored_card(row))
    return found


def in_force(organization_id: str, kind: Kind) -> ColumnElement[bool]:
    """Selects the cards of a kind that are not removed."""
    own = (CARDS.c.organization_id == organization_id) & (CARDS.c.kind == kind.value)
    return own & ~CARDS.c.is_removed


async def lock(connection: AsyncConnection, organization_id: str) -> bool:
    """Lock the organization's own card, so that its changes come one after the other; False: it has none.

    It is the first lock of a transaction on an organization's people, so that no two wait for each other.
    """
    own = (CARDS.c.organization_id == organization_id) & (CARDS.c.kind == Kind.ORGANIZATION.value)
    query = select(CARDS.c.version).where(own, CARDS.c.id == organization_id)
    return (await connection.execute(query.with_for_update())).scalar() is not None


def searched(id_: str, card: Card) -> str:
    """The text that searches match, in lower case."""
    names = ("name", "login", "extension", "email", "number", "job_title", "text", "lines", "agent_id")
    values = (getattr(card, name, None) for name in names)
    found = (" ".join(value) if isinstance(value, tuple) else str(value) for value in values if value)
    return " ".join((id_, *found)).lower()
