"""Finds the voice messages whose owners must be warned, and says so; voicemail writes the letters (V6)."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.history import WarningWanted
from contracts.ids import AgentId, DepartmentId, Instant, OrganizationId, VoiceMessageId
from runtime.edge import NeverSaid, Say
from runtime.ports import Clock
from services.history import state
from services.history.activities import tables
from services.history.activities.access_trail import SOURCE
from services.history.activities.repository import load_cards
from services.history.activities.turns import Turns
from services.history.rules import retention_warnings
from services.history.rules.card_cache import CardCache
from services.history.rules.retention_warnings import AHEAD_MS, DAY_MS, PLAYABLE, WINDOW_MS, Candidate

FOUND_MAX: Final = 500
"""Voice messages of one organization in one sweep; those that go first come first."""

_log = structlog.get_logger()


class RetentionWarnings:
    """Warns sweep by sweep; a warning that was read back is not said again.

    A second process may say it at the same moment, or again after a rebuild: voicemail knows what it has
    written about. `is_ready`: whether the log is read to its end; else heard messages may look unheard.
    """

    def __init__(self, *, engine: AsyncEngine, say: Say, clock: Clock, is_ready: Callable[[], bool]) -> None:
        self._engine = engine
        self._say = say
        self._clock = clock
        self._is_ready = is_ready
        self._turns = Turns(engine, "retention_warnings")

    async def sweep(self) -> int:
        """Say the warnings that are due; how many voice messages they are about. Raises NotSaid."""
        if not self._is_ready():
            return 0
        return await self._turns.sweep(self._warning)

    async def _warning(self, organization_id: OrganizationId) -> AsyncGenerator[int]:
        """Say an organization's warnings, one at a time; one that can't be said stops none of the others."""
        for fact in await self._due(organization_id):
            cause = f"warning/{fact.messages[0].voice_message_id}"
            try:
                await self._say((fact,), organization_id=organization_id, source=SOURCE, cause=cause)
            except NeverSaid as error:
                _log.error(
                    "alarm: a warning can't be said", organization_id=organization_id, error=str(error)
                )
                continue
            yield len(fact.messages)

    async def _due(self, organization_id: OrganizationId) -> list[WarningWanted]:
        async with self._engine.connect() as connection:
            cards = await load_cards(connection, organization_id)
            now = Instant(self._clock.now())
            machines = retention_warnings.due(await _candidates(connection, cards, now), cards, now)
            ids = {each.contact_id for listed in machines for each in listed}
            contacts = await _contacts(connection, organization_id, ids)
        found = (retention_warnings.warning_wanted(listed, contacts) for listed in machines)
        return [each for each in found if each is not None]


async def _candidates(connection: AsyncConnection, cards: CardCache, now: Instant) -> list[Candidate]:
    retention_ms = 0 if cards.organization is None else cards.organization.retention_days * DAY_MS
    if retention_ms <= AHEAD_MS:
        return []
    table = tables.messages
    query = (
        select(
            table.c.voice_message_id,
            table.c.contact_id,
            table.c.agent_id,
            table.c.department_id,
            table.c.taken_at,
        )
        .where(
            table.c.organization_id == cards.organization_id,
            table.c.taken_at > now - retention_ms,
            table.c.taken_at < now - retention_ms + WINDOW_MS,
            table.c.state.in_([str(each) for each in PLAYABLE]),
            table.c.has_audio.is_(True),
            table.c.heard_at.is_(None),
            table.c.called_back_at.is_(None),
            table.c.warned_at.is_(None),
        )
        .order_by(table.c.taken_at, table.c.voice_message_id)
        .limit(FOUND_MAX)
    )
    return [
        Candidate(
            voice_message_id=VoiceMessageId(row.voice_message_id),
            contact_id=row.contact_id,
            agent_id=None if row.agent_id is None else AgentId(row.agent_id),
            department_id=None if row.department_id is None else DepartmentId(row.department_id),
            removed_at=Instant(row.taken_at + retention_ms),
        )
        for row in await connection.execute(query)
    ]


async def _contacts(
    connection: AsyncConnection, organization_id: OrganizationId, ids: set[str]
) -> dict[str, state.Contact]:
    table = tables.contacts
    query = select(table.c.contact_id, table.c.document).where(
        table.c.organization_id == organization_id, table.c.contact_id.in_(sorted(ids))
    )
    return {row.contact_id: state.decoded(row.document) for row in await connection.execute(query)}
