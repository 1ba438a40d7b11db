"""Finds where somebody speaks in a phone's recording, as opposed to noise and tones (V2).

Loudness alone takes tones of the network for words, and so does a voice detector: WebRTC's takes most busy
and dial tones, loud hum and loud noise for speech. So every 20 ms are tested in five ways, the cheap ones
first, after a high-pass at the lower end of the phone band:

- is it audible;
- is it hum, which repeats with the mains, and is removed by subtracting the sound of one period before;
- does WebRTC's detector take it for speech;
- is it voiced: does it repeat with a pitch, as noise, wind and breath do not;
- is it a tone: two sines, which four past samples predict, as they never predict 80 ms of speech.

Sound that is voiced and not a tone is speech, and so is the audible sound around it, because consonants have
no pitch. audioop sums over the samples, so three minutes take a fraction of a second. Music counts as speech,
because somebody may be speaking over it.

The limits were found with espeak's voices in Russian and English, near and far, with noise, hum and offset,
and with tones of five countries (`tests/unit/voicemail/test_speech_detection.py`).
"""

import audioop
import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import webrtcvad

RATE_HZ: Final = 8_000
FRAME_MS: Final = 20
FRAME_BYTES: Final = FRAME_MS * RATE_HZ // 1_000 * 2
BLOCK_FRAMES: Final = 1_000
"""20 s are processed together, so that an hour takes no more memory than a minute."""
CONTEXT_FRAMES: Final = 10
"""Processed on both sides of a block, so that filters have settled and windows are whole at its edges."""
SILENCE_DB: Final = -50
"""The level of silence beside speech: line noise is at -60 dBFS, quiet speech at -40."""
SILENCE_PEAK: Final = round(32_768 * 10 ** (SILENCE_DB / 20))
FAR_SILENCE_PEAK: Final = 33
"""-60 dBFS: the lowest threshold, for a quiet recording."""
QUIET_SHARE: Final = 0.02
"""34 dB below its loudest sound begins the silence of a quiet recording."""
GAP_MS: Final = 300
"""Shorter pauses belong to the speech around them."""
REACH_FRAMES: Final = 15
"""Audible sound within this distance of voiced sound belongs to it: consonants in a row last 300 ms."""
VOICED_MIN: Final = 0.55
"""The likeness of voiced sound to itself one pitch period before; noise seldom has more than 0.4."""
VOICED_STILL: Final = 0.4
VOICED_FRAMES_MIN: Final = 2
TONE_SHARE_MAX: Final = 0.1
"""The energy that two sines leave unexplained: a tenth or more of speech, a twentieth of noisy tones."""
TONE_WINDOW_FRAMES: Final = 4
TONE_EDGE_FRAMES: Final = 2
"""The prediction is bad where a tone begins and ends."""
TONE_ORDER: Final = 4
TONE_SPACING: Final = 3
"""Past samples are 0.75 ms apart: closer ones predict any low sound."""
MAINS_LAGS: Final = (160, 400)
"""Samples after which hum repeats: one period of 50 Hz, three of 60 Hz."""
HUM_FRAMES: Final = 10
HUM_SHARE_MAX: Final = 0.15
HUM_WINDOWS_MIN: Final = 3
"""Windows of 200 ms in a block that must repeat with the mains: speech never does it three times in 20 s."""
LOUD: Final = 4_000
"""-18 dBFS: blocks are brought to this level, because WebRTC's detector misses quiet speech."""
GAIN_MAX: Final = 30.0

Read = Callable[[int, int], bytes]
"""Gives PCM of 16 bits at 8 kHz from one frame up to another; frames beyond the end are left out."""


class _Frames(msgspec.Struct):
    """What was measured of each frame, in order."""

    audible: list[bool] = []
    tonal: list[bool] = []
    likeness: list[float] = []


def speech_intervals(read: Read, frames: int) -> list[tuple[int, int]]:
    """The intervals of speech in a recording of so many whole frames, in ms."""
    found = _Frames()
    detector = webrtcvad.Vad(2)
    for start in range(0, frames, BLOCK_FRAMES):
        before = min(CONTEXT_FRAMES, start)
        until = min(frames, start + BLOCK_FRAMES + CONTEXT_FRAMES)
        count = min(BLOCK_FRAMES, frames - start)
        block = _measured(read(start - before, until), detector)
        found.audible += block.audible[before : before + count]
        found.tonal += block.tonal[before : before + count]
        found.likeness += block.likeness[before : before + count]
    return _joined(_spoken(found))


