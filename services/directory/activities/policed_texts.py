"""Texts under the dialling policy: whom they may go to, and how many a day (C10).

Whoever asks for a text is not told that it was not sent: the answer must not show which numbers are known
(E7). Counts are kept by days (UTC) in the database, for all replicas.
"""

from typing import Final

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec, dialling
from contracts.dialling import Refusal
from contracts.directory import OrganizationSaved
from contracts.ids import Instant
from contracts.message import type_name
from runtime import security_events
from runtime.metrics import ALLOWANCES
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from services.directory.activities import grants
from services.directory.activities.database import Database, upsert
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import SAID, TEXTS
from services.directory.activities.text_messages import NotSent, SendText

DAY_MS: Final = 24 * 3_600_000
TEXTS_PER_PERSON_MAX: Final = 10
"""Texts a day to one employee, and from one organization to one number: three tries, three times over."""
TEXTS_PER_NUMBER_MAX: Final = 30
"""Texts a day to one number from all organizations: nobody's phone is flooded, and one organization alone,
which has somebody else's mobile on a card, does not use up the texts of the others."""

_log = structlog.get_logger()


class PolicedTexts:
    """The only way to the provider of texts."""

    def __init__(self, database: Database, clock: Clock, send: SendText) -> None:
        self._database = database
        self._clock = clock
        self._send = send

    async def send(self, organization_id: str, agent_id: str, number: str, text: str) -> None:
        """Send a text to an employee's number (E.164), unless policy or a count of today forbids it."""
        async with self._database.begin() as connection:
            refusal = await _refusal(connection, organization_id, number)
            spent = None
            if refusal is None:
                spent = await _spent(connection, organization_id, agent_id, number, self._clock.now())
        if refusal is not None:
            _note(
                SecurityEvent.POLICY_REFUSED,
                organization_id,
                agent_id,
                what="text",
                reason=refusal,
                number=number,
            )
            return
        if spent is not None:
            _note(SecurityEvent.QUOTA_REFUSED, organization_id, agent_id, quota=f"texts_per_day of {spent}")
            return
        try:
            await self._send(number, text)
        except NotSent as error:
            _log.warning("a text was not sent", organization_id=organization_id, error=str(error))


def _note(event: SecurityEvent, organization_id: str, agent_id: str, **details: object) -> None:
    security_events.emit(
        event,
        organization_id=organization_id,
        actor="",
        subject=f"agent/{agent_id}",
        outcome="refused",
        **details,
    )


async def _refusal(connection: AsyncConnection, organization_id: str, number: str) -> Refusal | None:
    """What the policy on the log says of the number: the card's, clamped to the operator's ceilings."""
    query = select(SAID.c.value).where(
        SAID.c.organization_id == organization_id,
        SAID.c.type == type_name(OrganizationSaved),
        SAID.c.subject == organization_id,
    )
    value = (await connection.execute(query)).scalar()
    if value is None:
        return Refusal.SWITCHED_OFF
    said = codec.decode(type_name(OrganizationSaved), value)
    assert isinstance(said, OrganizationSaved)
    return dialling.refusal_of_text(number, said.dialling_policy)


async def _spent(
    connection: AsyncConnection, organization_id: str, agent_id: str, number: str, now_at: Instant
) -> str | None:
    """Count the text; what has had too many today: the employee, the number, or the organization."""
    texts_max = (await grants.ceilings(connection, organization_id)).texts_per_day_max
    if await _count(connection, organization_id, f"agent/{agent_id}", now_at) > TEXTS_PER_PERSON_MAX:
        return "employee"
    subject = f"number/{digest(number)[:32]}"
    if await _count(connection, organization_id, subject, now_at) > TEXTS_PER_PERSON_MAX:
        return "number"
    if await _count(connection, "", subject, now_at) > TEXTS_PER_NUMBER_MAX:
        return "number"
    sent = await _count(connection, organization_id, "organization", now_at)
    if sent == max(1, texts_max * 4 // 5):
        ALLOWANCES.labels("texts").inc()
        _log.warning(
            "dialling.texts_run_low",
            organization_id=organization_id,
            texts=sent,
            texts_max=texts_max,
            remedy="look at who asks for codes; see `python -m ringback operator ceilings`",
        )
    return "organization" if sent > texts_max else None


async def _count(connection: AsyncConnection, organization_id: str, subject: str, now_at: Instant) -> int:
    """Count one more today, by the database, so that two at once count twice; the new count."""
    day = now_at // DAY_MS
    made = upsert(connection, TEXTS).values(organization_id=organization_id, subject=subject, day=day, sent=1)
    row = (TEXTS.c.organization_id == organization_id) & (TEXTS.c.subject == subject)
    # A count of an earlier day ends here, or at the next round of maintenance.
    await connection.execute(delete(TEXTS).where(row, TEXTS.c.day < day))
    counted = made.on_conflict_do_update(
        index_elements=["organization_id", "subject"], set_={"sent": TEXTS.c.sent + 1}
    ).returning(TEXTS.c.sent)
    return int((await connection.execute(counted)).scalar_one())


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete the counts of days that have ended."""
    await connection.execute(delete(TEXTS).where(TEXTS.c.day < now_at // DAY_MS))
