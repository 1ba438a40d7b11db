"""Loads what a batch of an organization's facts may concern, and writes what it changed."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    String,
    Table,
    and_,
    any_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import codec
from contracts.directory import AgentSaved, OrganizationSaved
from contracts.history import MessageRemoved, MessageRestored, RecordingRemoved
from contracts.ids import AgentId, Instant, OrganizationId
from contracts.message import Fact, type_name
from services.history import state
from services.history.activities import contact_rows, figure_cells, live_rows, logins, tables, upserts
from services.history.activities.contact_rows import PARAMETERS_MAX
from services.history.rules import card_cache, contact_names, table_rows
from services.history.rules.card_cache import CardCache
from services.history.rules.deduplication import Number
from services.history.rules.figure_cells import CellKey
from services.history.rules.kept_contacts import KeptContact, KeptContacts
from services.history.rules.projection_batch import (
    EarlyFact,
    EarlyKey,
    ProjectionBatch,
    Removal,
    read_contact,
)
from services.history.state import ContactId


class OrganizationCache(Struct, kw_only=True):
    """What stays in memory between an organization's batches, as the tables have it."""

    cards: CardCache
    heard: dict[str, Number]
    heard_written: dict[str, Number]
    early: dict[EarlyKey, EarlyFact]
    live: live_rows.Written
    cells: dict[CellKey, int]


async def organizations(engine: AsyncEngine) -> list[OrganizationId]:
    """Every organization with a card."""
    async with engine.connect() as connection:
        found = await connection.scalars(select(tables.cards.c.organization_id).distinct())
        return sorted(OrganizationId(each) for each in found)


async def load_cache(connection: AsyncConnection, organization_id: OrganizationId) -> OrganizationCache:
    """What the tables have of an organization; its figures count all rows afterwards."""
    heard = await _load_heard(connection, organization_id)
    await figure_cells.ensure(connection, organization_id, heard)
    return OrganizationCache(
        cards=await load_cards(connection, organization_id),
        heard=heard,
        heard_written=dict(heard),
        early=await _load_early(connection, organization_id),
        live=live_rows.Written(version=await live_rows.version(connection, organization_id)),
        cells={},
    )


async def load_cards(connection: AsyncConnection, organization_id: OrganizationId) -> CardCache:
    """All cards of an organization."""
    return await _read_cards(connection, organization_id, true())


async def load_organization(
    connection: AsyncConnection, organization_id: OrganizationId
) -> OrganizationSaved | None:
    """The organization's own card."""
    its = tables.cards.c.kind == OrganizationSaved.__name__
    return (await _read_cards(connection, organization_id, its)).organization


async def load_rights_cards(
    connection: AsyncConnection, organization_id: OrganizationId, agent_id: AgentId | None
) -> CardCache:
    """The cards that say who may do what, with one agent's own card."""
    table = tables.cards
    own = and_(table.c.kind == AgentSaved.__name__, table.c.card_id == (agent_id or ""))
    return await _read_cards(
        connection, organization_id, or_(table.c.kind.in_(card_cache.KINDS_OF_RIGHTS), own)
    )


async def _read_cards(
    connection: AsyncConnection, organization_id: OrganizationId, wanted: ColumnElement[bool]
) -> CardCache:
    table = tables.cards
    query = select(table.c.document).where(table.c.organization_id == organization_id, wanted)
    found = CardCache(organization_id)
    for (document,) in await connection.execute(query):
        found.save(card_cache.decoded(document))
    return found


async def _load_heard(connection: AsyncConnection, organization_id: OrganizationId) -> dict[str, Number]:
    table = tables.heard
    query = select(table.c.source, table.c.incarnation, table.c.seq).where(
        table.c.organization_id == organization_id
    )
    return {source: (incarnation, seq) for source, incarnation, seq in await connection.execute(query)}


async def _load_early(
    connection: AsyncConnection, organization_id: OrganizationId
) -> dict[EarlyKey, EarlyFact]:
    """The facts that wait for their contact: those of an hour, and few."""
    found = {}
    table = tables.early
    for row in await connection.execute(select(table).where(table.c.organization_id == organization_id)):
        decoded = codec.decode(row.type, row.document.encode())
        assert isinstance(decoded, Fact)
        found[row.name, row.offset] = EarlyFact(
            name=row.name, at=Instant(row.at), offset=row.offset, fact=decoded
        )
    return found