def _measured(pcm: bytes, detector: "webrtcvad.Vad") -> _Frames:
    """Measure the frames of one block."""
    count = len(pcm) // FRAME_BYTES
    sound = _high(pcm)[: count * FRAME_BYTES]
    peaks = _each(audioop.max, sound)
    threshold = min(SILENCE_PEAK, max(FAR_SILENCE_PEAK, round(QUIET_SHARE * max(peaks, default=0))))
    audible = [peak >= threshold for peak in peaks]
    nothing = _Frames(audible=audible, tonal=[False] * count, likeness=[0.0] * count)
    if not any(audible):
        return nothing
    # Tones are detected before hum is removed, because that filter would distort them.
    loud = _loud(sound)
    lag = _mains_lag(loud, audible)
    if lag:
        delayed = audioop.mul(bytes(2 * lag) + sound[: -2 * lag], 2, -1)
        sound = _loud(audioop.add(sound, delayed, 2))
        audible = [peak >= threshold for peak in _each(audioop.max, sound)]
    else:
        sound = loud
    asked = [
        is_audible and detector.is_speech(sound[at : at + FRAME_BYTES], RATE_HZ)
        for is_audible, at in zip(audible, range(0, len(sound), FRAME_BYTES), strict=True)
    ]
    likeness = _likenesses(sound, asked)
    tonal = _tones(loud, audible, likeness if not lag else [1.0] * count)
    return _Frames(audible=audible, tonal=tonal, likeness=likeness)


def _each(measure: Callable[[bytes, int], int], pcm: bytes) -> list[int]:
    return [measure(pcm[at : at + FRAME_BYTES], 2) for at in range(0, len(pcm), FRAME_BYTES)]


def _low(pcm: bytes, weight: int) -> bytes:
    """A one-pole low-pass: each sample is mixed with `weight` parts of the output before it."""
    return audioop.ratecv(pcm, 2, 1, RATE_HZ, RATE_HZ, None, 1, weight)[0].ljust(len(pcm), b"\0")[: len(pcm)]


def _high(pcm: bytes) -> bytes:
    """Remove the offset and most sound below 200 Hz (two poles at 200 Hz: 6 parts)."""
    for _ in range(2):
        pcm = audioop.add(pcm, audioop.mul(_low(pcm, 6), 2, -1), 2)
    return pcm


def _loud(pcm: bytes) -> bytes:
    """Bring to one level, however far from the phone somebody speaks."""
    levels = sorted(_each(audioop.rms, pcm))
    top = levels[int(0.95 * (len(levels) - 1))] if levels else 0
    return audioop.mul(pcm, 2, min(GAIN_MAX, LOUD / top)) if top else pcm


def _left(pcm: bytes, lag: int) -> float:
    """The share of a sound's energy that the sound `lag` samples before does not explain."""
    now, before = pcm[2 * lag :], pcm[: -2 * lag]
    energy, energy_before = audioop.rms(now, 2) ** 2, audioop.rms(before, 2) ** 2
    if not energy or not energy_before:
        return 1.0
    return max(0.0, 1.0 - audioop.findfactor(now, before) ** 2 * energy_before / energy)


def _mains_lag(pcm: bytes, audible: Sequence[bool]) -> int:
    """The period of a block's hum in samples; 0: no hum. A tone does not count, though it repeats."""
    starts = [
        start
        for start in range(0, len(audible) - HUM_FRAMES, HUM_FRAMES)
        if all(audible[start : start + HUM_FRAMES])
    ]
    windows = [pcm[start * FRAME_BYTES : (start + HUM_FRAMES) * FRAME_BYTES] for start in starts]
    for lag in MAINS_LAGS:
        alike = [window for window in windows if _left(window, lag) < HUM_SHARE_MAX]
        if sum(unexplained(halved(window)) > TONE_SHARE_MAX for window in alike) >= HUM_WINDOWS_MIN:
            return lag
    return 0


