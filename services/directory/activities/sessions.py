"""Logins: passwords exchanged for tokens, and refresh tokens that are valid once (P, E1)."""

from typing import Any, Final

from msgspec import structs
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import AgentId, Instant, OrganizationId
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from runtime.token_keys import KeyHolder, SigningKeys
from runtime.tokens import Claims, TokenUse, sign
from services.directory.activities import (
    audit_trail,
    chosen_passwords,
    devices,
    grants,
    open_logins,
    passwords,
    rate_limits,
    second_step,
)
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.database import Database
from services.directory.activities.open_logins import (
    ACCESS_MS,
    ADDRESS_LENGTH_MAX,
    LOGIN_MS_MAX,
    REFRESH_MS,
    USER_AGENT_LENGTH_MAX,
    Client,
    Method,
)
from services.directory.activities.openid_only import PasswordUse, require_password_use
from services.directory.activities.passwords import Passwords
from services.directory.activities.sealed_secrets import token
from services.directory.activities.second_step import SecondStep
from services.directory.activities.stored_cards import in_force, readable
from services.directory.activities.tables import CARDS, FAMILIES
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Kind
from services.directory.state.responses import Opened

REPEAT_MS: Final = 30_000
"""For how long a used refresh token gives its successor again: to a second tab, and after a lost answer."""
PASSWORD_MS: Final = 15 * 60_000
"""How long an employee has to choose a password after a one-time one."""


