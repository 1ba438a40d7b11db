"""What a person recognizes in what their phone hears: a prompt, the tone before a recording, somebody else.

Sound arrives byte by byte as Asterisk has encoded it, so a prompt is known by any 4 ms of it. Of each prompt
one piece per 20 ms is indexed: whatever 24 ms of it are heard, one of these pieces is in them.
"""

import audioop
import math
from collections.abc import Iterable
from typing import Final

from devtools.town.sound import FRAME_BYTES, SAMPLES_PER_MS

PIECE_BYTES: Final = 32
WINDOW_BYTES: Final = FRAME_BYTES + PIECE_BYTES
VALUES_MIN: Final = 5
"""A piece with fewer different values is silence, a whisper or noise, and not known again."""
LOUD: Final = 200
"""The amplitude from which on a sound is heard as one, of 32,768."""
TONE_HZ: Final = 1_000
TONE_MS_MIN: Final = 100
TONE_SHARE_MIN: Final = 0.8
"""The share of a sound's energy that a tone has; speech at its most tonal stays below."""
SETTLED_MS: Final = 300
"""A prompt that has not been heard for so long, where it is not silent itself, has ended."""

_SIGNS: Final = bytes(
    ord("+" if value & 0x80 else "-") if (value ^ 0x55) & 0x7F <= 2 else ord(".") for value in range(256)
)
_WHISPERED: Final = (b"+" * 8 + b"-" * 8) * 3


def is_flat(sound: bytes) -> bool:
    """Whether nothing in a piece can be known again."""
    return len(set(sound)) < VALUES_MIN


def has_whisper(sound: bytes) -> bool:
    """Whether another phone of the town is heard, whose person says nothing."""
    return _WHISPERED in sound.translate(_SIGNS)


def tone_share(sound: bytes, hertz: int = TONE_HZ) -> float:
    """The share of a sound's energy at one frequency (Goertzel); 0 if it is silent."""
    samples = memoryview(audioop.alaw2lin(sound, 2)).cast("h")
    energy = sum(sample * sample for sample in samples)
    if energy < LOUD * LOUD * len(samples):
        return 0.0
    turn = 2 * math.cos(math.tau * hertz / (1_000 * SAMPLES_PER_MS))
    last = before = 0.0
    for sample in samples:
        last, before = sample + turn * last - before, last
    power = last * last + before * before - turn * last * before
    return 2 * power / (energy * len(samples))


class Known:
    """Sounds that are known again, A-law."""

    def __init__(self, sounds: Iterable[bytes]) -> None:
        self.sounds = tuple(sounds)
        self._pieces: dict[bytes, tuple[int, int]] = {}
        self._repeated: set[bytes] = set()
        for index, sound in enumerate(self.sounds):
            for at in range(0, len(sound) - PIECE_BYTES, FRAME_BYTES):
                piece = sound[at : at + PIECE_BYTES]
                if piece in self._pieces:
                    self._repeated.add(piece)
                elif not is_flat(piece):
                    self._pieces[piece] = (index, at)

    def find(self, heard: bytes) -> "Place | None":
        """Which sound is heard at the end of what was heard, and how far it has come."""
        window = heard[-WINDOW_BYTES:]
        for start in range(len(window) - PIECE_BYTES, -1, -1):
            piece = window[start : start + PIECE_BYTES]
            found = self._pieces.get(piece)
            if found is not None:
                index, at = found
                return Place(
                    self.sounds[index], at + len(window) - start, is_sure=piece not in self._repeated
                )
        return None


class Place:
    """How far a sound has come; not `is_sure` if it repeats itself."""

    def __init__(self, sound: bytes, byte: int, *, is_sure: bool) -> None:
        self.sound = sound
        self.byte = byte
        self.is_sure = is_sure


class Following:
    """Follows a prompt from its first piece to its end, or to where something else is heard."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._place: Place | None = None
        self._place_ms = 0.0
        self._lost_ms: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the prompt was heard."""
        return self._place is not None

    def hear(self, heard: bytes, now_ms: float) -> bool:
        """Hear what came since the last call; whether the prompt was heard and has ended."""
        found = self._known.find(heard) if heard else None
        if found is not None:
            self._place, self._place_ms, self._lost_ms = found, now_ms, None
            return False
        place = self._place
        if place is None:
            return False
        byte = place.byte + int((now_ms - self._place_ms) * SAMPLES_PER_MS)
        if place.is_sure and byte >= len(place.sound):
            return True
        if place.is_sure and is_flat(heard[-WINDOW_BYTES:]) and self._is_pausing(place.sound, byte):
            return False
        if self._lost_ms is None:
            self._lost_ms = now_ms
        return now_ms - self._lost_ms >= SETTLED_MS

    @staticmethod
    def _is_pausing(sound: bytes, byte: int) -> bool:
        """Whether the prompt itself is silent just before a byte."""
        return is_flat(sound[max(0, byte - SETTLED_MS * SAMPLES_PER_MS) : byte])


class ToneListener:
    """Waits for the tone before a recording, and for its end."""

    def __init__(self) -> None:
        self._tone_ms = 0

    def hear(self, heard: bytes) -> bool:
        """Hear on; whether the tone was heard and has ended."""
        for at in range(0, len(heard) - FRAME_BYTES + 1, FRAME_BYTES):
            if tone_share(heard[at : at + FRAME_BYTES]) >= TONE_SHARE_MIN:
                self._tone_ms += FRAME_BYTES // SAMPLES_PER_MS
            elif self._tone_ms < TONE_MS_MIN:
                self._tone_ms = 0
            else:
                return True
        return not heard and self._tone_ms >= TONE_MS_MIN
