"""Reading the tables: what rights let be seen stands in the `where` of every query (P6).

A page is found in two steps: keys from an index, newest first, then the documents of those few.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, Table, and_, exists, false, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.ids import AgentId, DepartmentId, Instant, OrganizationId, PbxId
from contracts.rights import Action, Reach
from services.history import state
from services.history.activities import tables
from services.history.activities.asking import Asker
from services.history.rules import naming
from services.history.rules.rows import NOT_LEFT
from services.history.rules.showing import Outcome
from services.history.state import Contact, ContactId, Direction

PAGE_MAX: Final = 200
STREAM_PAGE: Final = 500
SAME_NUMBER_MAX: Final = 20


class Filters(Struct, frozen=True, kw_only=True):
    """What is wanted (H5); None and empty: whatever it is. Instants in ms, `until_at` not included."""

    since_at: Instant | None = None
    until_at: Instant | None = None
    departments: tuple[DepartmentId, ...] = ()
    employees: tuple[AgentId, ...] = ()
    pbxs: tuple[PbxId, ...] = ()
    directions: tuple[Direction, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    number: str = ""
    is_voicemail: bool | None = None


class Key(Struct, frozen=True, kw_only=True):
    """Where a page ends: the following ones are older."""

    started_at: Instant
    contact_id: ContactId


def scope(asker: Asker, action: Action, table: Table) -> ColumnElement[bool]:
    """The contacts that a right reaches, as a condition on a table with a contact's key."""
    organization = table.c.organization_id == asker.organization_id
    allowed = [organization]
    if asker.reach(Action.HISTORY_READ_INTERNAL) is None:
        allowed.append(table.c.is_internal.is_(False))
    match asker.reach(action):
        case Reach.ORGANIZATION:
            pass
        case Reach.DEPARTMENTS:
            allowed.append(or_(_of_departments(asker, table), _own(asker, table)))
        case Reach.OWN:
            allowed.append(_own(asker, table))
        case _:
            allowed.append(false())
    return and_(*allowed)


def _of_departments(asker: Asker, table: Table) -> ColumnElement[bool]:
    person = asker.person
    assert person is not None
    listed = tables.contact_departments
    return exists().where(
        listed.c.organization_id == table.c.organization_id,
        listed.c.contact_id == table.c.contact_id,
        listed.c.department_id.in_(sorted(person.departments)),
    )


def _own(asker: Asker, table: Table) -> ColumnElement[bool]:
    listed = tables.contact_agents
    return exists().where(
        listed.c.organization_id == table.c.organization_id,
        listed.c.contact_id == table.c.contact_id,
        listed.c.agent_id == asker.agent_id,
    )


def was_left() -> ColumnElement[bool]:
    """Voice messages that somebody did leave: a recording too short to be one is kept, and shown nowhere."""
    return tables.messages.c.state.not_in([str(each) for each in NOT_LEFT])


def message_scope(asker: Asker, action: Action) -> ColumnElement[bool]:
    """The voice messages that a right reaches: the department's whose machine it was, or one's own."""
    table = tables.messages
    allowed = [table.c.organization_id == asker.organization_id, was_left()]
    if asker.reach(Action.HISTORY_READ_INTERNAL) is None:
        allowed.append(table.c.is_internal.is_(False))
    own = table.c.agent_id == asker.agent_id
    match asker.reach(action):
        case Reach.ORGANIZATION:
            pass
        case Reach.DEPARTMENTS:
            assert asker.person is not None
            allowed.append(or_(table.c.department_id.in_(sorted(asker.person.departments)), own))
        case Reach.OWN:
            allowed.append(own)
        case _:
            allowed.append(false())
    return and_(*allowed)


def _filtered(organization_id: OrganizationId, filters: Filters) -> ColumnElement[bool]:
    table = tables.contacts
    wanted: list[ColumnElement[bool]] = [true()]
    if filters.since_at is not None:
        wanted.append(table.c.started_at >= filters.since_at)
    if filters.until_at is not None:
        wanted.append(table.c.started_at < filters.until_at)
    for column, values in (
        (table.c.pbx_id, filters.pbxs),
        (table.c.direction, filters.directions),
        (table.c.outcome, filters.outcomes),
    ):
        if values:
            wanted.append(column.in_([str(each) for each in values]))
    for listed, column, ids in (
        (tables.contact_departments, tables.contact_departments.c.department_id, filters.departments),
        (tables.contact_agents, tables.contact_agents.c.agent_id, filters.employees),
        (tables.contact_names, tables.contact_names.c.name, _number_names(filters.number)),
    ):
        if ids:
            wanted.append(
                exists().where(
                    listed.c.organization_id == literal(str(organization_id)),
                    listed.c.contact_id == table.c.contact_id,
                    column.in_([str(each) for each in ids]),
                )
            )
    if filters.is_voicemail is not None:
        wanted.append(table.c.is_voicemail.is_(filters.is_voicemail))
    return and_(*wanted)


