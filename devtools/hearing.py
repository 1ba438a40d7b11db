"""What a phone heard, judged by its own recording: how long it heard speech, music, tones and silence.

Recordings are A-law at 8 kHz, as phones hear them. Music is recognized by its likeness to the music that the
PBX plays; speech by voicemail's own detector, which takes no tone for speech (V2); a tone is sound that two
sines explain. `share_heard` finds a known sound, a prompt or a sentence, in a recording, whatever its level.
"""

import audioop
import math
import wave
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from services.voicemail.activities.speech_detection import (
    FRAME_BYTES,
    FRAME_MS,
    RATE_HZ,
    SILENCE_PEAK,
    TONE_SHARE_MAX,
    halved,
    speech_intervals,
    unexplained,
)

WINDOW_MS: Final = 200
"""Sound is judged in windows of this length: ten frames, and long enough to recognize music by."""
LOW_HZ: Final = 2_000
"""Known sounds are looked for at this rate: the strongest sound of voices and music is below 1 kHz."""
ALIKE_MIN: Final = 0.9
"""The likeness of two recordings of the same sound over A-law; other sounds of the same kind reach 0.7."""
PHASE_BYTES: Final = 4
"""Two samples, half of one at the low rate."""
NEAR_BYTES: Final = 16
"""How far music may be from where it is expected, at the low rate: 4 ms."""
PIECE_MS: Final = 500
"""Known sounds are looked for in pieces: their pauses differ when a network loses or adds a frame."""

FULL_SCALE: Final = 32_768
PURE_SHARE_MIN: Final = 0.8
"""The share of energy that a pure tone has at its frequency; no voice comes near that for long."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How long a phone heard what."""

    speech_ms: int = 0
    music_ms: int = 0
    tone_ms: int = 0
    silence_ms: int = 0

    def __add__(self, other: "Heard") -> "Heard":
        return Heard(
            self.speech_ms + other.speech_ms,
            self.music_ms + other.music_ms,
            self.tone_ms + other.tone_ms,
            self.silence_ms + other.silence_ms,
        )


def pcm_of(a_law: bytes) -> bytes:
    """A recording as 16-bit samples."""
    return audioop.alaw2lin(a_law, 2)


def pcm_of_wav(data: bytes) -> bytes:
    """The samples of a prompt or of music in the canonical form (T2)."""
    with wave.open(BytesIO(data)) as sound:
        samples: bytes = sound.readframes(sound.getnframes())
    return samples


def heard(a_law: bytes, music: bytes = b"") -> Heard:
    """Judge a recording; `music` are the samples of the music that the PBX plays to waiting callers."""
    pcm = pcm_of(a_law)
    window_bytes = WINDOW_MS // FRAME_MS * FRAME_BYTES
    windows = [pcm[at : at + window_bytes] for at in range(0, len(pcm) - window_bytes + 1, window_bytes)]
    playing = _Playing(music)
    is_music = [playing.has(window) for window in windows]
    spoken = _spoken_ms(windows, is_music)
    tone_ms = silence_ms = 0
    for window, of_music, speech_ms in zip(windows, is_music, spoken, strict=True):
        if of_music:
            continue
        tonal_ms = 0 if speech_ms else _tone_ms(window)
        tone_ms += tonal_ms
        silence_ms += WINDOW_MS - speech_ms - tonal_ms
    return Heard(sum(spoken), WINDOW_MS * sum(is_music), tone_ms, silence_ms)


class _Playing:
    """Recognizes windows of a music that is repeated, from wherever it starts."""

    def __init__(self, music: bytes) -> None:
        low = _low(music)
        self._length = len(low)
        # A window may begin just before the music's end.
        self._music = low + low[: _low_bytes(WINDOW_MS) + NEAR_BYTES]
        self._next = 0

    def has(self, window: bytes) -> bool:
        """Whether a window is of this music; usually it goes on where the one before has ended."""
        if not self._music or audioop.max(window, 2) < SILENCE_PEAK:
            return False
        start = max(0, self._next - NEAR_BYTES)
        near = self._music[start : self._next + _low_bytes(WINDOW_MS) + NEAR_BYTES]
        for begin, sound in ((start, near), (0, self._music)):
            at, likeness = _found(window, sound)
            if likeness >= ALIKE_MIN:
                self._next = (begin + 2 * at + _low_bytes(WINDOW_MS)) % self._length
                return True
        return False


def _low(pcm: bytes) -> bytes:
    """The sound below 1 kHz, at the low rate: each sample is the mean of eight, so that hisses are gone."""
    for delay in (1, 2, 4):
        half = audioop.mul(pcm, 2, 0.5)
        pcm = audioop.add(half, bytes(2 * delay) + half[: -2 * delay], 2) if len(pcm) > 2 * delay else pcm
    return audioop.ratecv(pcm, 2, 1, RATE_HZ, LOW_HZ, None)[0]


