"""What is played and what is recorded: the media check that a PBX makes, and speech on a timeline."""

import struct
from collections.abc import Callable
from typing import Final

from contracts.directory import Language
from contracts.ids import MediaKey

SAMPLES_PER_MS: Final = 8
SILENCE: Final = b"\xd5"
"""A-law's zero (ITU-T G.711)."""
PCM: Final = 1

Fetch = Callable[[MediaKey], bytes | None]
Voice = Callable[[str, Language], bytes]


def canonical_ms(data: bytes) -> int | None:
    """The length of a WAV in the canonical form (8 kHz, mono, PCM16), or None if it is anything else (T2)."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at, is_fit = 12, False
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt " and size >= 16 and at + 24 <= len(data):
            form, lines, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
            is_fit = (form, lines, rate, bits) == (PCM, 1, 8000, 16)
        if name == b"data":
            return min(size, len(data) - at - 8) // (2 * SAMPLES_PER_MS) if is_fit else None
        at += 8 + size + size % 2
    return None


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
