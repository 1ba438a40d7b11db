"""Reads the audit trail, in words, for one reader."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Language
from contracts.ids import Instant
from services.directory.activities.database import Database
from services.directory.activities.stored_cards import readable
from services.directory.activities.tables import AUDIT, CARDS
from services.directory.rules import audit_changes, audit_words
from services.directory.rules.audit_changes import Reader
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import OrganizationCard
from services.directory.state.office import Kind
from services.directory.state.responses import AuditChange, AuditLine, AuditListed

ACTORS: Final = {Kind.EMPLOYEE: "agent", Kind.TOKEN: "token"}
_NAMED: Final = (
    Kind.EMPLOYEE,
    Kind.TOKEN,
    Kind.DEPARTMENT,
    Kind.PBX,
    Kind.EXTENSION,
    Kind.NOTICE,
    Kind.SCENARIO,
    Kind.ORGANIZATION,
)


class AuditFilters(Struct, frozen=True, kw_only=True):
    """Which lines: of a kind of card or event, of an actor, and a span of time; empty: all."""

    kind: str = ""
    who: str = ""
    since_at: Instant | None = None
    until_at: Instant | None = None


class AuditReading:
    """The trail of one organization at a time, newest first; the caller has checked the rights."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(
        self,
        organization_id: str,
        filters: AuditFilters,
        language: Language | None,
        *,
        sees_numbers: bool,
        cursor: str = "",
        limit: int = 50,
    ) -> AuditListed:
        """A page of the trail; without a language in that of the organization."""
        query = select(AUDIT).where(AUDIT.c.organization_id == organization_id)
        if filters.kind:
            query = query.where(or_(AUDIT.c.kind == filters.kind, AUDIT.c.what == filters.kind))
        if filters.who:
            query = query.where(AUDIT.c.who == filters.who)
        if filters.since_at is not None:
            query = query.where(AUDIT.c.at >= filters.since_at)
        if filters.until_at is not None:
            query = query.where(AUDIT.c.at < filters.until_at)
        if cursor and not (cursor.isascii() and cursor.isdecimal()):
            raise RequestRefused(Problem(code=Code.CURSOR_UNKNOWN, field="cursor"))
        if cursor:
            query = query.where(AUDIT.c.number < int(cursor[:18]))
        async with self._database.begin() as connection:
            ordered = query.order_by(AUDIT.c.number.desc()).limit(limit + 1)
            found = (await connection.execute(ordered)).all()
            names, own = await _names(connection, organization_id)
        reader = Reader(language=language or own, sees_numbers=sees_numbers, names=names)
        lines = tuple(_line(row, reader) for row in found[:limit])
        return AuditListed(lines=lines, next=str(lines[-1].number) if len(found) > limit else None)


async def _names(connection: AsyncConnection, organization_id: str) -> tuple[dict[str, str], Language]:
    """What cards are called, by id and by the actor's name; removed ones included. And the own language."""
    query = select(CARDS).where(
        CARDS.c.organization_id == organization_id, CARDS.c.kind.in_([kind.value for kind in _NAMED])
    )
    names: dict[str, str] = {}
    language = Language.RUSSIAN
    for row in readable((await connection.execute(query)).all()):
        name = getattr(row.card, "name", None)
        if name:
            names.setdefault(row.id, name)
        if name and row.kind in ACTORS:
            names[f"{ACTORS[row.kind]}/{row.id}"] = name
        if isinstance(row.card, OrganizationCard):
            language = row.card.language
    return names, language


def _line(row: Row[Any], reader: Reader) -> AuditLine:
    details = {}
    if row.details.startswith("{"):
        found = msgspec.json.decode(row.details, type=dict[str, Any])
        details = {name: reader.said(name, value) for name, value in found.items()}
    changes = tuple(
        AuditChange(
            field=audit_words.field(each.name, reader.language),
            before=reader.said(each.name, each.before),
            after=reader.said(each.name, each.after),
        )
        for each in audit_changes.decoded(row.details)
    )
    return AuditLine(
        number=row.number,
        at=row.at,
        who=row.who,
        what=row.what,
        kind=row.kind,
        id=row.id if reader.sees_numbers else audit_changes.masked_numbers(row.id),
        version=row.version,
        before=row.before,
        after=row.after,
        fields=tuple(row.fields.split()),
        by=audit_words.actor(row.who, reader.names, reader.language),
        said=audit_words.done(row.what, reader.language),
        about=reader.said("id", reader.names.get(row.id, row.id)),
        outcome=row.outcome,
        changes=changes,
        details=details,
    )
