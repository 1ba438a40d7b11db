"""From whatever a PBX recorded to an MP3 for people, by ffmpeg in a process of its own (V3, V8).

What comes in is judged by its content and never by a name. ffmpeg gets a forced format, no protocols but
files, no threads, and limits of time, memory and output size: a recording that is no recording costs one
process, and nothing else. First it is listened to (`speech`), then what is a message is levelled and encoded.
What phones send is decoded here (`companded`); the rest by ffmpeg, in a process before the other.
"""

import asyncio
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from contracts.voicemail import Mark
from runtime import wav
from services.voicemail.activities import companded, speech

RATE_HZ: Final = 16_000
"""Twice the rate of phones: at 8 kHz an MP3 would be MPEG 2.5, which not every player knows."""
BIT_RATE: Final = "32k"
EFFORT: Final = "7"
"""LAME's quality 7, without noise shaping: half the time of its default 3, and better for speech.

PESQ (wide band) says 3.67 against 3.57 on A-law, 3.06 against 2.95 on wide speech, 3.85 against 3.70 with a
second voice, and the same with the noise of a street.
"""
MARGIN_MS: Final = 200
"""Kept before the first and after the last word, so that no consonant is lost."""
GRACE_MS: Final = 2_000
"""A recording may be this much longer than its maximum before it is called too long."""
LEVELLED: Final = "dynaudnorm=f=250:g=15:p=0.9:m=15"
"""Even loudness; ffmpeg's loudnorm would be ten times slower."""

MEMORY_BYTES_MAX: Final = 1024**3
"""Of address space: ffmpeg's libraries alone take 300 MB of it, and hardly any of that is resident."""
CPU_S_MAX: Final = 60
OUTPUT_BYTES_MAX: Final = 64 * 1024**2
WALL_S_MAX: Final = 180.0
ERROR_LENGTH_MAX: Final = 300


class NotPlayable(Exception):
    """These bytes can't be made audible: theirs is the fault, and trying again will not help."""


class ConverterMissing(Exception):
    """ffmpeg can't be run here: ours is the fault."""


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: how long people talked, and the MP3 without what lies before the first and after the
    last word.

    `voiced_ms` is speech without its pauses, `speech_ms` the length of the MP3, which has them. `mp3` is
    empty when less than the asked-for `voiced_ms` was found.
    """

    mp3: bytes
    voiced_ms: int
    speech_ms: int
    mark: str = ""


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording is; `law`: what stands from `since_byte` to `until_byte` is samples of that form."""

    format: str
    is_damaged: bool = False
    law: companded.Law | None = None
    since_byte: int = 0
    until_byte: int = 0


class _Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Samples in a file, for ffmpeg by their form and rate, and what was heard in them, in ms."""

    file: Path
    form: str
    rate_hz: int
    length_ms: int
    sounds: list[tuple[int, int]]
    is_too_long: bool


class Studio:
    """Makes MP3s, a few at a time."""

    def __init__(self, *, at_once_max: int, folder: Path | None = None) -> None:
        """`folder` is where temporary files go; None is the system's."""
        self._free = asyncio.Semaphore(at_once_max)
        self._folder = folder

    async def mp3(self, original: bytes, *, speech_ms_min: int, duration_ms_max: int) -> Sound:
        """Convert. Raises NotPlayable or ConverterMissing."""
        source = sniffed(original)
        async with self._free:
            # The folder is small and local: making and removing it does not hold the loop up.
            with tempfile.TemporaryDirectory(prefix="ringback-", dir=self._folder) as folder:
                return await _converted(
                    original,
                    source,
                    Path(folder),
                    speech_ms_min=speech_ms_min,
                    duration_ms_max=duration_ms_max,
                )


