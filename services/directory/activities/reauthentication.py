"""Re-authentication: whoever holds a stolen access token does not change by what its owner signs in.

A change of the own login, address, mobile, passwords or second factor needs a login that was authenticated in
the last ten minutes: by signing in, or by giving the password (and the code) once more. Programs and office
files have no login, and are asked for their rights alone.
"""

from typing import Final

from msgspec import structs
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from runtime.tokens import Claims
from services.directory.activities import (
    audit_trail,
    grants,
    open_logins,
    passwords,
    rate_limits,
    second_factor,
)
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.database import Database
from services.directory.activities.openid_only import PasswordUse, password_use
from services.directory.activities.passwords import Passwords
from services.directory.activities.second_factor import SecondFactors
from services.directory.activities.tables import FAMILIES
from services.directory.rules.errors import Code, Problem, RequestRefused

RECENT_MS: Final = 10 * 60_000
"""As long as an access token lasts: whoever has just signed in is not asked again."""
TRIES_MAX: Final = 10
"""In a quarter of an hour, of one login: others of the same person are not locked out by it."""


class Reauthentication:
    """Authenticates the person behind an open login once more."""

    def __init__(
        self, database: Database, clock: Clock, hasher: Passwords, factors: SecondFactors, trail: AuditTrail
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = hasher
        self._factors = factors
        self._trail = trail

    async def authenticate(self, claims: Claims, password: str, code: str | None, address: str) -> None:
        """Note that the login's person has given the password, and a code if there is a second factor.

        Raises RequestRefused, the same whichever of the two is wrong.
        """
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        now_at = self._clock.now()
        subject = f"reauthentication/{claims.family}"
        async with self._trail.locking_out(organization_id, address), self._database.begin() as connection:
            await grants.require_active(connection, organization_id)
            await rate_limits.count(connection, subject, TRIES_MAX, now_at)
            secret = await passwords.found(connection, organization_id, agent_id)
            if await password_use(connection, organization_id, agent_id) is PasswordUse.NOTHING:
                secret = None  # it opens no login, and so proves nothing here
        is_right = await self._passwords.is_right(None if secret is None else secret[0], password)
        done = Noted(event=SecurityEvent.REAUTHENTICATED, actor=f"agent/{agent_id}", address=address)
        async with self._database.begin() as connection:
            if is_right and await second_factor.is_active(connection, organization_id, agent_id):
                # No code is spent for whoever does not know the password.
                given = await self._factors.spend(connection, organization_id, agent_id, code or "", now_at)
                is_right = given is not None
            if is_right:
                await rate_limits.forget(connection, subject)
                await _raise(connection, claims.family, now_at)
                await audit_trail.note(connection, organization_id, now_at, done)
        if not is_right:
            await self._trail.note(organization_id, structs.replace(done, outcome="refused"))
            raise RequestRefused(Problem(code=Code.REAUTHENTICATION_REFUSED, field="password"))


async def _raise(connection: AsyncConnection, login_id: str, now_at: Instant) -> None:
    its = FAMILIES.c.family == login_id
    raised = await connection.execute(update(FAMILIES).where(its).values(authenticated_at=now_at))
    if raised.rowcount != 1:  # it has ended meanwhile
        raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))


async def require_recent_login(connection: AsyncConnection, login_id: str, now_at: Instant) -> None:
    """Raises RequestRefused unless the login is open, and was authenticated a short while ago."""
    authenticated_at = await open_logins.authenticated_at(connection, login_id)
    if authenticated_at is None:
        raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
    require_recent(authenticated_at, now_at)


def require_recent(authenticated_at: Instant, now_at: Instant) -> None:
    """Raises RequestRefused for a person who was authenticated too long ago to change how to sign in."""
    if now_at >= authenticated_at + RECENT_MS:
        raise RequestRefused(Problem(code=Code.REAUTHENTICATION_NEEDED))
