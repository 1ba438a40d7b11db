"""Asks an office PBX whether it has an extension (O3).

The question goes through the outbox, numbered in its stream. The answer is written to the database, where the
replica that waits for it looks: another replica may have read it.
"""

from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import PbxKind
from contracts.gateway import ExtensionChecked
from contracts.ids import Instant, PbxId
from contracts.telephony import CheckExtension
from runtime.ports import Clock
from services.directory.activities import outbox
from services.directory.activities.authentication import Principal
from services.directory.activities.repository import Repository
from services.directory.activities.tables import CHECKS
from services.directory.rules.employees import unknown
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.rules.extensions import pbx_name
from services.directory.state.cards import ExtensionCard

ANSWER_S_MAX: Final = 3.0
LOOK_S: Final = 0.1
KEPT_MS: Final = 3_600_000


class ExtensionChecks:
    """Asks PBXs, and waits for their answers."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def require_new(self, principal: Principal, card: ExtensionCard) -> None:
        """Ask an office PBX for an extension that is to be added. Raises RequestRefused."""
        async with self._repository.reading(principal.organization_id) as unit:
            pbx = unit.office.pbxs.get(card.pbx_id)
            known = list(unit.office.pbxs)
        if pbx is None:
            raise RequestRefused(unknown("pbx_id", card.pbx_id, known))
        if pbx.kind is not PbxKind.OFFICE:
            problem = Problem(code=Code.PBX_KIND_WRONG, field="pbx_id", values={"pbx": pbx.name})
            raise RequestRefused(problem)
        await self.require(principal, card.pbx_id, card.extension)

    async def require(self, principal: Principal, pbx_id: str, extension: str) -> None:
        """Return once the PBX has said yes. Raises RequestRefused: it has no such extension, or is away."""
        async with self._repository.change(principal) as unit:
            seq = await outbox.next_seq(unit.connection, principal.organization_id, PbxId(pbx_id))
            command = CheckExtension(pbx_id=PbxId(pbx_id), extension=extension)
            id_ = f"{outbox.SOURCE}/{principal.organization_id}/check/{pbx_id}/{seq}"
            unit.say(
                outbox.record(
                    command, id_=id_, organization_id=principal.organization_id, now_at=unit.now_at, seq=seq
                )
            )
            values = {"organization_id": principal.organization_id, "pbx_id": pbx_id, "asked_at": unit.now_at}
            await unit.connection.execute(insert(CHECKS).values(**values, seq=seq, found=None))
            named = {"extension": extension, "pbx": pbx_name(unit.office, pbx_id)}
        found = await self._answer(principal.organization_id, pbx_id, seq)
        if found is None:
            raise RequestRefused(Problem(code=Code.EXTENSION_UNCHECKED, field="extension", values=named))
        if not found:
            raise RequestRefused(Problem(code=Code.EXTENSION_ABSENT, field="extension", values=named))

    async def _answer(self, organization_id: str, pbx_id: str, seq: int) -> bool | None:
        query = select(CHECKS.c.found).where(
            CHECKS.c.organization_id == organization_id, CHECKS.c.pbx_id == pbx_id, CHECKS.c.seq == seq
        )
        began = self._clock.elapsed()
        while self._clock.elapsed() - began < ANSWER_S_MAX:
            async with self._repository.database.begin() as connection:
                found = (await connection.execute(query)).scalar()
            if found is not None:
                return bool(found)
            await self._clock.sleep(LOOK_S)
        return None

    async def note(self, organization_id: str, answer: ExtensionChecked) -> None:
        """Write a PBX's answer where the waiting replica looks."""
        where = (
            (CHECKS.c.organization_id == organization_id)
            & (CHECKS.c.pbx_id == answer.pbx_id)
            & (CHECKS.c.seq == answer.seq)
        )
        async with self._repository.database.begin() as connection:
            await connection.execute(update(CHECKS).where(where).values(found=answer.exists))


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete checks that nobody waits for any more."""
    await connection.execute(delete(CHECKS).where(CHECKS.c.asked_at + KEPT_MS <= now_at))