def sniffed(original: bytes) -> _Source:
    """What the bytes are, by their beginning. Raises NotPlayable."""
    if not original:
        raise NotPlayable("the recording is empty")
    if original[:4] in (b"RIFF", b"RF64") and original[8:12] == b"WAVE":
        return _wav(original)
    if original[:4] == b"OggS":
        return _Source(format="ogg")
    if original[:4] == b"fLaC":
        return _Source(format="flac")
    if original[:3] == b"ID3" or (original[0] == 0xFF and original[1:2] and original[1] & 0xE0 == 0xE0):
        return _Source(format="mp3")
    raise NotPlayable("the recording is no audio")


def _wav(original: bytes) -> _Source:
    """A WAV whose header says less or more than is there is read to its end: its recorder died, or never
    returned. Raises NotPlayable."""
    try:
        found = wav.samples(original)
    except wav.NoSamples as error:
        raise NotPlayable("the recording is empty: a header and no sound") from error
    return _Source(
        format="wav",
        is_damaged=not found.is_as_told,
        law=companded.law_of(found.form),
        since_byte=found.since_byte,
        until_byte=found.until_byte,
    )


async def _converted(
    original: bytes, source: _Source, folder: Path, *, speech_ms_min: int, duration_ms_max: int
) -> Sound:
    if source.law is not None:
        heard = await asyncio.to_thread(_sampled, original, source, source.law, folder, duration_ms_max)
    else:
        heard = await _decoded(original, source, folder, duration_ms_max)
    voiced_ms = sum(until - since for since, until in heard.sounds)
    if not heard.sounds or voiced_ms < speech_ms_min:
        return Sound(mp3=b"", voiced_ms=voiced_ms, speech_ms=0)
    since_ms = max(0, heard.sounds[0][0] - MARGIN_MS)
    until_ms = min(heard.length_ms, heard.sounds[-1][1] + MARGIN_MS)
    encoded = folder / "message.mp3"
    trimmed = f"atrim=start={_seconds(since_ms)}:end={_seconds(until_ms)},asetpts=N/SR/TB"
    await _ffmpeg(
        *("-protocol_whitelist", "file", "-f", heard.form, "-ar", str(heard.rate_hz), "-ac", "1"),
        # Levelled at the rate it came in, and brought to another after that: half the samples to level.
        *("-i", str(heard.file), "-af", f"{trimmed},{LEVELLED}", "-ar", str(RATE_HZ)),
        # Nothing of the encoder's own in the file: the same recording gives the same bytes.
        *("-c:a", "libmp3lame", "-b:a", BIT_RATE, "-compression_level", EFFORT),
        *("-map_metadata", "-1", "-bitexact"),
        *("-f", "mp3", str(encoded)),
    )
    mp3 = await asyncio.to_thread(encoded.read_bytes)
    mark = Mark.TOO_LONG if heard.is_too_long else Mark.DAMAGED if source.is_damaged else ""
    return Sound(mp3=mp3, voiced_ms=voiced_ms, speech_ms=until_ms - since_ms, mark=mark)


def _sampled(
    original: bytes, source: _Source, law: companded.Law, folder: Path, duration_ms_max: int
) -> _Heard:
    """Samples are taken out of the WAV as they are."""
    available_ms = (source.until_byte - source.since_byte) // companded.BYTES_PER_MS
    length_ms, is_too_long = _bounded(available_ms, duration_ms_max)
    until_byte = source.since_byte + length_ms * companded.BYTES_PER_MS
    samples = original[source.since_byte : until_byte]
    file = folder / "samples"
    file.write_bytes(samples)
    frames = length_ms // speech.FRAME_MS
    return _Heard(
        file=file,
        form=law,
        rate_hz=companded.RATE_HZ,
        length_ms=length_ms,
        sounds=speech.stretches(lambda since, until: companded.pcm(samples, law, since, until), frames),
        is_too_long=is_too_long,
    )


