"""Makes every standard prompt at start, before the service is ready, so that no caller waits for one.

A list in the bucket (`standard/<language>/made.json`) says from which text each prompt was made, so that a
second start reads one object per language and makes nothing. A prompt whose text or voice has changed
overwrites the old one, which plays until then (T5).
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from contracts.directory import Language
from contracts.prompts import Prompt, prompt_key
from runtime import metrics
from runtime.ports import BlobsUnavailable, Clock
from services.tts.activities import audio
from services.tts.activities.engine import EngineUnavailable
from services.tts.activities.renderer import Renderer
from services.tts.rules import content_address, prompt_texts
from services.tts.rules.text_normalization import as_spoken

_BATCH: Final = 24
"""Prompts that share one run of the engine and one of sox, because starting them costs more than the work."""
_WORKERS: Final = 3
"""While one waits for the store, the others keep two processors busy."""
_PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)

NOBODY: Final = ""
"""Whose the standard prompts are: they have a turn of their own."""
_log = structlog.get_logger()


class StandardPrompts:
    """Makes the standard prompts, and knows whether all of them are in the bucket."""

    def __init__(
        self, renderer: Renderer, clock: Clock, *, languages: tuple[Language, ...] = tuple(Language)
    ) -> None:
        self._renderer = renderer
        self._languages = languages
        self._clock = clock
        self._made: dict[Language, dict[str, str]] = {}
        self.is_ready = False

    async def make_all(self) -> None:
        """Make prompts that are missing or have another text, again and again until all are there."""
        for pause in itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1])):
            if await self._is_complete():
                self.is_ready = True
                _log.info("every standard prompt is there")
                return
            metrics.RENDERINGS.labels("standard_delayed").inc()
            await self._clock.sleep(pause)

    async def _is_complete(self) -> bool:
        """Try once to make everything; False after a passing fault."""
        wanted = {language: self._addresses(language) for language in self._languages}
        try:
            for language in self._languages:
                made = await self._read_made(language)
                self._made[language] = {p: at for p, at in wanted[language].items() if made.get(p) == at}
        except BlobsUnavailable as error:
            _log.warning("the list of standard prompts can't be read", error=str(error))
            return False
        batches = self._batches()
        if not batches:
            return True
        done = await asyncio.gather(*(self._work(batches, wanted) for _ in range(_WORKERS)))
        try:
            # Once more: two lists that were written at the same moment may have arrived in either order.
            for language in self._languages:
                await self._write_made(language)
        except BlobsUnavailable:
            return False
        return all(done)

    def _addresses(self, language: Language) -> dict[str, str]:
        """The content address that each prompt should have, in the order of use."""
        voice = self._renderer.voices[language]
        formats = ",".join(self._renderer.formats)
        return {
            prompt: content_address.of_all((self._address(language, prompt, voice), formats))
            for prompt in prompt_texts.in_order_of_use()
        }

    def _address(self, language: Language, prompt: str, voice: content_address.Voice) -> str:
        if prompt == Prompt.RINGING_TONE:
            return content_address.of_sound(prompt)
        return content_address.of_speech(_said(language, prompt), voice)

    def _batches(self) -> deque[tuple[Language, tuple[str, ...]]]:
        """The missing prompts in batches, the languages in turn: each has its first sentences soon."""
        order = prompt_texts.in_order_of_use()
        batches: list[tuple[int, Language, tuple[str, ...]]] = []
        for language in self._languages:
            missing = [prompt for prompt in order if prompt not in self._made[language]]
            batches += [
                (start, language, tuple(missing[start : start + _BATCH]))
                for start in range(0, len(missing), _BATCH)
            ]
        return deque((language, batch) for _, language, batch in sorted(batches))

    async def _work(
        self,
        batches: deque[tuple[Language, tuple[str, ...]]],
        wanted: Mapping[Language, Mapping[str, str]],
    ) -> bool:
        while batches:
            language, batch = batches.popleft()
            try:
                await self._make(language, batch)
                self._made[language].update({prompt: wanted[language][prompt] for prompt in batch})
                await self._write_made(language)
            except (EngineUnavailable, BlobsUnavailable) as error:
                _log.warning("standard prompts could not be made, and are tried again", error=str(error))
                return False
        return True

    async def _make(self, language: Language, prompts: tuple[str, ...]) -> None:
        spoken = [prompt for prompt in prompts if prompt != Prompt.RINGING_TONE]
        voice = self._renderer.voices[language]
        async with self._renderer.programs.place(NOBODY):
            texts = [_said(language, prompt) for prompt in spoken]
            sounds = await self._renderer.engine.speak_all(texts, voice)
            pieces = dict(zip(spoken, await audio.canonical(sounds), strict=True))
            if Prompt.RINGING_TONE in prompts:
                pieces[Prompt.RINGING_TONE] = await audio.ringing_tone()
        await asyncio.gather(
            *(
                self._renderer.put(prompt_key(language, prompt), pcm, once=False)
                for prompt, pcm in pieces.items()
            )
        )
        metrics.RENDERINGS.labels("standard").inc(len(pieces))

    async def _read_made(self, language: Language) -> dict[str, str]:
        found = await self._renderer.blobs.get(_made_key(language))
        try:
            return msgspec.json.decode(found or b"{}", type=dict[str, str])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}  # unreadable: everything is made anew, and the list is overwritten

    async def _write_made(self, language: Language) -> None:
        data = msgspec.json.encode(self._made[language], order="deterministic")
        await self._renderer.blobs.put(_made_key(language), data, content_type="application/json")


def _said(language: Language, prompt: str) -> str:
    return as_spoken(language, prompt_texts.text(language, prompt))


def _made_key(language: Language) -> str:
    return f"standard/{language}/made.json"
