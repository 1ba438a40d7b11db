"""Removes audio from S3: what was deleted or erased, and what is older than the retention time (V6, R1).

The objects go first, then the fact says so: a crash in between only repeats a deletion.
"""

from typing import Final

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.history import MessageRemoved, RecordingRemoved
from contracts.ids import OrganizationId, RecordingId, VoiceMessageId
from contracts.message import Fact
from runtime.edge import Say
from runtime.ports import Blobs, Clock
from services.history.activities import tables
from services.history.activities.authentication import SOURCE
from services.history.activities.repository import contacts_named, load_cards, organizations
from services.history.rules.retention_warnings import DAY_MS
from services.history.rules.voice_messages import keys_of

ONCE_MAX: Final = 500
"""Voice messages of one organization in one sweep; the rest comes in the next."""
RETENTION: Final = "retention"


class AudioRetention:
    """Removes audio, sweep by sweep."""

    def __init__(self, *, engine: AsyncEngine, say: Say, blobs: Blobs, clock: Clock) -> None:
        self._engine = engine
        self._say = say
        self._blobs = blobs
        self._clock = clock

    async def sweep(self) -> int:
        """Remove everything that must go now; how many voice messages and recordings went.

        Raises BlobsUnavailable, NotSaid.
        """
        gone = 0
        for organization_id in await organizations(self._engine):
            subjects = await self._asked_for(organization_id) | await self._too_old(organization_id)
            for subject, (keys, reason) in sorted(subjects.items()):
                for key in sorted(keys):
                    await self._blobs.delete(key)
                await self._say(
                    (_removed(subject, reason),),
                    organization_id=organization_id,
                    source=SOURCE,
                    cause=f"{subject}/{reason}",
                )
                gone += 1
        return gone

    async def _asked_for(self, organization_id: OrganizationId) -> dict[str, tuple[set[str], str]]:
        """Audio that people deleted or erased."""
        table = tables.removals
        query = select(table).where(table.c.organization_id == organization_id).limit(ONCE_MAX)
        found: dict[str, tuple[set[str], str]] = {}
        async with self._engine.connect() as connection:
            for row in await connection.execute(query):
                found.setdefault(row.subject, (set(), row.reason))[0].add(row.key)
        return found

    async def _too_old(self, organization_id: OrganizationId) -> dict[str, tuple[set[str], str]]:
        """Audio that is older than the organization's retention time."""
        async with self._engine.connect() as connection:
            card = (await load_cards(connection, organization_id)).organization
            if card is None:
                return {}
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
