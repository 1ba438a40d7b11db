"""What is played and what is recorded: the length of media, and speech on a timeline."""

import audioop
import math
import struct
from collections.abc import Callable
from typing import Final

from contracts.directory import Language
from contracts.ids import MediaKey
from runtime.wav import canonical_ms

SAMPLES_PER_MS: Final = 8
SILENCE: Final = b"\xd5"
"""A-law's zero (ITU-T G.711)."""

TONE_MS: Final = 3_000
TONE_PEAK: Final = 8_000
"""A quarter of full scale, as networks send."""

Fetch = Callable[[MediaKey], bytes | None]
Voice = Callable[[str, Language], bytes]


def tone(hertz: int) -> bytes:
    """What a fax or a network sends instead of words, A-law."""
    turn = math.tau * hertz / (1_000 * SAMPLES_PER_MS)
    samples = [round(TONE_PEAK * math.sin(turn * at)) for at in range(TONE_MS * SAMPLES_PER_MS)]
    return audioop.lin2alaw(struct.pack(f"<{len(samples)}h", *samples), 2)


class AudioLibrary:
    """The length of media by key, fetched once; and the speech of people (A-law, 8 kHz)."""

    def __init__(self, fetch: Fetch, voice: Voice) -> None:
        self._fetch = fetch
        self._voice = voice
        self._lengths: dict[MediaKey, int] = {}
        self._spoken: dict[tuple[str, Language], bytes] = {}

    def length_ms(self, key: MediaKey) -> int | None:
        """How long the audio plays; None if it is missing or unfit, which the next play checks again."""
        known = self._lengths.get(key)
        if known is None:
            data = self._fetch(key)
            known = canonical_ms(data) if data is not None else None
            if known is not None:
                self._lengths[key] = known
        return known

    def spoken(self, text: str, language: Language) -> bytes:
        """A text as speech."""
        found = self._spoken.get((text, language))
        if found is None:
            found = self._spoken[(text, language)] = self._voice(text, language)
        return found


class Track:
    """What one recording hears of a person: speech where there was some, else silence."""

    def __init__(self, started_at: int) -> None:
        self.started_at = started_at
        self._speech: list[tuple[int, bytes]] = []

    def add(self, at: int, data: bytes) -> None:
        """Somebody begins to say this."""
        self._speech.append(((at - self.started_at) * SAMPLES_PER_MS, data))

    def speech_ends_at(self) -> int:
        """When the last speech ends; the start of the track if nobody spoke."""
        ends = [start + len(data) for start, data in self._speech]
        return self.started_at + max(ends, default=0) // SAMPLES_PER_MS

    def until(self, at: int) -> bytes:
        """All sound up to an instant, A-law."""
        sound = bytearray(SILENCE * (max(0, at - self.started_at) * SAMPLES_PER_MS))
        for start, data in self._speech:
            piece = data[: max(0, len(sound) - start)]
            sound[start : start + len(piece)] = piece
        return bytes(sound)
