"""Removes audio from S3: what was deleted or erased, and what is older than the retention time (V6, R1).

The objects go first, then the fact says so: a crash in between only repeats a deletion.
"""

from collections.abc import AsyncGenerator
from typing import Final

import structlog
from sqlalchemy import Table, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.audio_keys import is_own_recording
from contracts.dialling import CALENDAR_END_AT
from contracts.history import MessageRemoved, RecordingRemoved
from contracts.ids import OrganizationId, RecordingId, VoiceMessageId
from contracts.message import Fact
from runtime.edge import Say
from runtime.ports import Blobs, Clock
from services.history.activities import tables
from services.history.activities.access_trail import SOURCE
from services.history.activities.repository import contacts_named, load_cards
from services.history.activities.turns import Turns
from services.history.rules.message_care import DELETED, REMOVED_AFTER_MS
from services.history.rules.retention_warnings import DAY_MS
from services.history.rules.voice_messages import keys_of

ONCE_MAX: Final = 500
"""Voice messages of one organization in one sweep; the rest comes in the next."""
SHARE: Final = 20
"""Of them before the next organization has its turn."""
RETENTION: Final = "retention"

_log = structlog.get_logger()


class AudioRetention:
    """Removes audio, sweep by sweep."""

    def __init__(self, *, engine: AsyncEngine, say: Say, blobs: Blobs, clock: Clock) -> None:
        self._engine = engine
        self._say = say
        self._blobs = blobs
        self._clock = clock
        self._turns = Turns(engine, "audio_retention")

    async def sweep(self) -> int:
        """Remove everything that must go now; how many voice messages and recordings went.

        Raises BlobsUnavailable, NotSaid.
        """
        return await self._turns.sweep(self._removing)

    async def _removing(self, organization_id: OrganizationId) -> AsyncGenerator[int]:
        """Remove an organization's audio, a share at a time."""
        subjects = await self._asked_for(organization_id) | await self._too_old(organization_id)
        for begin in range(0, len(subjects), SHARE):
            share = sorted(subjects.items())[begin : begin + SHARE]
            for subject, (keys, reason) in share:
                await self._remove(organization_id, subject, keys, reason)
            yield len(share)

    async def _remove(
        self, organization_id: OrganizationId, subject: str, keys: set[str], reason: str
    ) -> None:
        for key in sorted(keys):
            # Another organization's object, named by mistake or on purpose, is not ours to remove.
            if is_own_recording(organization_id, key):
                await self._blobs.delete(key)
            else:
                _log.error("alarm: a recording's key is not of its organization, and stays")
        await self._say(
            (_removed(subject, reason),),
            organization_id=organization_id,
            source=SOURCE,
            cause=f"{subject}/{reason}",
        )

    async def _asked_for(self, organization_id: OrganizationId) -> dict[str, tuple[set[str], str]]:
        """Audio that people deleted or erased."""
        table = tables.removals
        before = self._clock.now() - REMOVED_AFTER_MS
        # What a person has deleted may still be wanted back.
        is_due = or_(table.c.reason != DELETED, table.c.asked_at < before)
        query = select(table).where(table.c.organization_id == organization_id, is_due).limit(ONCE_MAX)
        found: dict[str, tuple[set[str], str]] = {}
        async with self._engine.connect() as connection:
            for row in await connection.execute(query):
                found.setdefault(row.subject, (set(), row.reason))[0].add(row.key)
        return found

    async def _too_old(self, organization_id: OrganizationId) -> dict[str, tuple[set[str], str]]:
        """Audio that is older than the organization's retention time; all of a removed organization's."""
        async with self._engine.connect() as connection:
            card = (await load_cards(connection, organization_id)).organization
            if card is None:
                return {}
            before = CALENDAR_END_AT
            if not card.is_removed:
                before = self._clock.now() - card.retention_days * DAY_MS
            messages, recordings = tables.messages, tables.recordings
            queries: tuple[tuple[Table, str, str], ...] = (
                (messages, "voice_message_id", "message"),
                (recordings, "recording_id", "recording"),
            )
            subjects: list[str] = []
            for table, id_, kind in queries:
                is_old = table.c.taken_at < before if table is messages else table.c.at < before
                has = table.c.has_audio.is_(True) if table is messages else table.c.key.is_not(None)
                listed = await connection.scalars(
                    select(table.c[id_])
                    .where(table.c.organization_id == organization_id, is_old, has)
                    .limit(ONCE_MAX)
                )
                subjects += [f"{kind}:{each}" for each in listed]
            found: dict[str, tuple[set[str], str]] = {}
            for contact in await contacts_named(connection, organization_id, subjects):
                for key, subject in keys_of(contact).items():
                    if subject in subjects:
                        found.setdefault(subject, (set(), RETENTION))[0].add(key)
        return found


def _removed(subject: str, reason: str) -> Fact:
    kind, _, id_ = subject.partition(":")
    if kind == "message":
        return MessageRemoved(voice_message_id=VoiceMessageId(id_), reason=reason)
    return RecordingRemoved(recording_id=RecordingId(id_), reason=reason)
