"""Brings an engine's sound, or an upload, to the canonical form, and that to other formats (T2, T4).

The canonical form is WAV, 8 kHz, mono, PCM of 16 bits, at even loudness: the level is measured where there is
sound, not in the pauses. sox resamples and ffmpeg reads uploads, each in a process with limits; pydub does
the arithmetic on our own small PCM.
"""

import asyncio
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydub import AudioSegment
from pydub.generators import Sine
from pydub.silence import detect_leading_silence
from pydub.utils import db_to_float, ratio_to_db

from runtime import programs, uploads
from runtime import wav as header
from services.tts.activities.engine import EngineUnavailable, Sound
from services.tts.rules.content_address import AudioFormat
from services.tts.rules.notice_text import NoticeRefused, Refusal

RATE: Final = 8_000
_SAMPLE_BYTES: Final = 2
_BYTES_PER_MS: Final = RATE * _SAMPLE_BYTES // 1_000
_HEADER_BYTES: Final = 44
_FRAME_MS: Final = 20
"""The frame of telephony: long enough for a level, short enough for a syllable."""
_LEVEL: Final = 2_320
"""-23 dBFS where there is sound: the usual level of announcements, which leaves 20 dB for peaks."""
_GAIN_DB_MAX: Final = 29.5
"""A recording that would need more is noise."""
_SILENT_PEAK: Final = 100
"""-50 dBFS: nobody hears that on a phone."""
_QUIET_SHARE: Final = 0.02
"""Frames 34 dB below the loudest one are pauses."""
_LEAD_MS: Final = 30
_TAIL_MS: Final = 120
"""Silence kept before and after speech, so that prompts in a row sound like one sentence."""
_PADDING_MS: Final = 100
_SOX_SECONDS_MAX: Final = 30.0
_MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024
_RING_HZ: Final = 425
_RING_MS: Final = 1_000
_RING_PAUSE_MS: Final = 4_000
_RING_DBFS: Final = -20.0
_FADE_MS: Final = 10
"""Without it each ring would begin and end with a click."""
_RING_CYCLES: Final = 9
"""45 s; a customer's phone rings for 30 s once it is reached."""


class SoundSilent(Exception):
    """Nothing can be heard in it."""


