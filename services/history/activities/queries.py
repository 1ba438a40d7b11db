"""Reads the tables; every query has the principal's rights in its `where` (P6, `visibility`).

A page is found in two steps: keys from an index, newest first, then the documents of those few.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Select, Table, and_, exists, literal, or_, select, true, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.ids import AgentId, DepartmentId, Instant, OrganizationId, PbxId
from contracts.rights import Action, Reach
from services.history import state
from services.history.activities import tables, visibility
from services.history.activities.authentication import Principal
from services.history.rules import contact_names, number_masking
from services.history.rules.outcome import Outcome
from services.history.state import Contact, ContactId, Direction

PAGE_MAX: Final = 200
STREAM_PAGE: Final = 500
SAME_NUMBER_MAX: Final = 20


class Filters(Struct, frozen=True, kw_only=True):
    """The filters (H5); None or empty filters nothing. Instants in ms, without `until_at` itself."""

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
    """The key of a page's last contact; the next page is older."""

    started_at: Instant
    contact_id: ContactId


def _within(filters: Filters, after: Key | None, table: Table) -> ColumnElement[bool]:
    """The condition for the period, and for what is older than the last page."""
    wanted: list[ColumnElement[bool]] = [true()]
    if filters.since_at is not None:
        wanted.append(table.c.started_at >= filters.since_at)
    if filters.until_at is not None:
        wanted.append(table.c.started_at < filters.until_at)
    if after is not None:
        # The first condition is redundant: it lets the database enter the index where the page begins.
        wanted.append(table.c.started_at <= after.started_at)
        wanted.append(
            or_(
                table.c.started_at < after.started_at,
                and_(table.c.started_at == after.started_at, table.c.contact_id < after.contact_id),
            )
        )
    return and_(*wanted)


def _filtered(organization_id: OrganizationId, filters: Filters) -> ColumnElement[bool]:
    """The condition for all other filters."""
    table = tables.contacts
    wanted: list[ColumnElement[bool]] = [true()]
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
                exists()
                .where(
                    listed.c.organization_id == literal(str(organization_id)),
                    listed.c.contact_id == table.c.contact_id,
                    column.in_([str(each) for each in ids]),
                )
                # The page may be read from this same table.
                .correlate(table)
            )
    if filters.is_voicemail is not None:
        wanted.append(table.c.is_voicemail.is_(filters.is_voicemail))
    return and_(*wanted)


def _number_names(number: str) -> tuple[str, ...]:
    return (contact_names.number_name(number),) if number else ()


class Listed(Struct, frozen=True):
    """The contacts of one department or employee, newest first, in the order of a table's key."""

    table: Table
    whose: ColumnElement[str]
    id: str


def keys_query(
    principal: Principal, actions: Sequence[Action], filters: Filters, *, after: Key | None, limit: int
) -> Select[int, str]:
    """The keys of a page. For the whole organization one index holds all of them.

    Otherwise the page is merged from the newest of each department and employee in question, so that someone
    with few calls among very many reads few.
    """
    lists, rest = _lists(principal, actions, filters)
    if lists is None:
        table = tables.contacts
        wanted = (
            *(visibility.contacts(principal, action, table) for action in actions),
            _within(filters, after, table),
        )
        whole = select(table.c.started_at, table.c.contact_id).where(
            *wanted, _filtered(principal.organization_id, rest)
        )
        return whole.order_by(table.c.started_at.desc(), table.c.contact_id.desc()).limit(limit)
    newest = [_newest(principal, each, rest, after, limit).subquery() for each in lists]
    found = union(*(select(each.c.started_at, each.c.contact_id) for each in newest)).subquery()
    return (
        select(found.c.started_at, found.c.contact_id)
        .order_by(found.c.started_at.desc(), found.c.contact_id.desc())
        .limit(limit)
    )


def _lists(
    principal: Principal, actions: Sequence[Action], filters: Filters
) -> tuple[list[Listed] | None, Filters]:
    """The lists that together hold what rights reach, and the remaining filters.

    Of several rights the narrowest counts: own calls are within own departments', which are within the
    organization's. None: read the organization's index, where without a right the condition matches nothing.
    """
    reaches = {principal.reach(action) for action in actions}
    own = [] if principal.agent_id is None else [_of_agent(principal.agent_id)]
    if None in reaches:
        return None, filters
    if Reach.OWN in reaches:
        return own, filters
    if Reach.DEPARTMENTS in reaches:
        return [*(_of_department(each) for each in principal.departments), *own], filters
    if filters.departments:
        listed = [_of_department(each) for each in filters.departments]
        return listed, structs.replace(filters, departments=())
    if filters.employees:
        return [_of_agent(each) for each in filters.employees], structs.replace(filters, employees=())
    return None, filters


def _of_department(department_id: str) -> Listed:
    table = tables.contact_departments
    return Listed(table, table.c.department_id, department_id)


def _of_agent(agent_id: str) -> Listed:
    table = tables.contact_agents
    return Listed(table, table.c.agent_id, agent_id)


