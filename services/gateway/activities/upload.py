"""The upload of closed recordings to S3: verified by size and checksum, repeated until S3 has them."""

import asyncio
import hashlib
from typing import Final

import structlog

from contracts import audio_keys
from contracts.ids import MediaKey
from runtime.ports import Blobs, BlobsUnavailable, Clock
from services.gateway.activities.spool import Spool, SpoolEntry

PAUSE_S_MIN: Final = 0.5
PAUSE_S_MAX: Final = 60.0
ALARM_S: Final = 300.0
"""EC-62: after five minutes somebody has to look; letters then take the audio from the spool."""
CONTENT_TYPE: Final = "audio/wav"

log = structlog.get_logger(__name__)


class RecordingGone(Exception):
    """The recording is neither in the spool nor in S3."""


def recording_key(entry: SpoolEntry) -> MediaKey:
    """The key of the original: unguessable, without a phone number, the same for a repeated upload (V3)."""
    name = hashlib.sha256(f"{entry.recording_id}\n{entry.sha256}".encode()).hexdigest()
    return audio_keys.recording_key(entry.organization_id, name)


class Uploads:
    """Uploads from the spool, which keeps a recording until the caller removes it."""

    def __init__(self, spool: Spool, blobs: Blobs, clock: Clock) -> None:
        self._spool = spool
        self._blobs = blobs
        self._clock = clock

    async def store(self, entry: SpoolEntry) -> MediaKey:
        """Upload until S3 has it, verified. Raises RecordingGone."""
        key, pause_s, since = recording_key(entry), PAUSE_S_MIN, self._clock.elapsed()
        while not await self._is_stored(entry, key):
            if self._clock.elapsed() - since > ALARM_S:
                log.error("gateway.recording_not_stored", recording_id=entry.recording_id)
            await self._clock.sleep(pause_s)
            pause_s = min(PAUSE_S_MAX, pause_s * 2)
        return key

    async def found(self, entry: SpoolEntry) -> MediaKey:
        """Wait until another gateway has uploaded it from its own spool, however long that is away."""
        key, pause_s, since = recording_key(entry), PAUSE_S_MIN, self._clock.elapsed()
        while not await self._is_found(entry, key):
            if self._clock.elapsed() - since > ALARM_S:
                log.error(
                    "gateway.recording_elsewhere",
                    recording_id=entry.recording_id,
                    remedy="start the gateway whose volume has it",
                )
            await self._clock.sleep(pause_s)
            pause_s = min(PAUSE_S_MAX, pause_s * 2)
        return key

    async def _is_found(self, entry: SpoolEntry, key: MediaKey) -> bool:
        try:
            return await self._is_in_s3(entry, key)
        except BlobsUnavailable as error:
            log.warning("gateway.upload_not_found", recording_id=entry.recording_id, reason=str(error))
            return False

    async def _is_in_s3(self, entry: SpoolEntry, key: MediaKey) -> bool:
        info = await self._blobs.info(key)
        return info is not None and (info.bytes, info.sha256) == (entry.bytes, entry.sha256)

    async def _is_stored(self, entry: SpoolEntry, key: MediaKey) -> bool:
        data = await asyncio.to_thread(self._intact, entry)
        try:
            # Without the intact file a successor has uploaded it, or nobody ever will.
            if data is not None:
                await self._blobs.put(key, data, content_type=CONTENT_TYPE)
            is_there = await self._is_in_s3(entry, key)
        except BlobsUnavailable as error:
            log.warning("gateway.upload_failed", recording_id=entry.recording_id, reason=str(error))
            return False
        if data is None and not is_there:
            raise RecordingGone
        return is_there

    def _intact(self, entry: SpoolEntry) -> bytes | None:
        """The file as it was closed, or None: two hours take a moment to read."""
        data = self._spool.read(entry.recording_id)
        if data is not None and hashlib.sha256(data).hexdigest() != entry.sha256:
            log.error("gateway.spool_damaged", recording_id=entry.recording_id)
            return None
        return data
