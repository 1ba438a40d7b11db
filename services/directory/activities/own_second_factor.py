"""What people do with their own second factor: sign in by it, set it up, replace and remove it."""

from typing import Final

from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from runtime.tokens import Claims, TokenUse
from services.directory.activities import (
    audit_trail,
    devices,
    grants,
    open_logins,
    rate_limits,
    reauthentication,
    second_factor,
    second_step,
)
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.database import Database
from services.directory.activities.open_logins import Client, Method
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.second_factor import SecondFactors
from services.directory.activities.sessions import Sessions
from services.directory.activities.stored_cards import in_force, stored_card
from services.directory.activities.tables import CARDS
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Kind
from services.directory.state.responses import (
    Opened,
    RecoveryCodesShown,
    SecondFactorBegun,
    SecondFactorConfirmed,
    SecondFactorShown,
)

CODE_TRIES_MAX: Final = 5
"""Wrong codes in a quarter of an hour, of one person: of a million codes three are right at a time.

Only whoever knows the password tries at all, so that no stranger locks anybody out. Whoever has stolen the
password can keep codes locked, but not those from devices that the person has signed in on, nor recovery
codes, which nobody guesses, nor open logins, in which the owner chooses another password.
"""
CODE_TRIES_A_DAY_MAX: Final = 50
"""A thief who tries that many day after day has a chance of one in twenty in a year."""
DAY_MS: Final = 24 * 3_600_000


