"""Reading and writing an organization's share of a batch: the tables before it, and after it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, and_, delete, insert, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import codec
from contracts.directory import AgentSaved
from contracts.history import MessageRemoved, RecordingRemoved
from contracts.ids import AgentId, Instant, OrganizationId
from contracts.message import Fact, type_name
from services.history import state
from services.history.activities import logins, tables
from services.history.rules import book, naming, rows
from services.history.rules.accepting import Number
from services.history.rules.book import Book
from services.history.rules.projecting import EarlyFact, Removal, Sheet

PARAMETERS_MAX: Final = 500
"""SQLite and PostgreSQL take tens of thousands in a statement; plans are made for a few."""


class Known:
    """What is kept in memory between batches of an organization: its book and the numbers heard."""

    def __init__(self, book: Book, heard: dict[str, Number]) -> None:
        self.book = book
        self.heard = heard


async def organizations(engine: AsyncEngine) -> list[OrganizationId]:
    """Every organization that history has heard of."""
    async with engine.connect() as connection:
        found = await connection.scalars(select(tables.cards.c.organization_id).distinct())
        return sorted(OrganizationId(each) for each in found)


async def load_known(connection: AsyncConnection, organization_id: OrganizationId) -> Known:
    """An organization's book and numbers, from the tables."""
    return Known(await load_book(connection, organization_id), await _load_heard(connection, organization_id))


async def load_book(connection: AsyncConnection, organization_id: OrganizationId) -> Book:
    """An organization's book."""
    return await _load_cards(connection, organization_id, true())


async def load_rights(
    connection: AsyncConnection, organization_id: OrganizationId, agent_id: AgentId | None
) -> Book:
    """The part of the book that says who may what, with one agent's own card."""
    table = tables.cards
    own = and_(table.c.kind == AgentSaved.__name__, table.c.card_id == (agent_id or ""))
    return await _load_cards(connection, organization_id, or_(table.c.kind.in_(book.KINDS_OF_RIGHTS), own))


async def _load_cards(
    connection: AsyncConnection, organization_id: OrganizationId, wanted: ColumnElement[bool]
) -> Book:
    table = tables.cards
    query = select(table.c.document).where(table.c.organization_id == organization_id, wanted)
    found = Book(organization_id)
    for (document,) in await connection.execute(query):
        found.save(book.decoded(document))
    return found


async def _load_heard(connection: AsyncConnection, organization_id: OrganizationId) -> dict[str, Number]:
    table = tables.heard
    query = select(table.c.source, table.c.incarnation, table.c.seq).where(
        table.c.organization_id == organization_id
    )
    return {source: (incarnation, seq) for source, incarnation, seq in await connection.execute(query)}


async def load_sheet(
    connection: AsyncConnection, organization_id: OrganizationId, known: Known, facts: Sequence[Fact]
) -> Sheet:
    """All that these facts may concern."""
    sheet = Sheet(organization_id, known.book, known.heard)
    names = list(dict.fromkeys(name for fact in facts for name in naming.looked_up(fact)))
    for contact in await contacts_named(connection, organization_id, names):
        sheet.know(contact)
    for row in await _chunked(connection, tables.early, tables.early.c.name, organization_id, names):
        decoded = codec.decode(row.type, row.document.encode())
        assert isinstance(decoded, Fact)
        sheet.early[row.name, row.offset] = EarlyFact(
            name=row.name, at=Instant(row.at), offset=row.offset, fact=decoded
        )
    for row in await _chunked(
        connection, tables.removals, tables.removals.c.subject, organization_id, _subjects(facts)
    ):
        sheet.removals[row.key] = Removal(
            key=row.key, subject=row.subject, reason=row.reason, asked_at=Instant(row.asked_at)
        )
    sheet.note_loaded()
    return sheet


def _subjects(facts: Iterable[Fact]) -> list[str]:
    """Whose removal these facts may end."""
    found = []
    for fact in facts:
        if isinstance(fact, MessageRemoved):
            found.append(f"message:{fact.voice_message_id}")
        elif isinstance(fact, RecordingRemoved):
            found.append(f"recording:{fact.recording_id}")
    return found


async def contacts_named(
    connection: AsyncConnection, organization_id: OrganizationId, names: Sequence[str]
) -> list[state.Contact]:
    """The contacts that are known under any of these names."""
    named = tables.contact_names
    found = await _chunked(connection, named, named.c.name, organization_id, names)
    ids = list(dict.fromkeys(str(row.contact_id) for row in found))
    stored = await _chunked(connection, tables.contacts, tables.contacts.c.contact_id, organization_id, ids)
    return [state.decoded(row.document) for row in stored]


