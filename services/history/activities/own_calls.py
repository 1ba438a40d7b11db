"""Reads the call in which somebody is now, and earlier contacts of its customer, within rights (P6)."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import AgentId, Instant, OrganizationId
from contracts.rights import Action
from services.history.activities import queries, tables, visibility
from services.history.activities.authentication import Principal
from services.history.rules import contact_names, own_call
from services.history.rules.own_call import Part
from services.history.state import Contact

EARLIER_MAX: Final = 10
_CONTACTS: Final = tables.contacts


def open_query(principal: Principal, agent_id: AgentId) -> Select[str]:
    """The documents of an employee's open contacts."""
    listed = tables.contact_agents
    is_own = exists().where(
        listed.c.organization_id == _CONTACTS.c.organization_id,
        listed.c.contact_id == _CONTACTS.c.contact_id,
        listed.c.agent_id == agent_id,
    )
    return select(_CONTACTS.c.document).where(
        visibility.contacts(principal, Action.HISTORY_READ, _CONTACTS),
        _CONTACTS.c.ended_at.is_(None),
        is_own,
    )


async def own_part(connection: AsyncConnection, principal: Principal, agent_id: AgentId) -> Part | None:
    """The employee's part in an open contact, or None."""
    documents = await connection.scalars(open_query(principal, agent_id))
    return own_call.own_part((queries.for_principal(principal, each) for each in documents), agent_id)


async def open_documents(
    connection: AsyncConnection, organization_id: OrganizationId
) -> list[tuple[AgentId, str]]:
    """The documents of an organization's open contacts, one for each employee in each, in a fixed order."""
    listed = tables.contact_agents
    its = and_(
        listed.c.organization_id == _CONTACTS.c.organization_id,
        listed.c.contact_id == _CONTACTS.c.contact_id,
    )
    found = await connection.execute(
        select(listed.c.agent_id, _CONTACTS.c.document)
        .join_from(_CONTACTS, listed, its)
        .where(_CONTACTS.c.organization_id == organization_id, _CONTACTS.c.ended_at.is_(None))
        .order_by(listed.c.agent_id, _CONTACTS.c.contact_id)
    )
    return [(AgentId(row.agent_id), row.document) for row in found]


def earlier_query(
    principal: Principal, names: Sequence[str], before_at: Instant, limit: int
) -> Select[int, str]:
    """The keys of the newest contacts that have one of these names and began by then."""
    named = tables.contact_names
    its = and_(
        _CONTACTS.c.organization_id == named.c.organization_id,
        _CONTACTS.c.contact_id == named.c.contact_id,
    )
    return (
        select(_CONTACTS.c.started_at, _CONTACTS.c.contact_id)
        .join_from(named, _CONTACTS, its)
        .where(
            named.c.organization_id == principal.organization_id,
            named.c.name.in_(names),
            visibility.contacts(principal, Action.HISTORY_READ, _CONTACTS),
            _CONTACTS.c.started_at <= before_at,
        )
        .distinct()
        .order_by(_CONTACTS.c.started_at.desc(), _CONTACTS.c.contact_id.desc())
        .limit(limit)
    )


async def earlier(connection: AsyncConnection, principal: Principal, found: Contact) -> list[Contact]:
    """The customer's contacts that began before this one, newest first, as far as rights reach (EC-30)."""
    names = [contact_names.number_name(each) for each in await queries.numbers_of(connection, found)]
    if not names:
        return []
    # One more: the contact itself has the number, too.
    query = earlier_query(principal, names, found.started_at, EARLIER_MAX + 1)
    ids = [row.contact_id for row in await connection.execute(query)]
    others = [each for each in ids if each != found.contact_id][:EARLIER_MAX]
    documents = await connection.execute(
        select(_CONTACTS.c.contact_id, _CONTACTS.c.document).where(
            _CONTACTS.c.organization_id == principal.organization_id, _CONTACTS.c.contact_id.in_(others)
        )
    )
    by_id = {row.contact_id: queries.for_principal(principal, row.document) for row in documents}
    return [by_id[each] for each in others if each in by_id]
