"""Open logins as a list, from which people end their own, and administrators those of others."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from contracts.ids import Instant
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from runtime.tokens import Claims
from services.directory.activities import audit_trail, open_logins
from services.directory.activities.audit_trail import Noted
from services.directory.activities.authentication import Principal
from services.directory.activities.repository import Repository
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.office import Kind
from services.directory.state.responses import SessionShown, SessionsListed


class LoginList:
    """Lists and ends logins; the caller has checked the rights over other employees."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def own(self, claims: Claims) -> SessionsListed:
        """Whoever asks: the own logins, newest use first."""
        async with self._repository.database.begin() as connection:
            organization_id, agent_id = claims.organization_id, str(claims.agent_id)
            rows = await open_logins.listed(connection, organization_id, agent_id, self._clock.now())
        return _shown(rows, claims.family)

    async def end_own(self, claims: Claims, session_id: str, address: str) -> None:
        """End one of the own logins. Raises RequestRefused when it is not open."""
        if not await self._end_own(claims, address, only=session_id):
            raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": session_id}))

    async def end_others(self, claims: Claims, address: str) -> None:
        """End every own login but the one that asks."""
        await self._end_own(claims, address, but=claims.family)

    async def of(self, principal: Principal, agent_id: str) -> SessionsListed:
        """An employee's logins. Raises RequestRefused for an unknown one."""
        await self._repository.one(principal.organization_id, Kind.EMPLOYEE, agent_id)
        async with self._repository.database.begin() as connection:
            rows = await open_logins.listed(
                connection, principal.organization_id, agent_id, self._clock.now()
            )
        return _shown(rows, "")

    async def end(self, principal: Principal, agent_id: str, session_id: str | None) -> None:
        """End one login of an employee, or all, with the right to their secrets. Raises RequestRefused."""
        async with self._repository.change(principal) as unit:
            unit.change_secret(agent_id)
            ended = await open_logins.end_some(
                unit.connection, unit.organization_id, agent_id, unit.now_at, only=session_id
            )
            if ended:
                unit.note(_ended("", agent_id, ended, principal.address))
        if session_id is not None and not ended:
            raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": session_id}))

    async def _end_own(self, claims: Claims, address: str, *, only: str | None = None, but: str = "") -> int:
        now_at: Instant = self._clock.now()
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._repository.database.begin() as connection:
            ended = await open_logins.end_some(
                connection, organization_id, agent_id, now_at, only=only, but=but
            )
            if ended:
                noted = _ended(f"agent/{agent_id}", agent_id, ended, address)
                await audit_trail.note(connection, organization_id, now_at, noted)
        return ended


def _ended(actor: str, agent_id: str, logins: int, address: str) -> Noted:
    return Noted(
        event=SecurityEvent.LOGINS_ENDED,
        actor=actor,
        subject=f"agent/{agent_id}",
        address=address,
        details={"logins": logins},
    )


def _shown(rows: Sequence[Row[Any]], current: str) -> SessionsListed:
    """The id is the login's, which tokens name: it opens nothing, because they are signed."""
    return SessionsListed(
        sessions=tuple(
            SessionShown(
                id=row.family,
                opened_at=row.opened_at,
                renewed_at=row.renewed_at,
                expires_at=row.expires_at,
                address=row.address,
                user_agent=row.user_agent,
                method=row.method,
                is_current=row.family == current,
            )
            for row in rows
        )
    )
