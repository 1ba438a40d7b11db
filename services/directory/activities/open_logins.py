"""Open logins and their end: here at once, in other services as soon as they hear the fact."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import LoginEnded
from contracts.ids import AgentId, Instant
from services.directory.activities import outbox
from services.directory.activities.tables import FAMILIES

ACCESS_MS: Final = 10 * 60_000
"""How long an access token is valid at most; it ends with its login."""
LOGINS_MAX: Final = 50
"""Open logins of one employee: more browsers than anybody has. Each is a row and, at its end, a fact."""
REFRESH_MS: Final = 12 * 3_600_000
"""How long a login lasts that nobody uses: a night, so that a browser left open is closed in the morning."""
LOGIN_MS_MAX: Final = 30 * 24 * 3_600_000
"""How long a login lasts that is used every day, from its beginning."""
USER_AGENT_LENGTH_MAX: Final = 200
ADDRESS_LENGTH_MAX: Final = 64


class Method(StrEnum):
    """How whoever opened a login has proved to be the employee."""

    PASSWORD = "password"  # noqa: S105  # the name of a method
    SECOND_FACTOR = "second_factor"
    OPENID = "openid"


class Client(Struct, frozen=True, kw_only=True):
    """From where a request comes: network address and browser, as far as it says.

    `device` is the token that the last login on that device came with; empty: none.
    """

    address: str
    user_agent: str = ""
    device: str = ""


async def is_open(connection: AsyncConnection, login_id: str) -> bool:
    """Whether a login is open: its row exists until it ends."""
    found = await connection.execute(select(FAMILIES.c.family).where(FAMILIES.c.family == login_id))
    return found.first() is not None


async def authenticated_at(connection: AsyncConnection, login_id: str) -> Instant | None:
    """When the person behind an open login was authenticated last; None: it is not open."""
    query = select(FAMILIES.c.authenticated_at).where(FAMILIES.c.family == login_id)
    found = (await connection.execute(query)).scalar()
    return None if found is None else Instant(found)


async def listed(
    connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant
) -> Sequence[Row[Any]]:
    """An employee's open logins, the one used last first."""
    query = select(FAMILIES).where(
        FAMILIES.c.organization_id == organization_id,
        FAMILIES.c.agent_id == agent_id,
        FAMILIES.c.expires_at > now_at,
    )
    newest = query.order_by(FAMILIES.c.renewed_at.desc(), FAMILIES.c.family).limit(LOGINS_MAX)
    return (await connection.execute(newest)).all()


async def end_some(
    connection: AsyncConnection,
    organization_id: str,
    agent_id: str,
    now_at: Instant,
    *,
    only: str | None = None,
    but: str = "",
) -> int:
    """End one login of an employee, or all but one; how many were open."""
    which = (FAMILIES.c.organization_id == organization_id) & (FAMILIES.c.agent_id == agent_id)
    which &= FAMILIES.c.family != but if only is None else FAMILIES.c.family == only
    return await _end(connection, which, now_at)


async def end_one(connection: AsyncConnection, login_id: str, now_at: Instant) -> bool:
    """End one login; False: it was not open any more."""
    return await _end(connection, FAMILIES.c.family == login_id, now_at) > 0


async def end_oldest(
    connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant, *, but: str
) -> None:
    """End what an employee has beyond LOGINS_MAX, those used longest ago first, but not the new one."""
    mine = (FAMILIES.c.organization_id == organization_id) & (FAMILIES.c.agent_id == agent_id)
    others = select(FAMILIES.c.family).where(mine, FAMILIES.c.family != but)
    newest = others.order_by(FAMILIES.c.renewed_at.desc(), FAMILIES.c.family).limit(LOGINS_MAX - 1)
    is_old = mine & (FAMILIES.c.family != but) & FAMILIES.c.family.not_in(newest)
    await _end(connection, is_old, now_at)


async def end_all(
    connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant, *, but: str = ""
) -> None:
    """End every login of an employee, but one."""
    mine = (FAMILIES.c.organization_id == organization_id) & (FAMILIES.c.agent_id == agent_id)
    await _end(connection, mine & (FAMILIES.c.family != but), now_at)


async def end_all_of_organization(connection: AsyncConnection, organization_id: str, now_at: Instant) -> None:
    """End every login of an organization."""
    await _end(connection, FAMILIES.c.organization_id == organization_id, now_at)


async def _end(connection: AsyncConnection, which: ColumnElement[bool], now_at: Instant) -> int:
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
    return len(told)