def _number_names(number: str) -> tuple[str, ...]:
    return (naming.number_name(number),) if number else ()


def keys_query(
    asker: Asker, actions: Sequence[Action], filters: Filters, *, after: Key | None, limit: int
) -> Select[int, str]:
    """The keys of a page: an index holds all of it where the right reaches the whole organization."""
    table = tables.contacts
    query = select(table.c.started_at, table.c.contact_id).where(
        *(scope(asker, action, table) for action in actions), _filtered(asker.organization_id, filters)
    )
    if after is not None:
        query = query.where(
            or_(
                table.c.started_at < after.started_at,
                and_(table.c.started_at == after.started_at, table.c.contact_id < after.contact_id),
            )
        )
    return query.order_by(table.c.started_at.desc(), table.c.contact_id.desc()).limit(limit)


async def page(
    connection: AsyncConnection,
    asker: Asker,
    filters: Filters,
    *,
    actions: Sequence[Action] = (Action.HISTORY_READ,),
    after: Key | None,
    limit: int,
) -> tuple[list[Contact], Key | None]:
    """A page of contacts, newest first, and the key after which the next one begins."""
    query = keys_query(asker, actions, filters, after=after, limit=limit + 1)
    keys = [
        Key(started_at=Instant(started_at), contact_id=ContactId(contact_id))
        for started_at, contact_id in await connection.execute(query)
    ]
    shown = keys[:limit]
    table = tables.contacts
    stored = await connection.execute(
        select(table.c.contact_id, table.c.document).where(
            table.c.organization_id == asker.organization_id,
            table.c.contact_id.in_([key.contact_id for key in shown]),
        )
    )
    documents = {row.contact_id: row.document for row in stored}
    found = [state.decoded(documents[key.contact_id]) for key in shown if key.contact_id in documents]
    return found, shown[-1] if len(keys) > limit else None


async def stream(
    engine: AsyncEngine, asker: Asker, filters: Filters, *, actions: Sequence[Action]
) -> AsyncIterator[Contact]:
    """Every contact that is wanted, newest first, page by page: a year of calls never is in memory."""
    after: Key | None = None
    while True:
        async with engine.connect() as connection:
            found, after = await page(
                connection, asker, filters, actions=actions, after=after, limit=STREAM_PAGE
            )
        for contact in found:
            yield contact
        if after is None:
            return


async def contact(
    connection: AsyncConnection, asker: Asker, action: Action, contact_id: str
) -> tuple[Contact | None, bool]:
    """A contact that the right reaches, or None; and whether the organization has it at all."""
    table = tables.contacts
    mine = (table.c.organization_id == asker.organization_id, table.c.contact_id == contact_id)
    document = await connection.scalar(select(table.c.document).where(*mine, scope(asker, action, table)))
    if document is not None:
        return state.decoded(document), True
    return None, await connection.scalar(select(table.c.contact_id).where(*mine)) is not None


async def same_number(
    connection: AsyncConnection, asker: Asker, found: Contact, *, around_ms: int
) -> list[Contact]:
    """Other contacts of the same customer about that time, newest first, as far as rights reach (E-30)."""
    near: dict[ContactId, Contact] = {}
    for number in naming.numbers_of(found):
        filters = Filters(
            number=number,
            since_at=Instant(found.started_at - around_ms),
            until_at=Instant(found.started_at + around_ms),
        )
        others, _ = await page(connection, asker, filters, after=None, limit=SAME_NUMBER_MAX)
        near |= {each.contact_id: each for each in others if each.contact_id != found.contact_id}
    return list(near.values())


async def contact_id_of(
    connection: AsyncConnection, organization_id: OrganizationId, name: str
) -> ContactId | None:
    """The contact that is known under a name."""
    table = tables.contact_names
    found = await connection.scalar(
        select(table.c.contact_id).where(table.c.organization_id == organization_id, table.c.name == name)
    )
    return None if found is None else ContactId(found)
