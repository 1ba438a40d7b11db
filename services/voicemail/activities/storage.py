"""Carries out `delivery.store_message`: check, convert, upload, verify (V2, V3, V7, V8).

The original stays where the gateway put it. The key of an upload is made of the recording's bytes, so a
repeated command writes the same object, and the key can't be guessed without the recording.
"""

import asyncio
import hashlib
from typing import Final

import msgspec

from contracts import audio_keys
from contracts.ids import MediaKey, OrganizationId
from contracts.message import Fact
from contracts.voicemail import (
    MessageMissing,
    MessageQuarantined,
    MessageStored,
    MissingReason,
    StoreMessage,
    StoringDeferred,
)
from runtime.ports import Blobs, BlobsUnavailable
from services.voicemail.activities.conversion import Conversion, ConverterMissing, Mp3Converter, NotPlayable
from services.voicemail.activities.spool import Fetch, FetchFailed

ORIGINAL_BYTES_MAX: Final = 64 * 1024**2
"""Two hours of A-law; a voice message has 3 minutes, and the process should need 150 MiB at most."""


class StorageUnavailable(Exception):
    """Something is away; the same storing may succeed later."""


class RecordingTooLong(Exception):
    """The recording is far too long for a voice message; it stays where it is, unread."""

    def __init__(self) -> None:
        super().__init__(f"the recording is longer than {ORIGINAL_BYTES_MAX} bytes")


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as the PBX made it; `key` None: S3 does not have it yet.

    `is_as_told`: size and checksum are those that the gateway reported. Other copies are never processed.
    """

    data: bytes
    key: MediaKey | None
    is_as_told: bool


def sha256(data: bytes) -> str:
    """SHA-256 in hex, as in all messages."""
    return hashlib.sha256(data).hexdigest()


def key_of(organization_id: OrganizationId, command: StoreMessage, data: bytes, kind: str) -> MediaKey:
    """The key of an object made from a recording: from its bytes and the voice message's id."""
    name = sha256(b"\0".join((command.voice_message_id.encode(), sha256(data).encode())))
    return audio_keys.message_key(organization_id, name, kind)


class MessageStorage:
    """Stores voice messages; safe to repeat."""

    def __init__(self, *, blobs: Blobs, fetch: Fetch, converter: Mp3Converter) -> None:
        self._blobs = blobs
        self._fetch = fetch
        self._converter = converter

    async def store(self, organization_id: OrganizationId, command: StoreMessage) -> Fact:
        """Carry out the command; every result is a fact."""
        if command.key is not None and not audio_keys.is_own_recording(organization_id, command.key):
            return _quarantined(command, None, "the key of the recording is not one of this organization")
        try:
            return await self._store(organization_id, command)
        except (StorageUnavailable, BlobsUnavailable, ConverterMissing) as error:
            reason = str(error) or repr(error)
            return StoringDeferred(
                voice_message_id=command.voice_message_id, reason=reason, tries=command.tries
            )

    async def _store(self, organization_id: OrganizationId, command: StoreMessage) -> Fact:
        try:
            original = await self._original(command)
        except RecordingTooLong as error:
            return _quarantined(command, command.key, str(error))
        if original is None:
            return _quarantined(command, None, "the recording is neither in S3 nor in the spool")
        if not original.is_as_told:
            key = await self._keep_original(organization_id, command, original)
            return _quarantined(command, key, "no copy has the size and checksum of what was recorded")
        try:
            sound = await self._converter.convert(
                original.data,
                speech_ms_min=command.speech_ms_min,
                duration_ms_max=command.duration_ms_max,
                organization_id=organization_id,
            )
        except NotPlayable as error:
            key = await self._keep_original(organization_id, command, original)
            return _quarantined(command, key, str(error))
        if not sound.mp3:
            return MessageMissing(
                voice_message_id=command.voice_message_id,
                reason=MissingReason.TOO_SHORT,
                callback_id=command.callback_id,
            )
        return await self._upload(organization_id, command, original, sound)

    async def _upload(
        self, organization_id: OrganizationId, command: StoreMessage, original: Original, sound: Conversion
    ) -> MessageStored:
        original_key = await self._keep_original(organization_id, command, original)
        mp3_key = key_of(organization_id, command, original.data, "mp3")
        await self._put(mp3_key, sound.mp3, "audio/mpeg")
        return MessageStored(
            voice_message_id=command.voice_message_id,
            original_key=original_key,
            mp3_key=mp3_key,
            mp3_bytes=len(sound.mp3),
            mp3_sha256=sha256(sound.mp3),
            speech_ms=sound.speech_ms,
            mark=sound.mark,
        )

    async def _keep_original(
        self, organization_id: OrganizationId, command: StoreMessage, original: Original
    ) -> MediaKey:
        if original.key is not None:
            return original.key
        key = key_of(organization_id, command, original.data, "original")
        await self._put(key, original.data, "application/octet-stream")
        return key

    async def _put(self, key: MediaKey, data: bytes, content_type: str) -> None:
        """Upload and verify: an object is stored when S3 reports its size and checksum."""
        await self._blobs.put(key, data, content_type=content_type)
        info = await self._blobs.info(key)
        if info is None or info.bytes != len(data) or info.sha256 != sha256(data):
            raise StorageUnavailable("S3 does not have what was uploaded")

    async def _original(self, command: StoreMessage) -> Original | None:
        """The recording, from S3 or the spool; a wrong copy if no other can come; None if there is none.

        A wrong copy in S3 does not count while the spool can't be read: the right one may be there.
        """
        if command.bytes > ORIGINAL_BYTES_MAX:
            raise RecordingTooLong
        wrong: Original | None = None
        trouble: list[str] = []
        for get in (self._from_s3, self._from_spool):
            try:
                found = await get(command)
            except (BlobsUnavailable, FetchFailed) as error:
                trouble.append(str(error) or repr(error))
                continue
            if found is not None and found.is_as_told:
                return found
            wrong = wrong or found
        if trouble or (wrong is None and command.key is None):
            # Without a key the gateway may still be uploading: it will report the key.
            raise StorageUnavailable("; ".join(trouble) or "the recording is not in the spool any more")
        return wrong

    async def _from_s3(self, command: StoreMessage) -> Original | None:
        if command.key is None:
            return None
        info = await self._blobs.info(command.key)
        if info is not None and info.bytes != command.bytes:
            # Of another size, so it is wrong, and may be huge: it is not read.
            return Original(data=b"", key=command.key, is_as_told=False)
        data = await self._blobs.get(command.key)
        return None if data is None else await _compared(command, data, command.key)

    async def _from_spool(self, command: StoreMessage) -> Original | None:
        data = await self._fetch(command.spool_url) if command.spool_url else None
        return None if data is None else await _compared(command, data, None)


async def _compared(command: StoreMessage, data: bytes, key: MediaKey | None) -> Original:
    is_as_told = len(data) == command.bytes and await asyncio.to_thread(sha256, data) == command.sha256
    return Original(data=data, key=key, is_as_told=is_as_told)


def _quarantined(command: StoreMessage, key: MediaKey | None, reason: str) -> MessageQuarantined:
    return MessageQuarantined(voice_message_id=command.voice_message_id, original_key=key, reason=reason)
