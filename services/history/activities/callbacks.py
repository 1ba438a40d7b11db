"""Reads callbacks, standing and ended, with the principal's rights in every `where` (P6).

Whoever may see a contact sees its callbacks. A page is merged from the newest of each list in question
(`tables.callback_lists`), as history's own pages are.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.callback import Origin
from contracts.ids import CallbackId, DepartmentId, Instant
from contracts.rights import Action, Reach
from services.history.activities import queries, tables, visibility
from services.history.activities.authentication import Principal
from services.history.rules import contact_names
from services.history.rules.table_rows import OF_ORGANIZATION, list_of_agent, list_of_department
from services.history.state import Callback, Contact

Found = tuple[Contact, Callback]


class Filters(Struct, frozen=True, kw_only=True):
    """The filters; None or empty filters nothing. The period is of the order, without `until_at` itself."""

    is_standing: bool | None = None
    departments: tuple[DepartmentId, ...] = ()
    origins: tuple[Origin, ...] = ()
    since_at: Instant
    until_at: Instant


class Key(Struct, frozen=True, kw_only=True):
    """The key of a page's last callback; the next page was ordered earlier."""

    ordered_at: Instant
    callback_id: CallbackId


_TABLE: Final = tables.callback_lists
_KEY: Final = (_TABLE.c.ordered_at, _TABLE.c.callback_id, _TABLE.c.contact_id)


def keys_query(
    principal: Principal, filters: Filters, *, after: Key | None, limit: int
) -> Select[int, str, str]:
    """The keys of a page, newest order first."""
    newest = [
        _newest(principal, name, each, after, limit).subquery()
        for each in _by_origin(filters)
        for name in _lists(principal, filters)
    ]
    if not newest:
        return select(*_KEY).where(false())
    found = union(*(select(each.c.ordered_at, each.c.callback_id, each.c.contact_id) for each in newest))
    merged = found.subquery()
    return (
        select(merged.c.ordered_at, merged.c.callback_id, merged.c.contact_id)
        .order_by(merged.c.ordered_at.desc(), merged.c.callback_id.desc())
        .limit(limit)
    )


def _by_origin(filters: Filters) -> list[Filters]:
    """The same filters, once for each origin: an index has one origin's callbacks in their order."""
    is_any = not filters.origins or set(filters.origins) == set(Origin)
    return [filters] if is_any else [structs.replace(filters, origins=(each,)) for each in filters.origins]


def _lists(principal: Principal, filters: Filters) -> list[str]:
    """The lists that together hold what the right to history reaches and the filter wants."""
    reach = principal.reach(Action.HISTORY_READ)
    if reach is None:
        return []
    if reach is Reach.ORGANIZATION:
        return [list_of_department(each) for each in filters.departments] or [OF_ORGANIZATION]
    departments = principal.departments if reach is Reach.DEPARTMENTS else []
    if filters.departments and set(filters.departments) <= set(departments):
        return [list_of_department(each) for each in filters.departments]
    own = [] if principal.agent_id is None else [list_of_agent(principal.agent_id)]
    return [*(list_of_department(each) for each in departments), *own]


def _newest(
    principal: Principal, name: str, filters: Filters, after: Key | None, limit: int
) -> Select[int, str, str]:
    """The keys of a list's newest callbacks that match."""
    wanted: list[ColumnElement[bool]] = [
        _TABLE.c.organization_id == principal.organization_id,
        _TABLE.c.list == name,
        _TABLE.c.ordered_at >= filters.since_at,
        _TABLE.c.ordered_at < filters.until_at,
    ]
    if principal.reach(Action.HISTORY_READ_INTERNAL) is None:
        wanted.append(_TABLE.c.is_internal.is_(False))
    if filters.departments:
        wanted.append(_TABLE.c.department_id.in_(filters.departments))
    if filters.origins:
        wanted.append(_TABLE.c.origin.in_([str(each) for each in filters.origins]))
    if filters.is_standing is not None:
        wanted.append(_TABLE.c.is_standing if filters.is_standing else not_(_TABLE.c.is_standing))
    if after is not None:
        # The first condition is redundant: it lets the database enter the index where the page begins.
        wanted.append(_TABLE.c.ordered_at <= after.ordered_at)
        wanted.append(
            or_(
                _TABLE.c.ordered_at < after.ordered_at,
                and_(_TABLE.c.ordered_at == after.ordered_at, _TABLE.c.callback_id < after.callback_id),
            )
        )
    order = (_TABLE.c.ordered_at.desc(), _TABLE.c.callback_id.desc())
    return select(*_KEY).where(*wanted).order_by(*order).limit(limit)


async def page(
    connection: AsyncConnection, principal: Principal, filters: Filters, *, after: Key | None, limit: int
) -> tuple[list[Found], Key | None]:
    """A page of callbacks, newest order first, and the key after which the next one begins."""
    rows = (await connection.execute(keys_query(principal, filters, after=after, limit=limit + 1))).all()
    shown = rows[:limit]
    contacts = await _contacts(connection, principal, {row.contact_id for row in shown})
    found = [
        (contact, callback)
        for row in shown
        if (contact := contacts.get(row.contact_id)) is not None
        and (callback := contact.callback(CallbackId(row.callback_id))) is not None
    ]
    if len(rows) <= limit:
        return found, None
    return found, Key(ordered_at=Instant(shown[-1].ordered_at), callback_id=shown[-1].callback_id)


async def _contacts(
    connection: AsyncConnection, principal: Principal, ids: Iterable[str]
) -> dict[str, Contact]:
    table = tables.contacts
    query = select(table.c.contact_id, table.c.document).where(
        table.c.organization_id == principal.organization_id, table.c.contact_id.in_(sorted(ids))
    )
    rows = await connection.execute(query)
    return {row.contact_id: queries.for_principal(principal, row.document) for row in rows}


async def one(connection: AsyncConnection, principal: Principal, id_: str) -> tuple[Found | None, bool]:
    """A callback that the right to history reaches, or None; and whether the organization has it.

    The id may also be that of an order which only confirmed the callback there was (C8).
    """
    named, table = tables.contact_names, tables.contacts
    mine = (
        named.c.organization_id == principal.organization_id,
        named.c.name == contact_names.callback_name(id_),
    )
    its = and_(table.c.organization_id == named.c.organization_id, table.c.contact_id == named.c.contact_id)
    query = (
        select(table.c.document)
        .join_from(named, table, its)
        .where(*mine, visibility.contacts(principal, Action.HISTORY_READ, table))
    )
    documents: Sequence[str] = (await connection.scalars(query)).all()
    for contact in (queries.for_principal(principal, each) for each in documents):
        callback = contact.callback_asked(CallbackId(id_))
        if callback is not None:
            return (contact, callback), True
    is_there = await connection.scalar(select(named.c.contact_id).where(*mine).limit(1)) is not None
    return None, is_there
