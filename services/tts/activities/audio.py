"""From an engine's sound, or an upload, to the canonical form, and from that to other forms (T2, T4).

Canonical is WAV, 8 kHz, mono, PCM of 16 bits, at even loudness: the parts that sound are brought to one
level, whatever the pauses between them are. Resampling is sox's, uploads are read by ffmpeg, the arithmetic
on small PCM is audioop's.
"""

import audioop
import struct
from collections.abc import Sequence
from typing import Final

from runtime import programs, uploads
from services.tts.activities.engine import EngineUnavailable, Sound
from services.tts.rules.address import Form
from services.tts.rules.notices import NoticeRefused, Refusal

RATE: Final = 8_000
_SAMPLE_BYTES: Final = 2
_BYTES_PER_MS: Final = RATE * _SAMPLE_BYTES // 1_000
_HEADER_BYTES: Final = 44
_FRAME_BYTES: Final = 20 * _BYTES_PER_MS
"""20 ms, the frame of telephony: long enough for a level, short enough for a syllable."""
_LEVEL: Final = 2_320
"""-23 dBFS where there is sound: the usual level of announcements, with 20 dB above it for peaks."""
_GAIN_MAX: Final = 30.0
"""A recording that would need more than 30 dB is noise."""
_SILENT_PEAK: Final = 100
"""-50 dBFS: nobody hears that on a phone."""
_QUIET_SHARE: Final = 0.02
"""Frames 34 dB under the loudest one are pauses, for the level and at the ends."""
_LEAD_MS: Final = 30
_TAIL_MS: Final = 120
"""Left before and after speech, so that prompts played in a row sound like one sentence."""
_PADDING_MS: Final = 100
_SOX_SECONDS_MAX: Final = 30.0
_MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024
_RING_CYCLES: Final = 9
"""45 s: a customer's phone rings for 30 s, after it was reached."""


class SoundSilent(Exception):
    """Nothing can be heard in it."""


