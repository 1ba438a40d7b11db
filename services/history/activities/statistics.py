"""Reads the rows that statistics sum: those of a period, as far as rights reach (H6, P6)."""

from typing import Final

from sqlalchemy import ColumnElement, Table, false, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from contracts.rights import Action, Reach
from services.history.activities import tables
from services.history.activities.authentication import Principal
from services.history.activities.repository import load_cards
from services.history.activities.visibility import was_left
from services.history.rules import statistics
from services.history.rules.statistics import CallbackLine, Figures, MessageLine, PlaceLine, TryLine

PERIOD_MS_MAX: Final = 366 * 24 * 3600 * 1000
"""A year."""


def _within(
    principal: Principal, table: Table, column: ColumnElement[int], since_at: Instant, until_at: Instant
) -> list[ColumnElement[bool]]:
    """The condition for rows of the period and of the departments that the right to statistics reaches."""
    wanted = [table.c.organization_id == principal.organization_id, column >= since_at, column < until_at]
    if "is_internal" in table.c and principal.reach(Action.HISTORY_READ_INTERNAL) is None:
        wanted.append(table.c.is_internal.is_(False))
    match principal.reach(Action.STATISTICS_READ):
        case Reach.ORGANIZATION:
            pass
        case Reach.DEPARTMENTS:
            wanted.append(table.c.department_id.in_(principal.departments))
        case _:
            wanted.append(false())
    return wanted


async def figures(
    connection: AsyncConnection,
    principal: Principal,
    *,
    since_at: Instant,
    until_at: Instant,
    service_level_s: int,
    voicemail_s: int,
) -> Figures:
    """The statistics of a period."""
    places, tries = tables.places, tables.tries
    callbacks, messages = tables.callbacks, tables.messages
    place_rows = await connection.execute(
        select(places.c.department_id, places.c.end, places.c.waited_ms).where(
            *_within(principal, places, places.c.joined_at, since_at, until_at)
        )
    )
    try_rows = await connection.execute(
        select(tries.c.agent_id, tries.c.kind, tries.c.end, tries.c.rang_ms).where(
            *_within(principal, tries, tries.c.rung_at, since_at, until_at)
        )
    )
    callback_rows = await connection.execute(
        select(
            callbacks.c.department_id,
            callbacks.c.agent_at,
            callbacks.c.dialled_at,
            callbacks.c.reached_at,
            callbacks.c.end,
        ).where(*_within(principal, callbacks, callbacks.c.ordered_at, since_at, until_at))
    )
    message_rows = await connection.execute(
        select(messages.c.department_id, messages.c.taken_at, messages.c.called_back_at).where(
            *_within(principal, messages, messages.c.taken_at, since_at, until_at), was_left()
        )
    )
    found = Figures(
        departments=statistics.departments(
            (PlaceLine(*row) for row in place_rows),
            (CallbackLine(*row) for row in callback_rows),
            (MessageLine(*row) for row in message_rows),
            service_level_s=service_level_s,
            voicemail_s=voicemail_s,
        ),
        employees=statistics.employees(TryLine(*row) for row in try_rows),
        formulas=statistics.formulas(service_level_s=service_level_s, voicemail_s=voicemail_s),
    )
    return statistics.named(found, await load_cards(connection, principal.organization_id))
