"""Removes old changes of agents and old refusals: both are kept as long as audio.

The last change of each kind and subject («why did I wait?») stays however old it is, because it still holds.
"""

from typing import Final

from sqlalchemy import and_, delete, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.ids import OrganizationId
from runtime.ports import Clock
from services.history.activities import tables
from services.history.activities.repository import load_cards, organizations
from services.history.rules.retention_warnings import DAY_MS

ONCE_MAX: Final = 500
"""Rows in one transaction, so that the projector never waits long for it."""


class RowRetention:
    """Removes old rows, sweep by sweep."""

    def __init__(self, *, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def sweep(self) -> int:
        """Remove every row that is too old; how many went."""
        gone = 0
        for organization_id in await organizations(self._engine):
            async with self._engine.connect() as connection:
                card = (await load_cards(connection, organization_id)).organization
            if card is not None:
                before = self._clock.now() - card.retention_days * DAY_MS
                gone += await self._forget_refusals(organization_id, before)
                gone += await self._forget_changes(organization_id, before)
        return gone

    async def _forget_refusals(self, organization_id: OrganizationId, before: int) -> int:
        """Refusals (P5) must go: a program refused every minute would fill the database."""
        table = tables.refusals
        mine = table.c.organization_id == organization_id
        query = select(table.c.offset).where(mine, table.c.at < before).limit(ONCE_MAX)
        gone = 0
        while True:
            async with self._engine.begin() as connection:
                found = list(await connection.scalars(query))
                if found:
                    await connection.execute(delete(table).where(mine, table.c.offset.in_(found)))
            gone += len(found)
            if len(found) < ONCE_MAX:
                return gone

    async def _forget_changes(self, organization_id: OrganizationId, before: int) -> int:
        table, later = tables.agent_changes, tables.agent_changes.alias("later")
        key = (table.c.kind, table.c.subject, table.c.offset)
        mine = table.c.organization_id == organization_id
        is_superseded = exists().where(
            later.c.organization_id == table.c.organization_id,
            later.c.kind == table.c.kind,
            later.c.subject == table.c.subject,
            later.c.offset > table.c.offset,
            later.c.at < before,
        )
        query = select(*key).where(and_(mine, table.c.at < before, is_superseded)).limit(ONCE_MAX)
        gone = 0
        while True:
            async with self._engine.begin() as connection:
                found = [tuple(row) for row in await connection.execute(query)]
                if found:
                    await connection.execute(delete(table).where(mine, tuple_(*key).in_(found)))
            gone += len(found)
            if len(found) < ONCE_MAX:
                return gone
