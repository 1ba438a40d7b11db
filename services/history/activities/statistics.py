"""Statistics of a period, from cells and, at its edges, rows: as far as rights reach (H6, P6)."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Table, false, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import AgentId, DepartmentId
from contracts.rights import Action, Reach
from services.history.activities import tables
from services.history.activities.authentication import Principal
from services.history.activities.figure_cells import columns_of, number_of
from services.history.activities.repository import load_cards
from services.history.activities.visibility import was_left
from services.history.rules import formulas, statistics
from services.history.rules.figure_cells import AT, CALLBACKS, CELL_MS, PLACES, TRIES, cell_of
from services.history.rules.period import Period
from services.history.rules.statistics import Counts, Figures, MessageLine, PeriodFigures

PERIOD_MS_MAX: Final = 366 * 24 * 3600 * 1000
"""A year."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked for. Without departments: all that rights reach."""

    period: Period
    previous: Period | None
    departments: tuple[DepartmentId, ...]
    service_level_s: int
    voicemail_s: int


_Row = tuple[int, str, str, int]
"""A cell, or a row that counts as one: from when, whose (agent, department), and what it counts."""


class _Reader:
    """Reads what one principal's question reaches."""

    def __init__(self, connection: AsyncConnection, principal: Principal, asked: Asked) -> None:
        self._connection = connection
        self._principal = principal
        self._asked = asked

    async def counts(self, period: Period) -> Counts:
        """What the rows of a period count."""
        found = Counts(messages=await self._messages(period))
        # Tens of thousands of cells make a month: each costs no more than what adds it.
        places, slots, callbacks, tries = found.places, found.slots, found.callbacks, found.tries
        for at, _, department, number in await self._rows(PLACES, period):
            department_id = DepartmentId(department)
            places[department_id] = places.get(department_id, 0) + number
            slots[at] = slots.get(at, 0) + number
        for _, _, department, number in await self._rows(CALLBACKS, period):
            department_id = DepartmentId(department)
            callbacks[department_id] = callbacks.get(department_id, 0) + number
        for _, agent, _, number in await self._rows(TRIES, period):
            agent_id = AgentId(agent)
            tries[agent_id] = tries.get(agent_id, 0) + number
        return found

    async def _rows(self, kind: str, period: Period) -> Iterator[_Row]:
        """The cells that lie in the period, and the rows before the first of them and after the last."""
        step = CELL_MS[kind]
        first = -(-period.since_at // step) * step
        last = max(first, period.until_at // step * step)
        table = tables.figure_cells
        query = select(table.c.at, table.c.agent_id, table.c.department_id, table.c.counts).where(
            table.c.kind == kind, *self._wanted(table, table.c.at, first, last)
        )
        cells = await self._connection.execute(query)
        edges = [
            await self._edge(kind, since_at, until_at)
            for since_at, until_at in (
                (period.since_at, min(first, period.until_at)),
                (last, period.until_at),
            )
            if since_at < until_at
        ]
        return chain(
            ((at, agent, department, number_of(counts)) for at, agent, department, counts in cells), *edges
        )

    async def _edge(self, kind: str, since_at: int, until_at: int) -> list[_Row]:
        table = tables.METADATA.tables[kind]
        wanted = self._wanted(table, table.c[AT[kind]], since_at, until_at)
        rows = await self._connection.execute(select(*columns_of(kind)).where(*wanted))
        counted = (cell_of(kind, row) for row in rows.mappings())
        return [(key.at, key.agent_id, key.department_id, number) for key, number in counted if number]

    async def _messages(self, period: Period) -> dict[DepartmentId, statistics.VoicemailFigures]:
        table = tables.messages
        wanted = self._wanted(table, table.c.taken_at, period.since_at, period.until_at)
        columns = (table.c.department_id, table.c.taken_at, table.c.called_back_at)
        # Few calls end in a voice message, so these are read themselves.
        rows = await self._connection.execute(select(*columns).where(*wanted, was_left()))
        return statistics.voicemail((MessageLine(*row) for row in rows), self._asked.voicemail_s)

    def _wanted(
        self, table: Table, column: ColumnElement[int], since_at: int, until_at: int
    ) -> list[ColumnElement[bool]]:
        """The condition for the time, for the departments asked for, and for what the right reaches."""
        principal = self._principal
        wanted = [table.c.organization_id == principal.organization_id, column >= since_at, column < until_at]
        if "is_internal" in table.c and principal.reach(Action.HISTORY_READ_INTERNAL) is None:
            wanted.append(table.c.is_internal.is_(False))
        if self._asked.departments:
            wanted.append(table.c.department_id.in_(self._asked.departments))
        match principal.reach(Action.STATISTICS_READ):
            case Reach.ORGANIZATION:
                pass
            case Reach.DEPARTMENTS:
                wanted.append(table.c.department_id.in_(principal.departments))
            case _:
                wanted.append(false())
        return wanted


async def figures(connection: AsyncConnection, principal: Principal, asked: Asked) -> Figures:
    """The statistics of a period, and of the one before it where that is asked for."""
    reader = _Reader(connection, principal, asked)
    period, soon = asked.period, asked.service_level_s
    counts = await reader.counts(period)
    cards = await load_cards(connection, principal.organization_id)
    previous = None
    if asked.previous is not None:
        previous = statistics.named(_period(await reader.counts(asked.previous), asked.previous, soon), cards)
    found = Figures(
        **structs.asdict(_period(counts, period, soon)),
        days=statistics.days(counts.slots, period.zone, soon),
        hours=statistics.hours(counts.slots, period.zone, soon),
        service_level_s=soon,
        zone=period.zone.key,
        formulas=formulas.formulas(service_level_s=soon, voicemail_s=asked.voicemail_s),
        previous=previous,
    )
    return statistics.named(found, cards)


def _period(counts: Counts, period: Period, service_level_s: int) -> PeriodFigures:
    return statistics.period(
        counts, since_at=period.since_at, until_at=period.until_at, service_level_s=service_level_s
    )