class OwnSecondFactor:
    """The second factor of the person behind a token."""

    def __init__(
        self, database: Database, clock: Clock, factors: SecondFactors, sessions: Sessions, trail: AuditTrail
    ) -> None:
        self._database = database
        self._clock = clock
        self._factors = factors
        self._sessions = sessions
        self._trail = trail

    async def open(self, claims: Claims, code: str, client: Client) -> Opened:
        """A login for a code or a recovery code after the right password. Raises RequestRefused."""
        client = _on_device(client, claims)
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        now_at = self._clock.now()
        tried = Noted(
            event=SecurityEvent.SECOND_FACTOR,
            actor=f"agent/{agent_id}",
            address=client.address,
            outcome="refused",
        )
        locking_out = self._trail.locking_out(organization_id, client.address)
        async with locking_out, self._database.begin() as connection:
            await second_step.require_bound(connection, claims)
            subjects = await _subjects(connection, claims, client, now_at)
            if second_factor.is_code(code):
                for subject, (tries_max, window_ms) in subjects.items():
                    shown = f"agent/{agent_id}"
                    await rate_limits.count(
                        connection, subject, tries_max, now_at, window_ms=window_ms, shown=shown
                    )
        async with self._database.begin() as connection:
            await grants.require_active(connection, organization_id)
            await second_step.require_bound(connection, claims)
            given = await self._factors.spend(connection, organization_id, agent_id, code, now_at)
            if given is not None:
                for subject in subjects:
                    await rate_limits.forget(connection, subject)
                left = await second_factor.recovery_codes_left(connection, organization_id, agent_id)
                details = {"by": given.value, "recovery_codes_left": left}
                opened = structs.replace(tried, outcome="ok", details=details)
                await audit_trail.note(connection, organization_id, now_at, opened)
                return await self._sessions.begin(
                    connection, organization_id, agent_id, now_at, method=Method.SECOND_FACTOR, client=client
                )
        await self._trail.note(organization_id, tried)
        raise RequestRefused(Problem(code=Code.SECOND_FACTOR_REFUSED, field="code"))

    async def shown(self, claims: Claims) -> SecondFactorShown:
        """Whether there is one, whether there must be, and how many recovery codes are left."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._database.begin() as connection:
            await grants.require_active(connection, organization_id)
            return SecondFactorShown(
                is_active=await second_factor.is_active(connection, organization_id, agent_id),
                is_required=await second_step.is_required(connection, organization_id),
                recovery_codes_left=await second_factor.recovery_codes_left(
                    connection, organization_id, agent_id
                ),
            )

    async def begin(self, claims: Claims) -> SecondFactorBegun:
        """A new secret, which holds once a code confirms it; one in force holds until then."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._database.begin() as connection:
            await self._require(connection, claims)
            login = await _login(connection, organization_id, agent_id)
            secret = await self._factors.begin(connection, organization_id, agent_id)
        uri = second_factor.address_of(secret, login, organization_id)
        return SecondFactorBegun(secret=secret, uri=uri)

    async def confirm(self, claims: Claims, code: str, client: Client) -> SecondFactorConfirmed:
        """Put the secret that was begun in force; every other login ends, and one begins where none was open.

        Raises RequestRefused.
        """
        client = _on_device(client, claims)
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._database.begin() as connection:
            now_at = await self._require(connection, claims)
            codes = await self._factors.confirm(connection, organization_id, agent_id, code, now_at)
            if codes is None:
                raise RequestRefused(Problem(code=Code.SECOND_FACTOR_REFUSED, field="code"))
            await self._note(connection, claims, client, "set_up")
            # They were opened without it: by a thief, too.
            await open_logins.end_all(connection, organization_id, agent_id, now_at, but=claims.family)
            opened = None
            if claims.use is TokenUse.SECOND_FACTOR_SETUP:
                opened = await self._sessions.begin(
                    connection, organization_id, agent_id, now_at, method=Method.SECOND_FACTOR, client=client
                )
        return SecondFactorConfirmed(recovery_codes=codes, opened=opened)

    async def renew_recovery_codes(self, claims: Claims, client: Client) -> RecoveryCodesShown:
        """Other recovery codes; those of before are worth nothing. Raises RequestRefused."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._database.begin() as connection:
            await self._require(connection, claims)
            if not await second_factor.is_active(connection, organization_id, agent_id):
                raise RequestRefused(Problem(code=Code.SECOND_FACTOR_ABSENT))
            codes = await second_factor.renew_recovery_codes(connection, organization_id, agent_id)
            await self._note(connection, claims, client, "recovery_codes")
        return RecoveryCodesShown(recovery_codes=codes)

    async def remove(self, claims: Claims, client: Client) -> None:
        """Sign in by the password alone from now on; refused where the organization requires more."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._database.begin() as connection:
            await self._require(connection, claims)
            if await second_step.is_required(connection, organization_id):
                raise RequestRefused(Problem(code=Code.SECOND_FACTOR_REQUIRED))
            if await second_factor.take(connection, organization_id, agent_id):
                await self._note(connection, claims, client, "removed")

    async def _require(self, connection: AsyncConnection, claims: Claims) -> Instant:
        """The time of a change by whoever has just been authenticated. Raises RequestRefused."""
        now_at = self._clock.now()
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        await grants.require_active(connection, organization_id)
        if claims.use is TokenUse.ACCESS:
            await reauthentication.require_recent_login(connection, claims.family, now_at)
            return now_at
        await second_step.require_bound(connection, claims)
        if await second_factor.is_active(connection, organization_id, agent_id):
            # It was set up since the token was made: a code is asked for, and this token proves none.
            raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
        return now_at

    async def _note(self, connection: AsyncConnection, claims: Claims, client: Client, what: str) -> None:
        noted = Noted(
            event=SecurityEvent.SECOND_FACTOR_CHANGED,
            actor=f"agent/{claims.agent_id}",
            address=client.address,
            details={"change": what},
        )
        await audit_trail.note(connection, claims.organization_id, self._clock.now(), noted)


def _on_device(client: Client, claims: Claims) -> Client:
    """The same on the device of the login's first step, unless this request names one."""
    return structs.replace(client, device=client.device or claims.device)


async def _subjects(
    connection: AsyncConnection, claims: Claims, client: Client, now_at: Instant
) -> dict[str, tuple[int, int]]:
    """What tries of codes are counted for, with how many there may be in which time."""
    organization_id, agent_id = claims.organization_id, str(claims.agent_id)
    device_id = await devices.known(connection, organization_id, agent_id, client.device, now_at)
    # Digests, because columns are short.
    who = digest(f"{organization_id}\x00{agent_id}\x00{device_id or ''}")[:32]
    return {
        f"second-factor/{who}": (CODE_TRIES_MAX, rate_limits.WINDOW_MS),
        f"second-factor-day/{who}": (CODE_TRIES_A_DAY_MAX, DAY_MS),
    }


async def _login(connection: AsyncConnection, organization_id: str, agent_id: str) -> str:
    query = select(CARDS).where(in_force(organization_id, Kind.EMPLOYEE), CARDS.c.id == agent_id)
    found = (await connection.execute(query)).first()
    if found is None:
        raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
    card = stored_card(found).card
    assert isinstance(card, EmployeeCard)
    return card.login
