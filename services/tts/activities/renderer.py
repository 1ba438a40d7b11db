"""Renders each content once, and finds earlier renderings by their content (T2).

A text with its voice has one content address, hence one key. Two requests at the same moment share one
rendering; if two processes render the same, both put the same object, and the store keeps the first.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from contracts.directory import Language
from contracts.ids import MediaKey
from runtime import metrics, uploads
from runtime.fairness import FairRoom
from runtime.ports import BlobInfo, Blobs
from services.tts.activities import audio
from services.tts.activities.engine import Engine
from services.tts.rules import content_address
from services.tts.rules.content_address import AudioFormat, Voice
from services.tts.rules.notice_text import NoticeRefused, Refusal

WAV: Final = "audio/wav"
WHOLE_MAX: Final = 50_000
"""Objects remembered as whole, some 100 bytes each; a forgotten one is checked again."""


class Rendering(msgspec.Struct, frozen=True):
    """An object in canonical form, ready to be played."""

    key: MediaKey
    duration_ms: int


class Renderer:
    """Makes audio and puts it into the store; at most `programs_max` programs run at once.

    Organizations take turns with them, and one is left to the others as long as there are several.
    """

    def __init__(
        self,
        *,
        blobs: Blobs,
        engine: Engine,
        voices: Mapping[Language, Voice],
        formats: tuple[AudioFormat, ...] = (),
        programs_max: int = 2,
    ) -> None:
        self.blobs = blobs
        self.engine = engine
        self.voices = voices
        self.formats = formats
        self.programs = FairRoom(programs_max, per_organization_max=max(1, programs_max - 1))
        self._whole: OrderedDict[MediaKey, None] = OrderedDict()
        self._running: dict[str, asyncio.Task[Rendering]] = {}

    async def speech(self, language: Language, text: str, *, organization_id: str) -> Rendering:
        """Speak a text. Raises NoticeRefused, EngineUnavailable, BlobsUnavailable."""
        voice = self.voices[language]

        async def speak() -> bytes:
            try:
                async with self.programs.place(organization_id):
                    [pcm] = await audio.canonical([await self.engine.speak(text, voice)])
            except audio.SoundSilent as error:
                raise NoticeRefused(Refusal.SPEECH_SILENT) from error
            if audio.duration_ms(pcm) > uploads.DURATION_MS_MAX:
                raise NoticeRefused(Refusal.SPEECH_TOO_LONG)
            return pcm

        return await self._once(content_address.of_speech(text, voice), speak)

    async def upload(self, key: MediaKey, *, organization_id: str) -> Rendering:
        """Convert an uploaded file. Raises NoticeRefused, EngineUnavailable, BlobsUnavailable."""
        info = await self.blobs.info(key)
        if info is None:
            raise NoticeRefused(Refusal.UPLOAD_MISSING)
        if info.bytes > uploads.UPLOAD_BYTES_MAX:
            raise NoticeRefused(Refusal.UPLOAD_TOO_LARGE)
        original = await self.blobs.get(key)
        if original is None:
            raise NoticeRefused(Refusal.UPLOAD_MISSING)

        async def convert() -> bytes:
            async with self.programs.place(organization_id):
                return await audio.of_upload(original)

        return await self._once(content_address.of_upload(original), convert)

    async def put(self, key: MediaKey, pcm: bytes, *, once: bool) -> None:
        """Put canonical PCM with its other formats; the canonical one last: where it is, they are."""
        for audio_format in self.formats:
            await self.blobs.put(
                content_address.format_key(key, audio_format),
                await audio.as_format(pcm, audio_format),
                content_type=WAV,
                once=once,
            )
        await self.blobs.put(key, audio.wav(pcm), content_type=WAV, once=once)

    async def _once(self, found_at: str, make: Callable[[], Awaitable[bytes]]) -> Rendering:
        running = self._running.get(found_at)
        if running is None:
            running = asyncio.create_task(self._find_or_make(content_address.key(found_at), make))
            self._running[found_at] = running
            running.add_done_callback(lambda done: self._forget(found_at, done))
        else:
            metrics.CACHE.labels("shared").inc()
        # The first request may be cancelled; the others still want the result.
        return await asyncio.shield(running)

    def _forget(self, found_at: str, done: asyncio.Task[Rendering]) -> None:
        del self._running[found_at]
        if not done.cancelled():
            done.exception()  # retrieved here, in case nobody waits any more

    async def _find_or_make(self, key: MediaKey, make: Callable[[], Awaitable[bytes]]) -> Rendering:
        info = await self.blobs.info(key)
        is_whole = info is not None and await self._is_whole(key, info)
        if info is not None and is_whole and await self._has_formats(key):
            metrics.CACHE.labels("hit").inc()
            return Rendering(key, audio.duration_ms_of_wav(info.bytes))
        metrics.CACHE.labels("miss").inc()
        pcm = await make()
        # A damaged object is overwritten; otherwise the first of two concurrent renderings stays.
        await self.put(key, pcm, once=info is None or is_whole)
        self._remember(key)
        return Rendering(key, audio.duration_ms(pcm))

    async def _is_whole(self, key: MediaKey, info: BlobInfo) -> bool:
        """Whether an object is intact and a canonical WAV; each process checks it once."""
        if key in self._whole:
            return True
        data = await self.blobs.get(key)
        if data is None or hashlib.sha256(data).hexdigest() != info.sha256 or not audio.is_canonical(data):
            metrics.CACHE.labels("damaged").inc()
            return False
        self._remember(key)
        return True

    def _remember(self, key: MediaKey) -> None:
        self._whole[key] = None
        while len(self._whole) > WHOLE_MAX:
            self._whole.popitem(last=False)

    async def _has_formats(self, key: MediaKey) -> bool:
        """Whether the other formats are there, too: they may have been configured later."""
        for audio_format in self.formats:
            if await self.blobs.info(content_address.format_key(key, audio_format)) is None:
                return False
        return True