async def _decoded(original: bytes, source: _Source, folder: Path, duration_ms_max: int) -> _Heard:
    """ffmpeg decodes it, to be encoded and to be listened to. Raises NotPlayable or ConverterMissing."""
    recorded, decoded, narrow = folder / "original", folder / "decoded.pcm", folder / "narrow.pcm"
    await asyncio.to_thread(recorded.write_bytes, original)
    raw = ("-ac", "1", "-f", "s16le")
    told = await _ffmpeg(
        *("-protocol_whitelist", "file", "-f", source.format),
        *(("-ignore_length", "1") if source.format == "wav" and source.is_damaged else ()),
        *("-t", _seconds(duration_ms_max + GRACE_MS), "-i", str(recorded)),
        *("-map", "0:a:0", *raw, "-ar", str(RATE_HZ), str(decoded)),
        *("-map", "0:a:0", *raw, "-ar", str(speech.RATE_HZ), str(narrow)),
    )
    decoded_ms = decoded.stat().st_size * 1000 // (2 * RATE_HZ) if decoded.exists() else 0
    if decoded_ms == 0:
        raise NotPlayable(f"nothing could be decoded: {_last_words(told)}")
    length_ms, is_too_long = _bounded(decoded_ms, duration_ms_max)
    frames = min(length_ms // speech.FRAME_MS, narrow.stat().st_size // speech.FRAME_BYTES)
    return _Heard(
        file=decoded,
        form="s16le",
        rate_hz=RATE_HZ,
        length_ms=length_ms,
        sounds=await asyncio.to_thread(_listened_to, narrow, frames),
        is_too_long=is_too_long,
    )


def _listened_to(file: Path, frames: int) -> list[tuple[int, int]]:
    with file.open("rb") as pcm:

        def read(since: int, until: int) -> bytes:
            pcm.seek(since * speech.FRAME_BYTES)
            return pcm.read((until - since) * speech.FRAME_BYTES)

        return speech.stretches(read, frames)


def _bounded(available_ms: int, duration_ms_max: int) -> tuple[int, bool]:
    """How much of it is kept, and whether it is longer than a closing that comes late explains."""
    is_too_long = available_ms >= duration_ms_max + GRACE_MS
    return duration_ms_max if is_too_long else available_ms, is_too_long


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _last_words(told: str) -> str:
    """The end of what ffmpeg told, without this machine's addresses and paths: it goes on the log."""
    cleaned = re.sub(r" @ 0x[0-9a-f]+|/\S*/", "", told)
    return " ".join(cleaned[-ERROR_LENGTH_MAX:].split())


async def _ffmpeg(*arguments: str) -> str:
    """Run ffmpeg within limits; returns what it told. Raises NotPlayable or ConverterMissing."""
    limits = (f"--as={MEMORY_BYTES_MAX}", f"--cpu={CPU_S_MAX}", f"--fsize={OUTPUT_BYTES_MAX}", "--core=0")
    argv = (
        *("prlimit", *limits, "ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-y", "-threads", "1"),
        *arguments[:-1],
        *("-threads", "1", arguments[-1]),
    )
    try:
        # Not the loop's own way to start a program: uvloop forks, and a copy of this process's pages costs
        # 12 ms of processor. subprocess uses vfork, which copies none.
        process = subprocess.Popen(  # noqa: ASYNC220  # back within 2 ms, once the program is loaded
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise ConverterMissing("prlimit (package util-linux) is not installed") from error
    try:
        _, errors = await asyncio.to_thread(process.communicate, timeout=WALL_S_MAX)
    except subprocess.TimeoutExpired as error:
        raise NotPlayable(f"converting took more than {WALL_S_MAX:.0f} s") from error
    finally:
        # Who is stopped meanwhile leaves a thread that waits: it ends with the program.
        process.kill()
        process.wait()
    told = errors.decode(errors="replace")
    if process.returncode in (126, 127) or "failed to execute" in told:
        raise ConverterMissing("ffmpeg is not installed, or can't be run")
    if process.returncode != 0:
        raise NotPlayable(f"ffmpeg ended with {process.returncode}: {_last_words(told)}")
    return told
