"""Bringing closed recordings into S3: verified by size and checksum, again and again until S3 has them."""

import hashlib
from typing import Final

import structlog

from contracts.ids import MediaKey
from runtime.ports import Blobs, BlobsUnavailable, Clock
from services.gateway.activities.spool import Spool, Spooled

PAUSE_S_MIN: Final = 0.5
PAUSE_S_MAX: Final = 60.0
ALARM_S: Final = 300.0
"""EC-62: after five minutes somebody has to look; the letter goes with the audio from the spool then."""
CONTENT_TYPE: Final = "audio/wav"

log = structlog.get_logger(__name__)


class RecordingGone(Exception):
    """It is neither in the spool nor in S3."""


def recording_key(spooled: Spooled) -> MediaKey:
    """Where the original lies: unguessable, without a phone number, the same for a repeated upload (V3)."""
    name = hashlib.sha256(f"{spooled.recording_id}\n{spooled.sha256}".encode()).hexdigest()
    return MediaKey(f"{spooled.organization_id}/recordings/{name}.wav")


class Uploads:
    """One recording at a time per call; the spool keeps it until the caller forgets it."""

    def __init__(self, spool: Spool, blobs: Blobs, clock: Clock) -> None:
        self._spool = spool
        self._blobs = blobs
        self._clock = clock

    async def store(self, spooled: Spooled) -> MediaKey:
        """Put it and look whether it is there as it should be; returns only then. Raises RecordingGone."""
        key, pause_s, since = recording_key(spooled), PAUSE_S_MIN, self._clock.elapsed()
        while not await self._is_stored(spooled, key):
            if self._clock.elapsed() - since > ALARM_S:
                log.error("gateway.recording_not_stored", recording_id=spooled.recording_id)
            await self._clock.sleep(pause_s)
            pause_s = min(PAUSE_S_MAX, pause_s * 2)
        return key

    async def _is_stored(self, spooled: Spooled, key: MediaKey) -> bool:
        data = self._spool.read(spooled.recording_id)
        if data is not None and hashlib.sha256(data).hexdigest() != spooled.sha256:
            log.error("gateway.spool_damaged", recording_id=spooled.recording_id)
            data = None
        try:
            # Without the file, as it was closed, somebody else has brought it there, or nobody ever will.
            if data is not None:
                await self._blobs.put(key, data, content_type=CONTENT_TYPE)
            info = await self._blobs.info(key)
        except BlobsUnavailable as error:
            log.warning("gateway.upload_failed", recording_id=spooled.recording_id, reason=str(error))
            return False
        is_there = info is not None and (info.bytes, info.sha256) == (spooled.bytes, spooled.sha256)
        if data is None and not is_there:
            raise RecordingGone
        return is_there
