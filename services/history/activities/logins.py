"""Logins that the directory ended before their tokens expired: those tokens are refused."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import LoginEnded
from contracts.ids import Instant, OrganizationId
from services.history.activities.tables import ended_logins

KEPT_AFTER_MS: Final = 60_000
"""How far the clock that judges a token may be behind the log's."""


async def has_ended(connection: AsyncConnection, organization_id: OrganizationId, login_id: str) -> bool:
    """Whether a login has ended; a program's token belongs to no login ("")."""
    query = select(ended_logins.c.until_at).where(
        ended_logins.c.organization_id == organization_id, ended_logins.c.login_id == login_id
    )
    return (await connection.execute(query)).first() is not None


async def write_ended(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    told: Sequence[tuple[Instant, LoginEnded]],
) -> None:
    """Keep the logins that ended; drop those whose tokens had expired by the last fact's time."""
    if not told:
        return
    over_at = told[-1][0] - KEPT_AFTER_MS
    kept = {fact.login_id: fact.until_at for _, fact in told if fact.until_at >= over_at}
    mine = ended_logins.c.organization_id == organization_id
    await connection.execute(
        delete(ended_logins).where(
            mine, (ended_logins.c.until_at < over_at) | ended_logins.c.login_id.in_(list(kept))
        )
    )
    if kept:
        made = [
            {"organization_id": organization_id, "login_id": login_id, "until_at": until_at}
            for login_id, until_at in kept.items()
        ]
        await connection.execute(insert(ended_logins), made)