def _low_bytes(duration_ms: int) -> int:
    return 2 * LOW_HZ * duration_ms // 1_000


def _found(piece: bytes, sound: bytes) -> tuple[int, float]:
    """Where a low sound has the most similar part to a piece, and how alike: 1 if only the level differs."""
    best = (0, 0.0)
    # Half a low sample is much for a voice: the piece is tried at both phases.
    for late in (piece, bytes(PHASE_BYTES) + piece[:-PHASE_BYTES]):
        low = _low(late)
        if len(sound) < len(low) or not audioop.rms(low, 2):
            continue
        at, factor = audioop.findfit(sound, low)
        level = audioop.rms(sound[2 * at : 2 * at + len(low)], 2)
        likeness = max(0.0, factor) * audioop.rms(low, 2) / level if level else 0.0
        best = max(best, (at, likeness), key=lambda each: each[1])
    return best


def _spoken_ms(windows: list[bytes], is_music: list[bool]) -> list[int]:
    """How much of each window is speech; music is left out, which voicemail's detector takes for speech."""
    nothing = bytes(WINDOW_MS // FRAME_MS * FRAME_BYTES)
    pcm = b"".join(nothing if of_music else each for each, of_music in zip(windows, is_music, strict=True))

    def read(start: int, end: int) -> bytes:
        return pcm[start * FRAME_BYTES : end * FRAME_BYTES]

    spoken = [0] * len(windows)
    for start_ms, end_ms in speech_intervals(read, len(pcm) // FRAME_BYTES):
        for at_ms in range(start_ms, end_ms, FRAME_MS):
            if not is_music[at_ms // WINDOW_MS]:
                spoken[at_ms // WINDOW_MS] += FRAME_MS
    return spoken


def _tone_ms(window: bytes) -> int:
    """How much of a window without speech is a tone."""
    half = FRAME_BYTES * 2
    found = 0
    for at in range(0, len(window), half):
        part = window[at : at + half]
        if audioop.max(part, 2) >= SILENCE_PEAK and unexplained(halved(part)) < TONE_SHARE_MAX:
            found += 2 * FRAME_MS
    return found


def share_heard(known: bytes, recording: bytes) -> float:
    """The share of the audible pieces of a known sound that a recording has; both are samples."""
    length = 2 * RATE_HZ * PIECE_MS // 1_000
    pieces = [known[at : at + length] for at in range(0, len(known) - length + 1, length)]
    audible = {at: piece for at, piece in enumerate(pieces) if audioop.rms(piece, 2) > SILENCE_PEAK}
    sound = _low(recording)
    begun: int | None = None
    found = 0
    for at, piece in audible.items():
        offset = at * _low_bytes(PIECE_MS)
        where = _where(piece, sound, None if begun is None else begun + offset)
        if where is not None:
            found += 1
            begun = where - offset
    return found / len(audible) if audible else 0.0


def _where(piece: bytes, sound: bytes, expected: int | None) -> int | None:
    """The byte at which a piece begins in a low sound; looked for where it is expected, then everywhere."""
    if expected is not None:
        reach = _low_bytes(WINDOW_MS)
        start = max(0, expected - reach)
        at, likeness = _found(piece, sound[start : expected + _low_bytes(PIECE_MS) + reach])
        if likeness >= ALIKE_MIN:
            return start + 2 * at
    at, likeness = _found(piece, sound)
    return 2 * at if likeness >= ALIKE_MIN else None


def level_at(pcm: bytes, hertz: int) -> float:
    """The level of one frequency in a sound, 0 to 1 of full scale (Goertzel)."""
    samples = memoryview(pcm).cast("h")
    turn = 2 * math.cos(2 * math.pi * hertz / RATE_HZ)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    energy = max(0.0, last * last + before * before - turn * last * before)
    return 2 * math.sqrt(energy) / len(samples) / FULL_SCALE if len(samples) else 0.0


def tone_ms(pcm: bytes, hertz: int) -> int:
    """How long a tone of this frequency, and nothing else, is heard."""
    found = 0
    for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES):
        frame = pcm[at : at + FRAME_BYTES]
        # A sine's level is its amplitude, which is 1.4 times its effective value.
        energy = 2 * (audioop.rms(frame, 2) / FULL_SCALE) ** 2
        if audioop.max(frame, 2) >= SILENCE_PEAK and level_at(frame, hertz) ** 2 >= PURE_SHARE_MIN * energy:
            found += FRAME_MS
    return found