class Sessions:
    """Opens, renews and closes logins."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hasher: Passwords,
        token_keys: KeyHolder[SigningKeys],
        trail: AuditTrail,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = hasher
        self._keys = token_keys
        self._trail = trail
        self._second_step = SecondStep(token_keys)

    async def open(self, organization_id: str, login: str, password: str, client: Client) -> Opened:
        """Tokens for a login and a password. Raises RequestRefused, the same for an unknown login."""
        now_at = self._clock.now()
        async with (
            self._trail.locking_out(organization_id, client.address),
            self._database.begin() as connection,
        ):
            agent_id = await _agent_of(connection, organization_id, login)
            device_id = await devices.known(connection, organization_id, agent_id, client.device, now_at)
            tries = rate_limits.Login(organization_id, login, client.address, device_id)
            await tries.count(connection, now_at)
            # The same questions for a login that nobody has.
            secret = await passwords.found(connection, organization_id, agent_id or "")
            is_expired = await passwords.is_expired(connection, organization_id, agent_id or "", now_at)
        is_right = await self._passwords.is_right(None if secret is None else secret[0], password)
        # A login that nobody has is not named: people type passwords there.
        tried = Noted(event=SecurityEvent.LOGIN, actor="", address=client.address, outcome="refused")
        if agent_id is not None:
            tried = structs.replace(tried, actor=f"agent/{agent_id}", details={"login": login})
        if not is_right or agent_id is None or secret is None:
            await self._trail.note(organization_id, tried)
            raise RequestRefused(Problem(code=Code.LOGIN_REFUSED))
        if is_expired:
            await self._trail.note(organization_id, tried)
            raise RequestRefused(Problem(code=Code.ONE_TIME_EXPIRED))
        # A one-time password also links an account at the provider: by itself it opens nothing.
        use = PasswordUse.OPENS if secret[1] else await self._require_use(organization_id, agent_id, tried)
        async with self._database.begin() as connection:
            await tries.take_back(connection)
            await grants.require_active(connection, organization_id)
            # A change of the password meanwhile ends this login, too.
            if await passwords.found(connection, organization_id, agent_id) != secret:
                raise RequestRefused(Problem(code=Code.LOGIN_REFUSED))
            opened = structs.replace(tried, outcome="ok")
            await audit_trail.note(connection, organization_id, now_at, opened)
            if use is PasswordUse.BREAK_GLASS:
                loud = structs.replace(opened, event=SecurityEvent.BREAK_GLASS)
                await audit_trail.note(connection, organization_id, now_at, loud)
            if secret[1]:
                return self._for_password(organization_id, agent_id, now_at)
            return await self.begin(
                connection, organization_id, agent_id, now_at, method=Method.PASSWORD, client=client
            )

    async def renew(self, claims: Claims, client: Client) -> Opened:
        """New tokens for a refresh token: those of before for a few seconds, then a used one ends the login.

        Raises RequestRefused.
        """
        now_at = self._clock.now()
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        family, _, refresh_id = claims.family.partition(".")
        async with self._database.begin() as connection:
            await grants.require_active(connection, organization_id)
            query = select(FAMILIES).where(FAMILIES.c.family == family).with_for_update()
            row = (await connection.execute(query)).first()
            if row is not None and row.expires_at <= now_at:
                await open_logins.end_one(connection, family, now_at)
                row = None
            if row is not None:
                await second_step.require_one(connection, organization_id, agent_id)
            is_repeated = row is not None and _is_repeated(row, refresh_id, now_at)
            is_stolen = row is not None and row.refresh_id != refresh_id and not is_repeated
            if is_stolen:
                await open_logins.end_one(connection, family, now_at)
            elif row is not None and not is_repeated:
                row = await _renewed(connection, row, now_at)
        if is_stolen:
            who = f"agent/{agent_id}"
            reused = Noted(
                event=SecurityEvent.REFRESH_REUSED, actor=who, outcome="refused", address=client.address
            )
            await self._trail.note(organization_id, reused)
        if row is None or is_stolen:
            raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
        return self._opened(row, now_at)

    async def close(self, claims: Claims) -> None:
        """End a login with all its tokens."""
        now_at = self._clock.now()
        left = Noted(event=SecurityEvent.LOGGED_OUT, actor=f"agent/{claims.agent_id}")
        async with self._database.begin() as connection:
            # A login ends once, however often its tokens ask for that: the trail is kept for years.
            if await open_logins.end_one(connection, claims.family.partition(".")[0], now_at):
                await audit_trail.note(connection, claims.organization_id, now_at, left)

    async def choose_password(self, claims: Claims, old: str, new: str, client: Client) -> Opened:
        """Replace a password, and open a new login. Raises RequestRefused."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        now_at = self._clock.now()
        subject, address = f"password/{organization_id}/{agent_id}", client.address
        await chosen_passwords.require_uncommon(new, field="new")
        async with self._trail.locking_out(organization_id, address), self._database.begin() as connection:
            await grants.require_active(connection, organization_id)
            await rate_limits.count(connection, subject, rate_limits.LOGIN_TRIES_MAX, now_at)
            secret = await passwords.found(connection, organization_id, agent_id)
            is_expired = await passwords.is_expired(connection, organization_id, agent_id, now_at)
            await chosen_passwords.require_not_own(connection, organization_id, agent_id, new, field="new")
        is_right = await self._passwords.is_right(None if secret is None else secret[0], old)
        chosen = Noted(event=SecurityEvent.PASSWORD_CHANGED, actor=f"agent/{agent_id}", address=address)
        await self._require_use(organization_id, agent_id, chosen)
        if not is_right or old == new:
            await self._trail.note(organization_id, structs.replace(chosen, outcome="refused"))
            raise RequestRefused(Problem(code=Code.PASSWORD_WRONG, field="old"))
        if is_expired:
            raise RequestRefused(Problem(code=Code.ONE_TIME_EXPIRED))
        hash_ = await self._passwords.hash(new)
        async with self._database.begin() as connection:
            # A suspension while the password was hashed ended every login: this one must not begin after it.
            await grants.require_active(connection, organization_id)
            # A success counts, too: whoever changes it to and fro would keep both places for hashing.
            await passwords.set_hash(
                connection, organization_id, agent_id, hash_, is_one_time=False, now_at=now_at
            )
            await audit_trail.note(connection, organization_id, now_at, chosen)
            return await self.begin(
                connection, organization_id, agent_id, now_at, method=Method.PASSWORD, client=client
            )

    async def _require_use(self, organization_id: str, agent_id: str, tried: Noted) -> PasswordUse:
        return await require_password_use(self._database, self._trail, organization_id, agent_id, tried)

    async def begin(
        self,
        connection: AsyncConnection,
        organization_id: str,
        agent_id: str,
        now_at: Instant,
        *,
        method: Method,
        client: Client,
    ) -> Opened:
        """Open a login of an employee whom the caller has just authenticated, in an open transaction.

        Unless `method` is the second factor, the answer is a token for that where one is needed. The caller
        has checked that the organization is active, and writes the audit trail.
        """
        if method is not Method.SECOND_FACTOR:
            missing = await self._second_step.missing(
                connection, organization_id, agent_id, now_at, client.device
            )
            if missing is not None:
                return missing
        values = {
            "family": token(),
            "organization_id": organization_id,
            "agent_id": agent_id,
            "refresh_id": token(),
            "previous_id": "",
            "method": method.value,
            "opened_at": now_at,
            "authenticated_at": now_at,
            "renewed_at": now_at,
            "expires_at": now_at + REFRESH_MS,
            "address": client.address[:ADDRESS_LENGTH_MAX],
            "user_agent": client.user_agent[:USER_AGENT_LENGTH_MAX],
        }
        row = (await connection.execute(insert(FAMILIES).values(**values).returning(FAMILIES))).one()
        await open_logins.end_oldest(connection, organization_id, agent_id, now_at, but=row.family)
        device = await devices.sign_in(connection, organization_id, agent_id, client.device, now_at)
        return structs.replace(self._opened(row, now_at), device=device)

    def _opened(self, row: Row[Any], now_at: Instant) -> Opened:
        """A login's tokens. Its refresh token is made of the row alone: each replica makes the same."""
        claims = Claims(
            organization_id=OrganizationId(row.organization_id),
            use=TokenUse.REFRESH,
            agent_id=AgentId(row.agent_id),
            family=f"{row.family}.{row.refresh_id}",
            issued_at=Instant(row.renewed_at),
            expires_at=Instant(row.expires_at),
        )
        refresh = sign(claims, self._keys.current)
        access = self._signed(row.organization_id, row.agent_id, TokenUse.ACCESS, row.family, now_at)
        return Opened(access=access, refresh=refresh, expires_in_s=ACCESS_MS // 1000)

    def _for_password(self, organization_id: str, agent_id: str, now_at: Instant) -> Opened:
        made = self._signed(organization_id, agent_id, TokenUse.PASSWORD, "", now_at)
        return Opened(password=made, expires_in_s=PASSWORD_MS // 1000)

    def _signed(
        self, organization_id: str, agent_id: str, use: TokenUse, family: str, now_at: Instant
    ) -> str:
        lasts_ms = {TokenUse.ACCESS: ACCESS_MS, TokenUse.PASSWORD: PASSWORD_MS}
        claims = Claims(
            organization_id=OrganizationId(organization_id),
            use=use,
            agent_id=AgentId(agent_id),
            family=family,
            issued_at=now_at,
            expires_at=Instant(now_at + lasts_ms[use]),
        )
        return sign(claims, self._keys.current)


def _is_repeated(row: Row[Any], refresh_id: str, now_at: Instant) -> bool:
    """Whether this refresh token is the one before the newest, used a moment ago."""
    return bool(row.previous_id == refresh_id and now_at < row.renewed_at + REPEAT_MS)


async def _renewed(connection: AsyncConnection, row: Row[Any], now_at: Instant) -> Row[Any]:
    """The login with another refresh token; it ends thirty days after its beginning, however it is used."""
    values = {
        "refresh_id": token(),
        "previous_id": row.refresh_id,
        "renewed_at": now_at,
        "expires_at": min(now_at + REFRESH_MS, row.opened_at + LOGIN_MS_MAX),
    }
    changed = update(FAMILIES).where(FAMILIES.c.family == row.family).values(**values).returning(FAMILIES)
    renewed: Row[Any] = (await connection.execute(changed)).one()
    return renewed


async def _agent_of(connection: AsyncConnection, organization_id: str, login: str) -> str | None:
    """The employee with this login, or None."""
    query = select(CARDS).where(
        in_force(organization_id, Kind.EMPLOYEE),
        CARDS.c.searched.contains(login.lower(), autoescape=True),
    )
    for row in readable((await connection.execute(query)).all()):
        if isinstance(row.card, EmployeeCard) and row.card.login == login:
            return row.id
    return None


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete expired logins."""
    await connection.execute(delete(FAMILIES).where(FAMILIES.c.expires_at <= now_at))