async def load_batch(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    cache: OrganizationCache,
    kept: KeptContacts,
    facts: Sequence[Fact],
) -> ProjectionBatch:
    """Load all that these facts may concern and that is not in memory."""
    batch = ProjectionBatch(organization_id, cache.cards, cache.heard)
    names = dict.fromkeys(name for fact in facts for name in contact_names.names_to_look_up(fact))
    await _load_contacts(connection, batch, kept, names)
    if cache.early:
        batch.early = {key: each for key, each in cache.early.items() if key[0] in names}
    for row in await _chunked(connection, tables.removals, "subject", organization_id, _subjects(facts)):
        batch.removals[row.key] = Removal(
            key=row.key, subject=row.subject, reason=row.reason, asked_at=Instant(row.asked_at)
        )
    batch.note_loaded()
    return batch


async def _load_contacts(
    connection: AsyncConnection, batch: ProjectionBatch, kept: KeptContacts, names: Iterable[str]
) -> None:
    organization_id = batch.organization_id
    ids: dict[ContactId, None] = {}
    for name in names:
        known = kept.named(organization_id, name)
        if known is None:
            batch.looked_up.append(name)
        else:
            ids.update(dict.fromkeys(sorted(known)))
    ids.update(dict.fromkeys(await _ids_named(connection, organization_id, batch.looked_up)))
    missing = []
    for contact_id in ids:
        found = kept.contact(organization_id, contact_id)
        if found is None:
            missing.append(contact_id)
        else:
            batch.know(found)
    for contact in await _contacts(connection, organization_id, missing):
        batch.know(read_contact(contact))


def _subjects(facts: Iterable[Fact]) -> list[str]:
    """The subjects whose removals these facts may end."""
    found = []
    for fact in facts:
        if isinstance(fact, MessageRemoved | MessageRestored):
            found.append(f"message:{fact.voice_message_id}")
        elif isinstance(fact, RecordingRemoved):
            found.append(f"recording:{fact.recording_id}")
    return found


async def contacts_named(
    connection: AsyncConnection, organization_id: OrganizationId, names: Sequence[str]
) -> list[state.Contact]:
    """The contacts that have any of these names."""
    ids = await _ids_named(connection, organization_id, names)
    return await _contacts(connection, organization_id, ids)


async def _ids_named(
    connection: AsyncConnection, organization_id: OrganizationId, names: Sequence[str]
) -> list[ContactId]:
    found = await _chunked(connection, tables.contact_names, "name", organization_id, names)
    return list(dict.fromkeys(ContactId(row.contact_id) for row in found))


async def _contacts(
    connection: AsyncConnection, organization_id: OrganizationId, ids: Sequence[ContactId]
) -> list[state.Contact]:
    stored = await _chunked(connection, tables.contacts, "contact_id", organization_id, ids)
    return [state.decoded(row.document) for row in stored]


async def _chunked(
    connection: AsyncConnection,
    table: Table,
    column: str,
    organization_id: OrganizationId,
    values: Sequence[str],
) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    query = _any_of(table, column, connection.dialect.name)
    for first in range(0, len(values), PARAMETERS_MAX):
        chunk = list(values[first : first + PARAMETERS_MAX])
        found += await connection.execute(query, {"organization_id": organization_id, "values": chunk})
    return found


@functools.cache
def _any_of(table: Table, column: str, dialect: str) -> Select[Any]:
    """PostgreSQL takes a list as one parameter: one prepared statement for lists of any length."""
    if dialect == "postgresql":
        wanted = table.c[column] == any_(bindparam("values", type_=ARRAY(String)))
    else:
        wanted = table.c[column].in_(bindparam("values", expanding=True))
    return select(table).where(table.c.organization_id == bindparam("organization_id"), wanted)


async def write_batch(
    connection: AsyncConnection,
    batch: ProjectionBatch,
    cache: OrganizationCache,
    kept: KeptContacts,
    *,
    now_at: Instant,
) -> bool:
    """Write what the batch changed, and note in `cache` and `kept` what the tables have then.

    Returns whether anything changed of the present.
    """
    organization_id = batch.organization_id
    await _write_cards(connection, batch)
    await _write_contacts(connection, batch, cache, kept)
    await _write_heard(connection, batch, cache)
    await _write_early(connection, batch, cache, now_at)
    await _write_removals(connection, batch)
    await logins.write_ended(connection, organization_id, batch.ended_logins)
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
            for each in batch.refusals
        ],
    )
    await _write_erasures(connection, batch)
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
            for each in batch.agent_changes
        ],
    )
    return await live_rows.write(connection, organization_id, batch.live, cache.live, now_at=now_at)


