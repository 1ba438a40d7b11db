"""Hourly maintenance, by the replica with the lease: extends working hours (E5), deletes expired rows."""

import asyncio
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from contracts.ids import Instant
from contracts.message import Fact
from runtime.ports import Clock
from services.directory.activities import (
    callbacks,
    extension_checks,
    idempotency,
    outbox,
    password_recovery,
    rate_limits,
    sessions,
)
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import token
from services.directory.activities.tables import SAID
from services.directory.rules import facts
from services.directory.rules.hours import DAYS_AHEAD

LOOK_S: Final = 3_600.0
DAY_MS: Final = 24 * 3_600_000
WHO: Final = "calendar"

_log = structlog.get_logger()


class Maintenance:
    """Keeps hours known for sixty days ahead, and deletes expired rows."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
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
        async with self._repository.database.begin() as connection:
            if not await outbox.lease(connection, "calendar", self._holder, now_at):
                return 0
            for each in (callbacks, extension_checks, idempotency, password_recovery, rate_limits, sessions):
                await each.delete_expired(connection, now_at)
            short_at = now_at + (DAYS_AHEAD - 1) * DAY_MS
            query = select(SAID.c.organization_id).where(SAID.c.known_until_at < short_at).distinct()
            found = sorted((await connection.execute(query)).scalars())
        for organization_id in found:
            await self._extend_hours(organization_id, Instant(short_at))
        return len(found)

    async def _extend_hours(self, organization_id: str, short_at: Instant) -> None:
        async with self._repository.change(organization_id, WHO) as unit:
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
