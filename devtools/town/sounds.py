"""What people of a town know by its sound: the prompts, and what they say themselves."""

import asyncio
import audioop
import time
import wave
from collections import defaultdict
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Final, Protocol

from contracts.directory import Language
from contracts.ids import MediaKey
from devtools.town.recognition import Known
from runtime.wav import canonical_ms

SAMPLE_BYTES: Final = 2
FRESH_S: Final = 2.0
"""For so long a list of prompts is not read again: some prompts are made in mid-morning."""

Voice = Callable[[str, Language], bytes]


class PromptSource(Protocol):
    """Where prompts are; both methods may take a while."""

    def keys(self, word: str) -> list[MediaKey]:
        """The keys with this word in them."""

    def fetch(self, key: MediaKey) -> bytes | None:
        """A prompt as WAV, or None if it is not there."""


class Sounds:
    """Reads prompts when somebody waits for them, and speaks every text once. Each town has its own."""

    def __init__(self, prompts: PromptSource, voice: Voice, texts: Iterable[tuple[str, Language]]) -> None:
        """`texts` are spoken at once, so that nobody waits for that later."""
        self._source = prompts
        self._voice = voice
        self._spoken = {(text, language): voice(text, language) for text, language in texts}
        self._prompts: dict[MediaKey, bytes] = {}
        self._words: dict[str, tuple[float, Known]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.voices = Known(self._spoken.values())

    async def prompts(self, word: str) -> Known:
        """The prompts whose media key has this word in it."""
        # Two hundred people may begin to wait at once: one of them asks for all.
        async with self._locks[word]:
            read_at, known = self._words.get(word, (-FRESH_S, None))
            if known is None or time.monotonic() - read_at >= FRESH_S:
                known = await asyncio.to_thread(self._read, word, known)
                self._words[word] = (time.monotonic(), known)
        return known

    def _read(self, word: str, known: Known | None) -> Known:
        """The prompts with a word as they are now; the same object if they have not changed."""
        keys = self._source.keys(word)
        for key in keys:
            if key not in self._prompts:
                data = self._source.fetch(key)
                if data is not None and canonical_ms(data) is not None:
                    self._prompts[key] = a_law(data)
        found = tuple(self._prompts[key] for key in sorted(keys) if key in self._prompts)
        return known if known is not None and known.sounds == found else Known(found)

    async def speech(self, text: str, language: Language) -> bytes:
        """A text, spoken: A-law."""
        found = self._spoken.get((text, language))
        if found is None:
            found = await asyncio.to_thread(self._voice, text, language)
            self._spoken[(text, language)] = found
            self.voices = Known(self._spoken.values())
        return found


def a_law(data: bytes) -> bytes:
    """A prompt of the canonical form (T2) as Asterisk sends it."""
    with wave.open(BytesIO(data)) as prompt:
        encoded: bytes = audioop.lin2alaw(prompt.readframes(prompt.getnframes()), SAMPLE_BYTES)
    return encoded
