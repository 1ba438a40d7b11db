"""Where an organization signs in by its provider alone: whose password still opens a login."""

from enum import StrEnum

from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.database import Database
from services.directory.activities.tables import IDENTITY_PROVIDERS
from services.directory.rules.errors import Code, Problem, RequestRefused


class PasswordUse(StrEnum):
    """What a right password is good for."""

    OPENS = "opens"
    BREAK_GLASS = "break_glass"
    """It opens a login, and everybody who watches hears of it."""
    NOTHING = "nothing"


async def password_use(connection: AsyncConnection, organization_id: str, agent_id: str) -> PasswordUse:
    """What this employee's password is good for."""
    where = IDENTITY_PROVIDERS.c.organization_id == organization_id
    query = select(IDENTITY_PROVIDERS.c.is_only, IDENTITY_PROVIDERS.c.break_glass_agent_id).where(where)
    row = (await connection.execute(query)).first()
    if row is None or not row.is_only:
        return PasswordUse.OPENS
    return PasswordUse.BREAK_GLASS if row.break_glass_agent_id == agent_id else PasswordUse.NOTHING


async def require_password_use(
    database: Database, trail: AuditTrail, organization_id: str, agent_id: str, tried: Noted
) -> PasswordUse:
    """The same, once it was right. Raises RequestRefused, and tells of it, if it is good for nothing."""
    async with database.begin() as connection:
        use = await password_use(connection, organization_id, agent_id)
    if use is PasswordUse.NOTHING:
        details = {**tried.details, "why": "openid_only"}
        await trail.note(organization_id, structs.replace(tried, outcome="refused", details=details))
        raise RequestRefused(Problem(code=Code.PASSWORD_NOT_USED))
    return use
