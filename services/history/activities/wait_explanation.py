"""Reads the facts about agents before and during a wait, for «why did I wait?» (H7)."""

from typing import Final

from msgspec import structs
from sqlalchemy import and_, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact
from contracts.rights import Action
from services.history.activities import tables
from services.history.activities.authentication import Principal
from services.history.activities.visibility import reaches_department
from services.history.rules.agent_changes import ChangeKind
from services.history.rules.live_contacts import LiveKind
from services.history.rules.wait_explanation import PlaceWhy, explain_wait
from services.history.state import Contact, Place

CHANGES_MAX: Final = 20_000
"""As many as a busy hour of an organization has; a longer wait is explained up to there."""


async def explain_waits(
    connection: AsyncConnection, principal: Principal, contact: Contact, *, now: Instant
) -> tuple[PlaceWhy, ...]:
    """Every place of a contact, each with the agents of its department.

    A contact may have gone through departments that the right does not reach: there only one's own line is
    shown, since the others' breaks and absences are those departments' affair.
    """
    found = []
    for place in contact.places:
        why = await _place(connection, contact, place, now)
        if not reaches_department(principal, Action.HISTORY_READ, place.department.department_id):
            own = tuple(each for each in why.agents if each.agent_id == principal.agent_id)
            why = structs.replace(why, agents=own)
        found.append(why)
    return tuple(found)


async def _place(connection: AsyncConnection, contact: Contact, place: Place, now: Instant) -> PlaceWhy:
    table = tables.agent_changes
    mine = table.c.organization_id == contact.organization_id
    until_at = Instant(now if place.ended_at is None else place.joined_at + place.waited_ms)
    during = await connection.execute(
        select(table.c.at, table.c.type, table.c.document)
        .where(mine, table.c.at >= place.joined_at, table.c.at <= until_at)
        .order_by(table.c.offset)
        .limit(CHANGES_MAX)
    )
    return explain_wait(
        contact,
        place,
        await holding(connection, contact.organization_id, place.joined_at),
        [(Instant(row.at), _fact(row.type, row.document)) for row in during],
        until_at=until_at,
    )


async def holding(connection: AsyncConnection, organization_id: OrganizationId, at: Instant) -> list[Fact]:
    """The last change of each kind and subject before an instant, found by one look at the key for each.

    There are millions of changes and hundreds of subjects. A partition's time never goes back, so that those
    before an instant are those below an offset; and every subject has its live row.
    """
    table, live = tables.agent_changes, tables.live_rows
    mine = table.c.organization_id == organization_id
    first = select(table.c.offset).where(mine, table.c.at >= at).order_by(table.c.at, table.c.offset).limit(1)
    end = await connection.scalar(first)
    kind = case(*((live.c.subject.startswith(f"{each}|", autoescape=True), str(each)) for each in ChangeKind))
    subjects = (
        select(kind.label("kind"), func.substr(live.c.subject, func.length(kind) + 2).label("subject"))
        .where(live.c.organization_id == organization_id, live.c.kind == str(LiveKind.FACT))
        .subquery()
    )
    newest = (
        select(func.max(table.c.offset))
        .where(mine, table.c.kind == subjects.c.kind, table.c.subject == subjects.c.subject)
        .where(true() if end is None else table.c.offset < end)
        .scalar_subquery()
    )
    latest = select(subjects.c.kind, subjects.c.subject, newest.label("offset")).subquery()
    same = [table.c[name] == latest.c[name] for name in ("kind", "subject", "offset")]
    query = select(table.c.type, table.c.document).join(latest, and_(*same)).where(mine)
    found = await connection.execute(query.order_by(table.c.offset))
    return [_fact(row.type, row.document) for row in found]


def _fact(type_: str, document: str) -> Fact:
    found = codec.decode(type_, document.encode())
    assert isinstance(found, Fact)
    return found