async def _write_erasures(connection: AsyncConnection, batch: ProjectionBatch) -> None:
    """The first of equal facts counts: an answer that comes again found nothing to erase any more."""
    for table, found in ((tables.erasures, batch.erasures), (tables.erasure_answers, batch.erasure_answers)):
        for each in found:
            values = {"organization_id": batch.organization_id, **msgspec.structs.asdict(each)}
            keys = [column.name for column in table.primary_key]
            where = and_(*(table.c[name] == values[name] for name in keys))
            if (await connection.execute(select(table).where(where))).first() is None:
                await connection.execute(insert(table).values(**values))


async def _insert(connection: AsyncConnection, table: Table, listed: list[table_rows.TableRow]) -> None:
    if listed:
        await connection.execute(insert(table), listed)


async def _write_cards(connection: AsyncConnection, batch: ProjectionBatch) -> None:
    if not batch.changed_cards:
        return
    table = tables.cards
    keys = list(batch.changed_cards)
    await connection.execute(
        delete(table).where(
            table.c.organization_id == batch.organization_id, tuple_(table.c.kind, table.c.card_id).in_(keys)
        )
    )
    made = [
        {
            "organization_id": batch.organization_id,
            "kind": kind,
            "card_id": card_id,
            "document": card_cache.encoded(card),
        }
        for (kind, card_id), card in batch.changed_cards.items()
    ]
    await _insert(connection, table, made)


async def _write_contacts(
    connection: AsyncConnection, batch: ProjectionBatch, cache: OrganizationCache, kept: KeptContacts
) -> None:
    changed = {}
    for id_ in batch.changed_contacts:
        known = batch.known.get(id_)
        changed[id_] = (batch.contacts[id_], contact_rows.NONE if known is None else known.rows)
    written = await contact_rows.write(connection, batch.organization_id, changed, cache.cells)
    for id_, rows in written.items():
        batch.known[id_] = KeptContact(
            contact=batch.contacts[id_],
            names=[row["name"] for row in rows["contact_names"]],
            live=batch.live.shown(id_),
            rows=rows,
        )
    kept.keep(batch.organization_id, batch.looked_up, batch.known.values())


async def _write_heard(connection: AsyncConnection, batch: ProjectionBatch, cache: OrganizationCache) -> None:
    written = cache.heard_written
    changed = {
        source: number for source, number in sorted(batch.heard.items()) if written.get(source) != number
    }
    if not changed:
        return
    made = [
        {
            "organization_id": batch.organization_id,
            "source": source,
            "incarnation": incarnation,
            "seq": seq,
        }
        for source, (incarnation, seq) in changed.items()
    ]
    await upserts.put(connection, tables.heard, made)
    written.update(changed)
    await figure_cells.mark(connection, batch.organization_id, written)


async def _write_early(
    connection: AsyncConnection, batch: ProjectionBatch, cache: OrganizationCache, now_at: Instant
) -> None:
    table = tables.early
    mine = table.c.organization_id == batch.organization_id
    oldest_at = now_at - contact_names.EARLY_MS_MAX
    for name, offset in batch.early_loaded - batch.early.keys():
        await connection.execute(delete(table).where(mine, table.c.name == name, table.c.offset == offset))
        del cache.early[name, offset]
    if any(each.at < oldest_at for each in cache.early.values()):
        await connection.execute(delete(table).where(mine, table.c.at < oldest_at))
        cache.early = {key: each for key, each in cache.early.items() if each.at >= oldest_at}
    new = {
        key: each
        for key, each in batch.early.items()
        if key not in batch.early_loaded and each.at >= oldest_at
    }
    made = [
        {
            "organization_id": batch.organization_id,
            "name": each.name,
            "offset": each.offset,
            "at": each.at,
            "type": type_name(each.fact),
            "document": codec.encode(each.fact).decode(),
        }
        for each in new.values()
    ]
    await _insert(connection, table, made)
    cache.early.update(new)


async def _write_removals(connection: AsyncConnection, batch: ProjectionBatch) -> None:
    table = tables.removals
    touched = sorted(batch.removals.keys() | batch.removals_loaded)
    if touched:
        await connection.execute(
            delete(table).where(table.c.organization_id == batch.organization_id, table.c.key.in_(touched))
        )
    made = [
        {
            "organization_id": batch.organization_id,
            "key": each.key,
            "subject": each.subject,
            "reason": each.reason,
            "asked_at": each.asked_at,
        }
        for each in batch.removals.values()
    ]
    await _insert(connection, table, made)
