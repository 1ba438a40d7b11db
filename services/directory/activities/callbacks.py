"""Callbacks ordered, cancelled, kept or reported as not reached through the API; callback decides each."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.callback import CallbackOrdered
from contracts.directory import (
    CallbackAsked,
    CallbackCancelAsked,
    CallbackKeepAsked,
    CallbackNotReachedAsked,
)
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, OrganizationId
from contracts.rights import Subject
from services.directory.activities import outbox, program_tokens
from services.directory.activities.authentication import Principal
from services.directory.activities.idempotency import KeyedRequest
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import digest, token
from services.directory.activities.tables import CALLBACKS
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.office import Kind
from services.directory.state.responses import CallbackShown

KEPT_MS: Final = 3 * 24 * 3_600_000
"""A callback ends within its department's timeout and an attempt: three days are more than any of them."""


class Callbacks:
    """Asks callback, and knows each callback's department; the caller has checked the rights."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def order(self, request: KeyedRequest, department_id: str, number: str) -> CallbackShown:
        """Ask for a callback (C11); callback decides by the dialling policy and its limits."""
        async with self._repository.change(request.principal) as unit:
            earlier = await self._repository.earlier(unit, request, CallbackShown)
            if earlier is not None:
                return earlier
            unit.current(Kind.DEPARTMENT, department_id)
            callback_id = f"callback.api.{token()}"
            fact = CallbackAsked(
                callback_id=CallbackId(callback_id),
                department_id=DepartmentId(department_id),
                number=number,
            )
            unit.say(
                outbox.record(
                    fact,
                    id_=f"{outbox.SOURCE}/{unit.organization_id}/asked/{callback_id}",
                    organization_id=unit.organization_id,
                    now_at=unit.now_at,
                )
            )
            await _insert(unit.connection, unit.organization_id, callback_id, department_id, unit.now_at)
            answer = CallbackShown(callback_id=callback_id)
            await self._repository.keep(unit, request, answer)
        return answer

    async def subject(self, organization_id: str, callback_id: str) -> Subject:
        """A callback as the table of rights sees one: its department's."""
        query = select(CALLBACKS.c.department_id).where(
            CALLBACKS.c.organization_id == organization_id, CALLBACKS.c.callback_id == digest(callback_id)
        )
        async with self._repository.database.begin() as connection:
            found = (await connection.execute(query)).scalar()
        departments = frozenset() if found is None else frozenset({DepartmentId(found)})
        return Subject(organization_id=OrganizationId(organization_id), departments=departments)

    async def cancel(self, principal: Principal, callback_id: str) -> None:
        """Ask callback to cancel; a callback that has ended stays as it ended (C9)."""
        await self._ask(
            principal,
            "cancel",
            CallbackCancelAsked(callback_id=CallbackId(callback_id), by=principal.agent_id),
        )

    async def keep(self, principal: Principal, callback_id: str) -> None:
        """Keep a callback that the agent's talk would end (C14). Raises RequestRefused for a program."""
        by = _require_employee(principal)
        await self._ask(principal, "keep", CallbackKeepAsked(callback_id=CallbackId(callback_id), by=by))

    async def not_reached(self, principal: Principal, callback_id: str) -> None:
        """Report that a machine or a stranger answered (C13, C16). Raises RequestRefused as `keep` does."""
        by = _require_employee(principal)
        await self._ask(
            principal, "not-reached", CallbackNotReachedAsked(callback_id=CallbackId(callback_id), by=by)
        )

    async def _ask(
        self,
        principal: Principal,
        what: str,
        fact: CallbackCancelAsked | CallbackKeepAsked | CallbackNotReachedAsked,
    ) -> None:
        organization_id = principal.organization_id
        async with self._repository.change(principal) as unit:
            unit.say(
                outbox.record(
                    fact,
                    id_=f"{outbox.SOURCE}/{organization_id}/{what}/{fact.callback_id}/{token()[:8]}",
                    organization_id=organization_id,
                    now_at=unit.now_at,
                )
            )

    async def note(self, organization_id: str, ordered: CallbackOrdered, at: Instant) -> None:
        """Remember a callback's department, however it was ordered."""
        callback_id = digest(ordered.callback_id)
        where = (CALLBACKS.c.organization_id == organization_id) & (CALLBACKS.c.callback_id == callback_id)
        async with self._repository.database.begin() as connection:
            if not await program_tokens.has_organization(connection, organization_id):
                return  # removed meanwhile
            await connection.execute(delete(CALLBACKS).where(where))
            await _insert(connection, organization_id, ordered.callback_id, ordered.department_id, at)


async def ask_again(repository: Repository, promised: Sequence[tuple[OrganizationId, CallbackAsked]]) -> None:
    """Ask for callbacks that were promised on a log that is lost, after all that the outbox has already."""
    now_at = repository.now()
    records = [
        outbox.record(
            fact,
            id_=f"{outbox.SOURCE}/{organization_id}/asked/{fact.callback_id}",
            organization_id=organization_id,
            now_at=now_at,
        )
        for organization_id, fact in promised
    ]
    async with repository.database.begin() as connection:
        await outbox.put(connection, records)


async def _insert(
    connection: AsyncConnection, organization_id: str, callback_id: str, department_id: str, at: Instant
) -> None:
    # A digest, since an id that derives from other ids has no maximal length.
    its = {"organization_id": organization_id, "callback_id": digest(callback_id)}
    await connection.execute(insert(CALLBACKS).values(**its, department_id=department_id, at=at))


def _require_employee(principal: Principal) -> AgentId:
    if principal.agent_id is None:
        raise RequestRefused(Problem(code=Code.FORBIDDEN))
    return principal.agent_id


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Forget callbacks that have long ended."""
    await connection.execute(delete(CALLBACKS).where(CALLBACKS.c.at + KEPT_MS <= now_at))