async def _chunked(
    connection: AsyncConnection,
    table: Table,
    column: ColumnElement[str],
    organization_id: OrganizationId,
    values: Sequence[str],
) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for first in range(0, len(values), PARAMETERS_MAX):
        query = select(table).where(
            table.c.organization_id == organization_id, column.in_(values[first : first + PARAMETERS_MAX])
        )
        found += (await connection.execute(query)).all()
    return found


async def write_sheet(connection: AsyncConnection, sheet: Sheet, *, now_at: Instant) -> None:
    """What the batch changed; rows that it made anew replace the old ones."""
    organization_id = sheet.organization_id
    await _write_cards(connection, sheet)
    await _write_contacts(connection, sheet)
    await _write_heard(connection, sheet)
    await _write_early(connection, sheet, now_at)
    await _write_removals(connection, sheet)
    await logins.write_ended(connection, organization_id, sheet.ended_logins)
    await _insert(
        connection,
        tables.refusals,
        [
            {
                "organization_id": organization_id,
                "offset": each.offset,
                "at": each.at,
                "by": each.fact.by,
                "action": each.fact.action,
                "what": each.fact.what,
            }
            for each in sheet.refusals
        ],
    )
    await _insert(
        connection,
        tables.agent_changes,
        [
            {
                "organization_id": organization_id,
                "kind": str(each.kind),
                "subject": each.subject,
                "offset": each.offset,
                "at": each.at,
                "type": each.type,
                "document": each.document,
            }
            for each in sheet.agent_changes
        ],
    )


async def _insert(connection: AsyncConnection, table: Table, listed: list[rows.Row]) -> None:
    if listed:
        await connection.execute(insert(table), listed)


async def _write_cards(connection: AsyncConnection, sheet: Sheet) -> None:
    if not sheet.cards:
        return
    table = tables.cards
    keys = list(sheet.cards)
    await connection.execute(
        delete(table).where(
            table.c.organization_id == sheet.organization_id, tuple_(table.c.kind, table.c.card_id).in_(keys)
        )
    )
    made = [
        {
            "organization_id": sheet.organization_id,
            "kind": kind,
            "card_id": card_id,
            "document": book.encoded(card),
        }
        for (kind, card_id), card in sheet.cards.items()
    ]
    await _insert(connection, table, made)


async def _write_contacts(connection: AsyncConnection, sheet: Sheet) -> None:
    ids = list(sheet.changed)
    made: dict[str, list[rows.Row]] = {}
    for id_ in ids:
        for name, listed in rows.rows(sheet.contacts[id_]).items():
            made.setdefault(name, []).extend(listed)
    for name in ("contacts", *rows.CHILDREN):
        table = tables.METADATA.tables[name]
        for first in range(0, len(ids), PARAMETERS_MAX):
            chunk = ids[first : first + PARAMETERS_MAX]
            await connection.execute(
                delete(table).where(
                    table.c.organization_id == sheet.organization_id, table.c.contact_id.in_(chunk)
                )
            )
        await _insert(connection, table, made.get(name, []))


async def _write_heard(connection: AsyncConnection, sheet: Sheet) -> None:
    table = tables.heard
    await connection.execute(delete(table).where(table.c.organization_id == sheet.organization_id))
    made = [
        {
            "organization_id": sheet.organization_id,
            "source": source,
            "incarnation": incarnation,
            "seq": seq,
        }
        for source, (incarnation, seq) in sorted(sheet.heard.items())
    ]
    await _insert(connection, table, made)


async def _write_early(connection: AsyncConnection, sheet: Sheet, now_at: Instant) -> None:
    table = tables.early
    mine = table.c.organization_id == sheet.organization_id
    for name, offset in sheet.early_loaded - sheet.early.keys():
        await connection.execute(delete(table).where(mine, table.c.name == name, table.c.offset == offset))
    await connection.execute(delete(table).where(mine, table.c.at < now_at - naming.EARLY_MS_MAX))
    made = [
        {
            "organization_id": sheet.organization_id,
            "name": each.name,
            "offset": each.offset,
            "at": each.at,
            "type": type_name(each.fact),
            "document": codec.encode(each.fact).decode(),
        }
        for key, each in sheet.early.items()
        if key not in sheet.early_loaded and each.at >= now_at - naming.EARLY_MS_MAX
    ]
    await _insert(connection, table, made)


async def _write_removals(connection: AsyncConnection, sheet: Sheet) -> None:
    table = tables.removals
    touched = sorted(sheet.removals.keys() | sheet.removals_loaded)
    if touched:
        await connection.execute(
            delete(table).where(table.c.organization_id == sheet.organization_id, table.c.key.in_(touched))
        )
    made = [
        {
            "organization_id": sheet.organization_id,
            "key": each.key,
            "subject": each.subject,
            "reason": each.reason,
            "asked_at": each.asked_at,
        }
        for each in sheet.removals.values()
    ]
    await _insert(connection, table, made)
