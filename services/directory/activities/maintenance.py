"""Hourly maintenance, by the replica with the lease: extends working hours (E5), deletes expired rows."""

import asyncio
from typing import Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import OrganizationSaved, PbxSaved
from contracts.ids import Instant
from contracts.message import Fact, type_name
from contracts.topics import FACTS
from runtime.ports import Clock
from services.directory.activities import (
    audit_trail,
    callbacks,
    devices,
    extension_checks,
    idempotency,
    outbox,
    password_recovery,
    phone_links,
    policed_texts,
    rate_limits,
    sessions,
    usages,
)
from services.directory.activities.audit_trail import AuditTrail
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import token
from services.directory.activities.tables import SAID
from services.directory.rules import facts
from services.directory.rules.hours import DAYS_AHEAD

LOOK_S: Final = 3_600.0
DAY_MS: Final = 24 * 3_600_000
WHO: Final = "calendar"
_EXPIRING: Final = (
    audit_trail,
    callbacks,
    devices,
    extension_checks,
    idempotency,
    password_recovery,
    phone_links,
    policed_texts,
    rate_limits,
    sessions,
    usages,
)

_log = structlog.get_logger()


SAID_AGAIN_MS: Final = FACTS.retention_ms // 2
"""A gateway reads the log from its beginning: what it must know may not grow as old as the log keeps it."""
_READ_FROM_THE_START: Final = (type_name(OrganizationSaved), type_name(PbxSaved))


class Maintenance:
    """Keeps hours known for sixty days ahead, and deletes expired rows."""

    def __init__(self, repository: Repository, clock: Clock, trail: AuditTrail) -> None:
        self._repository = repository
        self._trail = trail
        self._clock = clock
        self._holder = token()

    async def run(self) -> None:
        """Run a round every hour, until cancelled."""
        while True:
            try:
                await self.round()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("hours were not rolled on, and are again in an hour", error=str(error))
            await asyncio.sleep(LOOK_S)

    async def round(self) -> int:
        """Extend hours known for less than fifty-nine days; return the number of organizations."""
        now_at = self._clock.now()
        await self._trail.write_counted()
        async with self._repository.database.begin() as connection:
            if not await outbox.lease(connection, "calendar", self._holder, now_at):
                return 0
            for each in _EXPIRING:
                await each.delete_expired(connection, now_at)
            await _say_again(connection, now_at)
            short_at = now_at + (DAYS_AHEAD - 1) * DAY_MS
            query = select(SAID.c.organization_id).where(SAID.c.known_until_at < short_at).distinct()
            found = sorted((await connection.execute(query)).scalars())
        for organization_id in found:
            try:
                await self._extend_hours(organization_id, Instant(short_at))
            except Exception as error:  # noqa: BLE001  # one organization's fault may not cost the others their hours
                _log.error(
                    "alarm: an organization's hours were not rolled on, and are again in an hour",
                    organization_id=organization_id,
                    exc_info=error,
                )
        return len(found)

    async def _extend_hours(self, organization_id: str, short_at: Instant) -> None:
        async with self._repository.change_by_service(organization_id, WHO) as unit:
            unit.keeps_too_large = True
            query = select(SAID.c.subject).where(
                SAID.c.organization_id == organization_id, SAID.c.known_until_at < short_at
            )
            subjects = set((await unit.connection.execute(query)).scalars())
            made: list[Fact] = [
                facts.availability(unit.office, id_, card, unit.now_at)
                for id_, card in unit.office.employees.items()
                if id_ in subjects
            ]
            made += [
                facts.scenario(unit.office, id_, card, unit.now_at)
                for id_, card in unit.office.scenarios.items()
                if id_ in subjects
            ]
            await unit.say_what_differs(made)


async def _say_again(connection: AsyncConnection, now_at: Instant) -> None:
    """Say cards again before the log drops them; readers that know this version skip it."""
    aged = SAID.c.type.in_(_READ_FROM_THE_START) & (SAID.c.said_at < now_at - SAID_AGAIN_MS)
    rows = (await connection.execute(select(SAID).where(aged))).all()
    await outbox.put(connection, [outbox.again(row, now_at) for row in rows])
    await connection.execute(update(SAID).where(aged).values(said_at=now_at))
