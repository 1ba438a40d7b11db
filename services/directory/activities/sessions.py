"""Logins: passwords exchanged for tokens, and refresh tokens that are valid once (P, E1)."""

from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import AgentId, Instant, OrganizationId
from runtime.ports import Clock
from runtime.tokens import Claims, TokenUse, sign
from services.directory.activities import open_logins, passwords, rate_limits
from services.directory.activities.database import Database
from services.directory.activities.open_logins import ACCESS_MS
from services.directory.activities.passwords import Passwords
from services.directory.activities.sealed_secrets import digest, token
from services.directory.activities.tables import CARDS, FAMILIES
from services.directory.activities.unit_of_work import in_force, stored_card
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Kind
from services.directory.state.responses import Opened

REFRESH_MS: Final = 14 * 24 * 3_600_000
PASSWORD_MS: Final = 15 * 60_000
"""How long an employee has to choose a password after a one-time one."""


class Sessions:
    """Opens, renews and closes logins."""

    def __init__(self, database: Database, clock: Clock, hasher: Passwords, token_key: str) -> None:
        self._database = database
        self._clock = clock
        self._passwords = hasher
        self._key = token_key

    async def open(self, organization_id: str, login: str, password: str, address: str) -> Opened:
        """Tokens for a login and a password. Raises RequestRefused, the same for an unknown login."""
        now_at = self._clock.now()
        subject = f"login/{organization_id}/{login}"
        async with self._database.begin() as connection:
            await rate_limits.count(connection, f"address/{address}", rate_limits.ADDRESS_TRIES_MAX, now_at)
            await rate_limits.count(connection, subject, rate_limits.LOGIN_TRIES_MAX, now_at)
        async with self._database.begin() as connection:
            agent_id = await _agent_of(connection, organization_id, login)
            secret = None
            if agent_id is not None:
                secret = await passwords.found(connection, organization_id, agent_id)
        is_right = await self._passwords.is_right(None if secret is None else secret[0], password)
        if not is_right or agent_id is None or secret is None:
            raise RequestRefused(Problem(code=Code.LOGIN_REFUSED))
        async with self._database.begin() as connection:
            await rate_limits.forget(connection, subject)
            # A change of the password meanwhile ends this login, too.
            if await passwords.found(connection, organization_id, agent_id) != secret:
                raise RequestRefused(Problem(code=Code.LOGIN_REFUSED))
            if secret[1]:
                return self._for_password(organization_id, agent_id, now_at)
            return await self._begun(connection, organization_id, agent_id, now_at)

    async def renew(self, claims: Claims, text: str) -> Opened:
        """New tokens for a refresh token; a used one ends the login. Raises RequestRefused."""
        now_at = self._clock.now()
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        family = claims.family.partition(".")[0]
        refresh = self._signed(organization_id, agent_id, TokenUse.REFRESH, family, now_at)
        async with self._database.begin() as connection:
            where = (FAMILIES.c.family == family) & (FAMILIES.c.refresh_digest == digest(text))
            values = {"refresh_digest": digest(refresh), "expires_at": now_at + REFRESH_MS}
            changed = await connection.execute(update(FAMILIES).where(where).values(**values))
            is_renewed = changed.rowcount == 1
            if not is_renewed:
                await open_logins.end_one(connection, family, now_at)
        if not is_renewed:
            raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
        return self._opened(organization_id, agent_id, family, refresh, now_at)

    async def close(self, claims: Claims) -> None:
        """End a login with all its tokens."""
        async with self._database.begin() as connection:
            await open_logins.end_one(connection, claims.family.partition(".")[0], self._clock.now())

    async def choose_password(self, claims: Claims, old: str, new: str) -> Opened:
        """Replace a password, and open a new login. Raises RequestRefused."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        now_at = self._clock.now()
        subject = f"password/{organization_id}/{agent_id}"
        async with self._database.begin() as connection:
            await rate_limits.count(connection, subject, rate_limits.LOGIN_TRIES_MAX, now_at)
            secret = await passwords.found(connection, organization_id, agent_id)
        is_right = await self._passwords.is_right(None if secret is None else secret[0], old)
        if not is_right or old == new:
            raise RequestRefused(Problem(code=Code.PASSWORD_WRONG, field="old"))
        hash_ = await self._passwords.hash(new)
        async with self._database.begin() as connection:
            await rate_limits.forget(connection, subject)
            await passwords.set_hash(
                connection, organization_id, agent_id, hash_, is_one_time=False, now_at=now_at
            )
            return await self._begun(connection, organization_id, agent_id, now_at)

    async def _begun(
        self, connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant
    ) -> Opened:
        family = token()
        refresh = self._signed(organization_id, agent_id, TokenUse.REFRESH, family, now_at)
        await connection.execute(
            insert(FAMILIES).values(
                family=family,
                organization_id=organization_id,
                agent_id=agent_id,
                refresh_digest=digest(refresh),
                expires_at=now_at + REFRESH_MS,
            )
        )
        return self._opened(organization_id, agent_id, family, refresh, now_at)

    def _opened(
        self, organization_id: str, agent_id: str, family: str, refresh: str, now_at: Instant
    ) -> Opened:
        access = self._signed(organization_id, agent_id, TokenUse.ACCESS, family, now_at)
        return Opened(access=access, refresh=refresh, expires_in_s=ACCESS_MS // 1000)

    def _for_password(self, organization_id: str, agent_id: str, now_at: Instant) -> Opened:
        made = self._signed(organization_id, agent_id, TokenUse.PASSWORD, "", now_at)
        return Opened(password=made, expires_in_s=PASSWORD_MS // 1000)

    def _signed(
        self, organization_id: str, agent_id: str, use: TokenUse, family: str, now_at: Instant
    ) -> str:
        lasts_ms = {TokenUse.ACCESS: ACCESS_MS, TokenUse.REFRESH: REFRESH_MS, TokenUse.PASSWORD: PASSWORD_MS}
        # Two refresh tokens of one millisecond must differ: their digests tell which is the newest.
        unique = f"{family}.{token()[:8]}" if use is TokenUse.REFRESH else family
        claims = Claims(
            organization_id=OrganizationId(organization_id),
            use=use,
            agent_id=AgentId(agent_id),
            family=unique,
            issued_at=now_at,
            expires_at=Instant(now_at + lasts_ms[use]),
        )
        return sign(claims, self._key)


async def _agent_of(connection: AsyncConnection, organization_id: str, login: str) -> str | None:
    """The employee with this login, or None."""
    query = select(CARDS).where(
        in_force(organization_id, Kind.EMPLOYEE),
        CARDS.c.searched.contains(login.lower(), autoescape=True),
    )
    for found in (await connection.execute(query)).all():
        row = stored_card(found)
        if isinstance(row.card, EmployeeCard) and row.card.login == login:
            return row.id
    return None


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete expired logins."""
    await connection.execute(delete(FAMILIES).where(FAMILIES.c.expires_at <= now_at))
