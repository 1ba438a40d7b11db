"""The audit trail: who changed which card, and security events, which also go to the security stream.

An event is written in the transaction of what it tells of, and goes to the stream once that is committed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import Envelope
from contracts.history import Accessed, AccessKind, AccessRefused
from contracts.ids import Instant
from runtime import security_events
from runtime.ports import Clock
from runtime.security_events import Outcome, SecurityEvent
from runtime.throttle import Throttle
from services.directory.activities.database import Database, after_commit
from services.directory.activities.rate_limits import TooManyTries
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import AUDIT, CARDS
from services.directory.rules.audit_changes import masked_numbers
from services.directory.state.cards import Card, EmployeeCard, TokenCard
from services.directory.state.office import Kind

KEPT_MS: Final = 3 * 366 * 24 * 3_600_000
"""Three years: the term in which most claims become time-barred."""
SOURCE: Final = "directory"
_OF_HISTORY: Final = {
    AccessKind.AUDIO_LINKED: SecurityEvent.AUDIO_LINKED,
    AccessKind.DOWNLOADED: SecurityEvent.DOWNLOADED,
}
_LENGTH_MAX: Final = {"who": 80, "what": 40, "kind": 16, "id": 64}
"""The columns' lengths, which PostgreSQL enforces."""


class Noted(Struct, frozen=True, kw_only=True):
    """A security event of an organization. `details` have no secrets; numbers in any field are masked.

    In a unit of work an empty `actor` stands for whoever makes the change.
    """

    event: SecurityEvent
    actor: str
    subject: str = ""
    outcome: Outcome = "ok"
    address: str = ""
    details: dict[str, Any] = {}


async def note(
    connection: AsyncConnection,
    organization_id: str,
    now_at: Instant,
    noted: Noted,
    *,
    times: int = 1,
    is_streamed: bool = True,
    heard: str = "",
) -> None:
    """Write an event to the trail, and to the stream once the transaction is committed.

    `heard` is the digest of the id of a fact that told of it.
    """
    details = dict(noted.details)
    if noted.address:
        details["address"] = noted.address
    if is_streamed:
        after_commit(connection, partial(_emit, organization_id, noted, details))
    if times > 1:
        details["times"] = times
    values = {
        "who": noted.actor,
        "what": noted.event.value,
        "kind": noted.event.value.partition(".")[0],
        "id": masked_numbers(noted.subject),
    }
    values = {key: value[: _LENGTH_MAX[key]] for key, value in values.items()}
    text = masked_numbers(msgspec.json.encode(details).decode())
    row = {**values, "organization_id": organization_id, "at": now_at, "version": 0}
    row |= {"before": "", "after": heard, "fields": "", "outcome": noted.outcome, "details": text}
    await connection.execute(insert(AUDIT), [row])


def _emit(organization_id: str, noted: Noted, details: dict[str, Any]) -> None:
    security_events.emit(
        noted.event,
        organization_id=organization_id,
        actor=noted.actor,
        subject=noted.subject,
        outcome=noted.outcome,
        **details,
    )


