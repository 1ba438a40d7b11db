"""Removes old changes of agents and old refusals: both are kept as long as audio.

The last change of each kind and subject («why did I wait?») stays however old it is, because it still holds.
"""

from collections.abc import AsyncGenerator
from typing import Final

from sqlalchemy import and_, delete, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.directory import OrganizationSaved
from contracts.ids import OrganizationId
from runtime.ports import Clock
from services.history.activities import tables
from services.history.activities.repository import load_cards
from services.history.activities.turns import Turns
from services.history.rules.retention_warnings import DAY_MS

ONCE_MAX: Final = 500
"""Rows in one transaction, so that the projector never waits long for it."""


class RowRetention:
    """Removes old rows, sweep by sweep."""

    def __init__(self, *, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._turns = Turns(engine, "row_retention")

    async def sweep(self) -> int:
        """Remove every row that is too old; how many went."""
        return await self._turns.sweep(self._forgetting)

    async def _forgetting(self, organization_id: OrganizationId) -> AsyncGenerator[int]:
        """Remove an organization's rows, one transaction at a time."""
        async with self._engine.connect() as connection:
            card = (await load_cards(connection, organization_id)).organization
        if card is None:
            return
        if card.is_removed:
            yield await self._forget_all(organization_id)
            return
        before = self._clock.now() - card.retention_days * DAY_MS
        for forget in (self._forget_refusals, self._forget_changes):
            gone = ONCE_MAX
            while gone == ONCE_MAX:
                gone = await forget(organization_id, before)
                yield gone

    async def _forget_all(self, organization_id: OrganizationId) -> int:
        """All rows of a removed organization, once its audio is gone; its card stays and says so."""
        async with self._engine.begin() as connection:
            for table, has_audio in (
                (tables.messages, tables.messages.c.has_audio.is_(True)),
                (tables.recordings, tables.recordings.c.key.is_not(None)),
            ):
                of_it = table.c.organization_id == organization_id
                query = select(table.c.organization_id).where(of_it, has_audio).limit(1)
                if (await connection.execute(query)).first() is not None:
                    return 0
            gone = 0
            for table in tables.METADATA.sorted_tables:
                if "organization_id" not in table.c or table is tables.heard:
                    continue
                which = table.c.organization_id == organization_id
                if table is tables.cards:
                    which &= table.c.kind != OrganizationSaved.__name__
                gone += (await connection.execute(delete(table).where(which))).rowcount
            return gone

    async def _forget_refusals(self, organization_id: OrganizationId, before: int) -> int:
        """Refusals (P5) must go: a program refused every minute would fill the database."""
        table = tables.refusals
        mine = table.c.organization_id == organization_id
        query = select(table.c.offset).where(mine, table.c.at < before).limit(ONCE_MAX)
        async with self._engine.begin() as connection:
            found = list(await connection.scalars(query))
            if found:
                await connection.execute(delete(table).where(mine, table.c.offset.in_(found)))
        return len(found)

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
        async with self._engine.begin() as connection:
            found = [tuple(row) for row in await connection.execute(query)]
            if found:
                await connection.execute(delete(table).where(mine, tuple_(*key).in_(found)))
        return len(found)