def _newest(
    principal: Principal, listed: Listed, filters: Filters, after: Key | None, limit: int
) -> Select[int, str]:
    """The keys of a list's newest contacts that match the filters."""
    contacts, table = tables.contacts, listed.table
    same = and_(
        contacts.c.organization_id == table.c.organization_id, contacts.c.contact_id == table.c.contact_id
    )
    query = (
        select(table.c.started_at, table.c.contact_id)
        .join_from(table, contacts, same)
        .where(
            table.c.organization_id == principal.organization_id,
            listed.whose == listed.id,
            _within(filters, after, table),
            _filtered(principal.organization_id, filters),
        )
    )
    if principal.reach(Action.HISTORY_READ_INTERNAL) is None:
        query = query.where(contacts.c.is_internal.is_(False))
    return query.order_by(table.c.started_at.desc(), table.c.contact_id.desc()).limit(limit)


async def page(
    connection: AsyncConnection,
    principal: Principal,
    filters: Filters,
    *,
    actions: Sequence[Action] = (Action.HISTORY_READ,),
    after: Key | None,
    limit: int,
) -> tuple[list[Contact], Key | None]:
    """A page of contacts, newest first, and the key after which the next one begins."""
    query = keys_query(principal, actions, filters, after=after, limit=limit + 1)
    keys = [
        Key(started_at=Instant(started_at), contact_id=ContactId(contact_id))
        for started_at, contact_id in await connection.execute(query)
    ]
    shown = keys[:limit]
    table = tables.contacts
    stored = await connection.execute(
        select(table.c.contact_id, table.c.document).where(
            table.c.organization_id == principal.organization_id,
            table.c.contact_id.in_([key.contact_id for key in shown]),
        )
    )
    documents = {row.contact_id: row.document for row in stored}
    found = [
        for_principal(principal, documents[key.contact_id]) for key in shown if key.contact_id in documents
    ]
    return found, shown[-1] if len(keys) > limit else None


async def stream(
    engine: AsyncEngine,
    allowed: Callable[[], Awaitable[Principal]],
    filters: Filters,
    *,
    actions: Sequence[Action],
) -> AsyncIterator[Contact]:
    """Every contact that matches, newest first, page by page: a year of calls is never in memory.

    `allowed` says before each page who reads it, with the rights of that moment, or raises.
    """
    after: Key | None = None
    while True:
        principal = await allowed()
        async with engine.connect() as connection:
            found, after = await page(
                connection, principal, filters, actions=actions, after=after, limit=STREAM_PAGE
            )
        for contact in found:
            yield contact
        if after is None:
            return


def for_principal(principal: Principal, document: str) -> Contact:
    """A stored contact as the principal may see it: with customers' numbers masked, or whole."""
    found = state.decoded(document)
    return found if principal.sees_numbers else number_masking.with_masked_numbers(found)


async def documents(
    connection: AsyncConnection, principal: Principal, ids: Sequence[str]
) -> dict[str, Contact]:
    """These contacts by id, as the principal may see them; rights are asked of their rows before."""
    table = tables.contacts
    query = select(table.c.contact_id, table.c.document).where(
        table.c.organization_id == principal.organization_id, table.c.contact_id.in_(ids)
    )
    rows = await connection.execute(query)
    return {row.contact_id: for_principal(principal, row.document) for row in rows}


async def contact(
    connection: AsyncConnection, principal: Principal, action: Action, contact_id: str
) -> tuple[Contact | None, bool]:
    """A contact that the right reaches, or None; and whether the organization has it."""
    table = tables.contacts
    mine = (table.c.organization_id == principal.organization_id, table.c.contact_id == contact_id)
    document = await connection.scalar(
        select(table.c.document).where(*mine, visibility.contacts(principal, action, table))
    )
    if document is not None:
        return for_principal(principal, document), True
    return None, await connection.scalar(select(table.c.contact_id).where(*mine)) is not None


async def same_number(
    connection: AsyncConnection, principal: Principal, found: Contact, *, around_ms: int
) -> list[Contact]:
    """Other contacts of the same customer around that time, newest first, as far as rights reach (EC-30)."""
    near: dict[ContactId, Contact] = {}
    for number in await numbers_of(connection, found):
        filters = Filters(
            number=number,
            since_at=Instant(found.started_at - around_ms),
            until_at=Instant(found.started_at + around_ms),
        )
        others, _ = await page(connection, principal, filters, after=None, limit=SAME_NUMBER_MAX)
        near |= {each.contact_id: each for each in others if each.contact_id != found.contact_id}
    return list(near.values())


async def numbers_of(connection: AsyncConnection, found: Contact) -> list[str]:
    """The customer's numbers as history keeps them: on the contact that is shown they may be masked."""
    table = tables.contact_names
    mine = (table.c.organization_id == found.organization_id, table.c.contact_id == found.contact_id)
    prefix = contact_names.number_name("")
    names = await connection.scalars(
        select(table.c.name).where(*mine, table.c.name.startswith(prefix)).order_by(table.c.name)
    )
    return [name.removeprefix(prefix) for name in names]


async def contact_id_of(
    connection: AsyncConnection, organization_id: OrganizationId, name: str
) -> ContactId | None:
    """The contact that has a name."""
    table = tables.contact_names
    found = await connection.scalar(
        select(table.c.contact_id).where(table.c.organization_id == organization_id, table.c.name == name)
    )
    return None if found is None else ContactId(found)
