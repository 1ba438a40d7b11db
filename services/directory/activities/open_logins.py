"""Open logins and their end: here at once, in other services as soon as they hear the fact."""

from typing import Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import LoginEnded
from contracts.ids import AgentId, Instant
from services.directory.activities import outbox
from services.directory.activities.tables import FAMILIES

ACCESS_MS: Final = 10 * 60_000
"""How long an access token is valid at most; it ends with its login."""


async def is_open(connection: AsyncConnection, login_id: str) -> bool:
    """Whether a login is open: its row exists until it ends."""
    found = await connection.execute(select(FAMILIES.c.family).where(FAMILIES.c.family == login_id))
    return found.first() is not None


async def end_one(connection: AsyncConnection, login_id: str, now_at: Instant) -> None:
    """End one login, if it is open."""
    await _end(connection, FAMILIES.c.family == login_id, now_at)


async def end_all(connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant) -> None:
    """End every login of an employee."""
    mine = (FAMILIES.c.organization_id == organization_id) & (FAMILIES.c.agent_id == agent_id)
    await _end(connection, mine, now_at)


async def _end(connection: AsyncConnection, which: ColumnElement[bool], now_at: Instant) -> None:
    columns = (FAMILIES.c.family, FAMILIES.c.organization_id, FAMILIES.c.agent_id)
    ended = (await connection.execute(delete(FAMILIES).where(which).returning(*columns))).all()
    told = [
        outbox.record(
            LoginEnded(login_id=login_id, agent_id=AgentId(agent_id), until_at=Instant(now_at + ACCESS_MS)),
            id_=f"{outbox.SOURCE}/{organization_id}/login_ended/{login_id}",
            organization_id=organization_id,
            now_at=now_at,
        )
        for login_id, organization_id, agent_id in ended
    ]
    await outbox.put(connection, told)