async def canonical(sounds: Sequence[Sound]) -> list[bytes]:
    """Several sounds of one rate as canonical PCM, ends trimmed, by one run of sox. Raises SoundSilent.

    Starting a program costs more than resampling a word: a batch of prompts shares the start.
    """
    if not sounds:
        return []
    rate = sounds[0].rate
    assert all(sound.rate == rate for sound in sounds)
    padding = b"\0" * (rate * _PADDING_MS // 1_000 * _SAMPLE_BYTES)
    padded = [padding + sound.pcm + padding for sound in sounds]
    raw = ("-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-L")
    joined = await _sox((*raw, "-r", str(rate), "-", *raw, "-r", str(RATE), "-"), b"".join(padded))
    pieces = []
    start = 0
    for piece in padded:
        end = start + len(piece) // _SAMPLE_BYTES
        low, high = (place * RATE // rate * _SAMPLE_BYTES for place in (start, end))
        pieces.append(levelled(trimmed(joined[low:high])))
        start = end
    return pieces


async def ringing_tone() -> bytes:
    """The tone of a phone that rings elsewhere, as in Russia and most of Europe: 425 Hz, 1 s on, 4 s off."""
    raw = ("-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", str(RATE), "-L", "-")
    synth = ("synth", "1", "sine", "425", "vol", "0.1", "fade", "0.01", "1", "0.01", "pad", "0", "4")
    return await _sox(("-n", *raw, *synth, "repeat", str(_RING_CYCLES - 1)), b"")


async def of_upload(audio: bytes) -> bytes:
    """An upload as canonical PCM. Raises NoticeRefused for the file's faults, EngineUnavailable for ours."""
    try:
        return levelled(await uploads.decoded(audio))
    except uploads.Unfit as error:
        raise NoticeRefused(_REFUSALS[error.fault]) from error
    except programs.ProgramMissing as error:
        raise EngineUnavailable(str(error)) from error


_REFUSALS: Final = {
    uploads.Fault.TOO_LARGE: Refusal.UPLOAD_TOO_LARGE,
    uploads.Fault.NOT_AUDIO: Refusal.UPLOAD_NOT_AUDIO,
    uploads.Fault.BROKEN: Refusal.UPLOAD_BROKEN,
    uploads.Fault.TOO_LONG: Refusal.UPLOAD_TOO_LONG,
    uploads.Fault.SILENT: Refusal.UPLOAD_SILENT,
}


def trimmed(pcm: bytes) -> bytes:
    """Without the silence at both ends, but for what keeps words apart. Raises SoundSilent."""
    levels = _levels(pcm)
    threshold = _quiet_below(pcm, levels)
    loud = [place for place, level in enumerate(levels) if level >= threshold]
    start = max(0, loud[0] * _FRAME_BYTES - _LEAD_MS * _BYTES_PER_MS)
    end = (loud[-1] + 1) * _FRAME_BYTES + _TAIL_MS * _BYTES_PER_MS
    # The engine's own silence may be shorter than what a sentence needs behind it.
    return pcm[start:end] + b"\0" * max(0, end - len(pcm))


def levelled(pcm: bytes) -> bytes:
    """At the level of all announcements. Raises SoundSilent."""
    levels = _levels(pcm)
    threshold = _quiet_below(pcm, levels)
    loud = [level for level in levels if level >= threshold]
    level = (sum(each * each for each in loud) / len(loud)) ** 0.5
    return audioop.mul(pcm, _SAMPLE_BYTES, min(_GAIN_MAX, _LEVEL / level))


def _levels(pcm: bytes) -> list[int]:
    return [
        audioop.rms(pcm[place : place + _FRAME_BYTES], _SAMPLE_BYTES)
        for place in range(0, len(pcm), _FRAME_BYTES)
    ]


def _quiet_below(pcm: bytes, levels: list[int]) -> float:
    if not pcm or audioop.max(pcm, _SAMPLE_BYTES) < _SILENT_PEAK:
        raise SoundSilent
    return max(1.0, max(levels) * _QUIET_SHARE)


def duration_ms(pcm: bytes) -> int:
    """How long canonical PCM lasts."""
    return len(pcm) // _BYTES_PER_MS


def duration_ms_of_wav(size_bytes: int) -> int:
    """How long a canonical WAV of this size lasts."""
    return max(0, size_bytes - _HEADER_BYTES) // _BYTES_PER_MS


def wav(pcm: bytes, *, rate: int = RATE) -> bytes:
    """PCM as a WAV with a header of 44 bytes."""
    return _riff(struct.pack("<HHIIHH", 1, 1, rate, rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 16), pcm)


async def as_form(pcm: bytes, form: Form) -> bytes:
    """Canonical PCM in another form, as a WAV."""
    match form:
        case Form.ALAW:
            return _companded(6, audioop.lin2alaw(pcm, _SAMPLE_BYTES))
        case Form.ULAW:
            return _companded(7, audioop.lin2ulaw(pcm, _SAMPLE_BYTES))
        case Form.WIDE:
            raw = ("-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-L")
            wide = await _sox((*raw, "-r", str(RATE), "-", *raw, "-r", str(2 * RATE), "-"), pcm)
            return wav(wide, rate=2 * RATE)


def _companded(tag: int, data: bytes) -> bytes:
    # A format other than PCM has the size of its extension, and a chunk with the number of samples.
    fact = b"fact" + struct.pack("<II", 4, len(data))
    return _riff(struct.pack("<HHIIHHH", tag, 1, RATE, RATE, 1, 8, 0), data, fact)


def _riff(form: bytes, data: bytes, more: bytes = b"") -> bytes:
    chunks = (
        b"fmt " + struct.pack("<I", len(form)) + form + more + b"data" + struct.pack("<I", len(data)) + data
    )
    chunks += b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


async def _sox(argv: tuple[str, ...], stdin: bytes) -> bytes:
    try:
        return await programs.run(
            ("sox", "-V1", "-D", *argv),
            stdin,
            seconds_max=_SOX_SECONDS_MAX,
            output_bytes_max=64 * 1024 * 1024,
            memory_bytes_max=_MEMORY_BYTES_MAX,
        )
    except (programs.ProgramMissing, programs.ProgramFailed, programs.ProgramOverran) as error:
        raise EngineUnavailable(str(error)) from error
