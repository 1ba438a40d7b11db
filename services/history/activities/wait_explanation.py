"""Reads the facts about agents before and during a wait, for «why did I wait?» (H7)."""

from typing import Final

from msgspec import structs
from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.ids import Instant
from contracts.message import Fact
from contracts.rights import Action
from services.history.activities import tables
from services.history.activities.authentication import Principal
from services.history.activities.visibility import reaches_department
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
    latest = (
        select(table.c.kind, table.c.subject, func.max(table.c.offset).label("offset"))
        .where(mine, table.c.at < place.joined_at)
        .group_by(table.c.kind, table.c.subject)
        .subquery()
    )
    before = await connection.execute(
        select(table.c.type, table.c.document)
        .join(
            latest,
            and_(
                table.c.kind == latest.c.kind,
                table.c.subject == latest.c.subject,
                table.c.offset == latest.c.offset,
            ),
        )
        .where(mine)
        .order_by(table.c.offset)
    )
    during = await connection.execute(
        select(table.c.at, table.c.type, table.c.document)
        .where(mine, table.c.at >= place.joined_at, table.c.at <= until_at)
        .order_by(table.c.offset)
        .limit(CHANGES_MAX)
    )
    return explain_wait(
        contact,
        place,
        [_fact(row.type, row.document) for row in before],
        [(Instant(row.at), _fact(row.type, row.document)) for row in during],
        until_at=until_at,
    )


def _fact(type_: str, document: str) -> Fact:
    found = codec.decode(type_, document.encode())
    assert isinstance(found, Fact)
    return found