async def canonical(sounds: Sequence[Sound]) -> list[bytes]:
    """Several sounds of one rate as canonical PCM, ends trimmed, by one run of sox. Raises SoundSilent.

    They share a run because starting sox costs more than resampling a word.
    """
    if not sounds:
        return []
    rate = sounds[0].rate
    assert all(sound.rate == rate for sound in sounds)
    padding = AudioSegment.silent(duration=_PADDING_MS, frame_rate=rate)
    padded = [padding + _segment(sound.pcm, rate) + padding for sound in sounds]
    raw = ("-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-L")
    joined = b"".join(each.raw_data for each in padded)
    narrow = await _sox((*raw, "-r", str(rate), "-", *raw, "-r", str(RATE), "-"), joined)
    pieces = []
    start = 0
    for each in padded:
        end = start + int(each.frame_count())
        low, high = (place * RATE // rate * _SAMPLE_BYTES for place in (start, end))
        pieces.append(levelled(trimmed(narrow[low:high])))
        start = end
    return pieces


async def ringing_tone() -> bytes:
    """The ringing tone of Russia and most of Europe: 425 Hz, 1 s on, 4 s off."""
    return await asyncio.to_thread(_ringing_tone)


def _ringing_tone() -> bytes:
    tone = Sine(_RING_HZ, sample_rate=RATE).to_audio_segment(duration=_RING_MS, volume=_RING_DBFS)
    pause = AudioSegment.silent(duration=_RING_PAUSE_MS, frame_rate=RATE)
    return _pcm((tone.fade_in(_FADE_MS).fade_out(_FADE_MS) + pause) * _RING_CYCLES)


async def of_upload(audio: bytes) -> bytes:
    """An upload as canonical PCM. Raises NoticeRefused if the fault is the file's, else EngineUnavailable."""
    try:
        return levelled(await uploads.decoded(audio))
    except uploads.Unfit as error:
        raise NoticeRefused(_REFUSALS[error.fault]) from error
    except (programs.ProgramMissing, OSError) as error:
        raise EngineUnavailable(str(error)) from error


_REFUSALS: Final = {
    uploads.Fault.TOO_LARGE: Refusal.UPLOAD_TOO_LARGE,
    uploads.Fault.NOT_AUDIO: Refusal.UPLOAD_NOT_AUDIO,
    uploads.Fault.BROKEN: Refusal.UPLOAD_BROKEN,
    uploads.Fault.TOO_LONG: Refusal.UPLOAD_TOO_LONG,
    uploads.Fault.SILENT: Refusal.UPLOAD_SILENT,
}


def trimmed(pcm: bytes) -> bytes:
    """Cut the silence at both ends, except the little that keeps words apart. Raises SoundSilent."""
    sound = _segment(pcm)
    threshold = _quiet_below(sound, _levels(sound))
    before = detect_leading_silence(sound, threshold, chunk_size=_FRAME_MS)
    after = detect_leading_silence(sound.reverse(), threshold, chunk_size=_FRAME_MS)
    # The engine's own silence may be shorter than a sentence needs at its end.
    tail = AudioSegment.silent(duration=max(0, _TAIL_MS - after), frame_rate=RATE)
    return _pcm(sound[max(0, before - _LEAD_MS) : len(sound) - max(0, after - _TAIL_MS)] + tail)


def levelled(pcm: bytes) -> bytes:
    """Bring to the level of all announcements. Raises SoundSilent."""
    sound = _segment(pcm)
    levels = _levels(sound)
    threshold = _quiet_below(sound, levels)
    loud = [level for level in levels if level >= db_to_float(threshold) * sound.max_possible_amplitude]
    level = (sum(each * each for each in loud) / len(loud)) ** 0.5
    return _pcm(sound.apply_gain(min(_GAIN_DB_MAX, ratio_to_db(_LEVEL / level))))


def _segment(pcm: bytes, rate: int = RATE) -> AudioSegment:
    return AudioSegment(data=pcm, sample_width=_SAMPLE_BYTES, frame_rate=rate, channels=1)


def _pcm(sound: AudioSegment) -> bytes:
    return bytes(sound.raw_data)


def _levels(sound: AudioSegment) -> list[int]:
    return [frame.rms for frame in sound[::_FRAME_MS]]


def _quiet_below(sound: AudioSegment, levels: Sequence[int]) -> float:
    """Where pauses begin, in dBFS."""
    if sound.max < _SILENT_PEAK:
        raise SoundSilent
    quiet = max(1.0, max(levels) * _QUIET_SHARE)
    return float(ratio_to_db(quiet / sound.max_possible_amplitude))


def duration_ms(pcm: bytes) -> int:
    """How long canonical PCM lasts."""
    return len(pcm) // _BYTES_PER_MS


def duration_ms_of_wav(size_bytes: int) -> int:
    """How long a canonical WAV of this size lasts."""
    return max(0, size_bytes - _HEADER_BYTES) // _BYTES_PER_MS


def is_canonical(data: bytes) -> bool:
    """Whether a WAV is in the canonical form, whole, and not empty."""
    try:
        found = header.samples(data)
    except header.NoSamples:
        return False
    at = (found.since_byte, found.until_byte, found.is_as_told)
    return at == (_HEADER_BYTES, len(data), True) and found.form == _FORM


def wav(pcm: bytes, *, rate: int = RATE) -> bytes:
    """PCM as a WAV with a header of 44 bytes."""
    file = io.BytesIO()
    _segment(pcm, rate).export(file, format="wav")
    return file.getvalue()


_FORM: Final = header.samples(wav(bytes(_SAMPLE_BYTES))).form


async def as_format(pcm: bytes, audio_format: AudioFormat) -> bytes:
    """Canonical PCM as a WAV of another format."""
    raw = ("-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-L")
    if audio_format is AudioFormat.WIDE:
        wide = await _sox((*raw, "-r", str(RATE), "-", *raw, "-r", str(2 * RATE), "-"), pcm)
        return wav(wide, rate=2 * RATE)
    encoding = "a-law" if audio_format is AudioFormat.ALAW else "u-law"
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        # A file and not a pipe: sox goes back to write the sizes of its header.
        file = Path(folder) / "form.wav"
        await _sox((*raw, "-r", str(RATE), "-", "-t", "wav", "-e", encoding, "-b", "8", str(file)), pcm)
        return await asyncio.to_thread(file.read_bytes)


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