class AuditTrail:
    """Notes events that are not part of a change: logins, refusals, lock-outs.

    Every one goes to the stream. In the trail an actor's first sixty of a minute stand one by one; the
    others are counted, so that nobody fills an organization's trail.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._throttle: Throttle[tuple[str, Noted]] = Throttle()

    async def note(self, organization_id: str, noted: Noted, *, is_streamed: bool = True) -> int:
        """Note one event, in a transaction of its own; for how many it stands, 0: it was only counted."""
        now_at = self._clock.now()
        who = f"{organization_id}/{noted.actor or noted.address}/{noted.event}"
        times = self._throttle.times(who, now_at, (organization_id, noted))
        async with self._database.begin() as connection:
            if times and await _has_organization(connection, organization_id):
                await note(connection, organization_id, now_at, noted, times=times, is_streamed=is_streamed)
                return times
        if is_streamed:
            _emit(organization_id, noted, {**noted.details, "address": noted.address})
        return times

    @asynccontextmanager
    async def locking_out(self, organization_id: str, address: str) -> AsyncIterator[None]:
        """Note that too many tries were made, if the block says so."""
        try:
            yield
        except TooManyTries as error:
            noted = Noted(
                event=SecurityEvent.LOCKED_OUT,
                actor="",
                subject=error.subject,
                outcome="refused",
                address=address,
                details={"seconds": error.seconds},
            )
            await self.note(organization_id, noted)
            raise

    async def hear(self, envelope: Envelope, at: Instant, fact: Accessed | AccessRefused) -> None:
        """Write what history says of access to it; what it says twice stands once."""
        if envelope.source == SOURCE:
            return  # our own refusals, which were written when they were made
        if isinstance(fact, Accessed):
            details = {"filters": fact.details} if fact.details else {}
            noted = Noted(
                event=_OF_HISTORY[fact.kind],
                actor=fact.by,
                subject=fact.subject,
                address=fact.address,
                details=details,
            )
            times = 1
        else:
            noted = Noted(
                event=SecurityEvent.ACCESS_REFUSED,
                actor=fact.by,
                subject=fact.what,
                outcome="refused",
                details={"action": fact.action},
            )
            times = fact.times
        async with self._database.begin() as connection:
            if await is_heard(connection, at, digest(envelope.id)):
                return
            if not await _has_organization(connection, envelope.organization_id):
                return  # removed meanwhile: its trail is gone, and begins no more
            await note(
                connection,
                envelope.organization_id,
                at,
                noted,
                times=times,
                is_streamed=False,
                heard=digest(envelope.id),
            )

    async def write_counted(self) -> None:
        """Write what was only counted and whose minute is over."""
        now_at = self._clock.now()
        for (organization_id, noted), times in self._throttle.counted(now_at):
            async with self._database.begin() as connection:
                if await _has_organization(connection, organization_id):
                    await note(connection, organization_id, now_at, noted, times=times, is_streamed=False)


def of_change(who: str, kind: Kind, id_: str, before: Card | None, after: Card | None) -> list[Noted]:
    """The security events that a change of a card is."""
    match before, after:
        case (EmployeeCard() | None, EmployeeCard() | None) if kind is Kind.EMPLOYEE:
            was, now = _reach(before), _reach(after)
            if was == now:
                return []
            given = {"before": was, "after": now}
            return [Noted(event=SecurityEvent.ROLE_CHANGED, actor=who, subject=f"agent/{id_}", details=given)]
        case (TokenCard(), None):
            return [Noted(event=SecurityEvent.TOKEN_REVOKED, actor=who, subject=f"token/{id_}")]
        case _:
            return []


def _reach(card: Card | None) -> str:
    """What an employee may do, in one word and its extensions; empty: nobody."""
    if not isinstance(card, EmployeeCard):
        return ""
    extended = {
        "sees_organization": card.sees_organization,
        "may_download": card.may_download,
        "may_hear": card.may_hear,
    }
    return " ".join([str(card.role), *(name for name, is_so in extended.items() if is_so)])


async def is_heard(connection: AsyncConnection, at: Instant, heard: str) -> bool:
    """Whether the fact with this digest of its id stands in the trail already."""
    query = select(AUDIT.c.number).where(AUDIT.c.at == at, AUDIT.c.after == heard)
    return (await connection.execute(query)).first() is not None


async def _has_organization(connection: AsyncConnection, organization_id: str) -> bool:
    where = (CARDS.c.organization_id == organization_id) & (CARDS.c.kind == Kind.ORGANIZATION.value)
    return (await connection.execute(select(CARDS.c.id).where(where))).first() is not None


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete lines older than three years."""
    await connection.execute(delete(AUDIT).where(AUDIT.c.at + KEPT_MS <= now_at))