def halved(pcm: bytes) -> bytes:
    """Every second sample: enough to detect tones, at half the cost."""
    return audioop.ratecv(pcm, 2, 1, RATE_HZ, RATE_HZ // 2, None)[0]


def _tones(pcm: bytes, audible: Sequence[bool], likeness: Sequence[float]) -> list[bool]:
    """Which frames are tones, by windows of 80 ms that overlap by half."""
    count = len(audible)
    tonal = [False] * count
    half = halved(pcm)
    for start in range(0, count - TONE_WINDOW_FRAMES + 1, TONE_WINDOW_FRAMES // 2):
        end = start + TONE_WINDOW_FRAMES
        # Unvoiced sound is not taken for speech, so it need not be tested.
        if not all(audible[start:end]) or max(likeness[start:end]) < VOICED_MIN:
            continue
        window = half[start * FRAME_BYTES // 2 : end * FRAME_BYTES // 2]
        if unexplained(window) < TONE_SHARE_MAX:
            for frame in range(max(0, start - TONE_EDGE_FRAMES), min(count, end + TONE_EDGE_FRAMES)):
                tonal[frame] = True
    return tonal


def unexplained(pcm: bytes) -> float:
    """The share of energy that a least-squares prediction from four past samples leaves."""
    reach = TONE_ORDER * TONE_SPACING
    length = len(pcm) // 2
    delayed = [
        pcm[2 * (reach - order * TONE_SPACING) : 2 * (length - order * TONE_SPACING)]
        for order in range(TONE_ORDER + 1)
    ]
    energies = [float(audioop.rms(each, 2)) ** 2 for each in delayed]
    if min(energies) == 0.0:
        return 1.0
    products = [[0.0] * (TONE_ORDER + 1) for _ in delayed]
    for row, one in enumerate(delayed):
        products[row][row] = energies[row]
        for column in range(row):
            product = audioop.findfactor(one, delayed[column]) * energies[column]
            products[row][column] = products[column][row] = product
    weights = _solved([row[1:] + row[:1] for row in products[1:]])
    explained = sum(weight * products[0][order + 1] for order, weight in enumerate(weights))
    return max(0.0, 1.0 - explained / energies[0])


def _solved(rows: list[list[float]]) -> list[float]:
    """Gaussian elimination of a small positive system whose right side is its last column."""
    count = len(rows)
    for pivot in range(count):
        # A pure sine makes the system singular; a millionth more keeps it solvable.
        rows[pivot][pivot] *= 1.000001
    for pivot in range(count):
        for row in range(pivot + 1, count):
            factor = rows[row][pivot] / (rows[pivot][pivot] or math.inf)
            rows[row] = [each - factor * own for each, own in zip(rows[row], rows[pivot], strict=True)]
    found = [0.0] * count
    for pivot in reversed(range(count)):
        known = sum(rows[pivot][column] * found[column] for column in range(pivot + 1, count))
        found[pivot] = (rows[pivot][count] - known) / (rows[pivot][pivot] or math.inf)
    return found


def _likenesses(pcm: bytes, asked: Sequence[bool]) -> list[float]:
    """The likeness of 40 ms to the sound one pitch (2.5 to 16 ms) before, below 1 kHz; 0 if not asked."""
    quarter = RATE_HZ // 4
    low = audioop.ratecv(_low(_low(pcm, 1), 1), 2, 1, RATE_HZ, quarter, None)[0]
    frame_bytes = FRAME_BYTES // 4
    longest, shortest = 2 * (quarter * 16 // 1_000), 2 * (quarter * 5 // 2_000)
    found = []
    for at, is_asked in zip(range(0, frame_bytes * len(asked), frame_bytes), asked, strict=True):
        sound = low[at : at + 2 * frame_bytes]
        past = low[max(0, at - longest) : at + 2 * frame_bytes - shortest]
        is_whole = len(sound) == 2 * frame_bytes and len(past) >= len(sound)
        found.append(_likeness(sound, past) if is_asked and is_whole else 0.0)
    return found


def _likeness(sound: bytes, past: bytes) -> float:
    at, factor = audioop.findfit(past, sound)
    energy_past = audioop.rms(past[2 * at : 2 * at + len(sound)], 2)
    return max(0.0, factor) * audioop.rms(sound, 2) / energy_past if energy_past else 0.0


def _spoken(found: _Frames) -> list[bool]:
    """Which frames are speech: voiced and not a tone, or audible beside such frames."""
    count = len(found.audible)
    spoken = [False] * count
    likeness = [0.0 if tonal else like for like, tonal in zip(found.likeness, found.tonal, strict=True)]
    start = 0
    while start < count:
        end = start
        while end < count and likeness[end] >= VOICED_STILL:
            end += 1
        if sum(like >= VOICED_MIN for like in likeness[start:end]) >= VOICED_FRAMES_MIN:
            for frame in range(max(0, start - REACH_FRAMES), min(count, end + REACH_FRAMES)):
                is_near = start <= frame < end or found.audible[frame]
                spoken[frame] = spoken[frame] or (is_near and not found.tonal[frame])
        start = max(end, start + 1)
    return spoken


def _joined(spoken: Sequence[bool]) -> list[tuple[int, int]]:
    """Join frames to intervals; a short pause does not end one."""
    found: list[tuple[int, int]] = []
    for frame, is_spoken in enumerate(spoken):
        if not is_spoken:
            continue
        at = frame * FRAME_MS
        if found and at - found[-1][1] < GAP_MS:
            found[-1] = (found[-1][0], at + FRAME_MS)
        else:
            found.append((at, at + FRAME_MS))
    return found
