"""Converts a PBX's recording to an MP3, by ffmpeg in a process of its own (V3, V8).

A recording's format follows from its content, never from its name. ffmpeg gets a forced format, only the file
protocol, no threads, and limits of time, memory and output size, so that a hostile file costs one process and
nothing else. First speech is detected (`speech_detection`); if there is enough, the recording is levelled and
encoded. G.711 is decoded here (`g711`), everything else by a first run of ffmpeg.
"""

import asyncio
import errno
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from contracts.voicemail import Mark
from runtime import wav
from runtime.fairness import FairRoom
from services.voicemail.activities import g711, speech_detection

RATE_HZ: Final = 16_000
"""Twice the rate of phones: at 8 kHz an MP3 would be MPEG 2.5, which some players can't play."""
BIT_RATE: Final = "32k"
EFFORT: Final = "7"
"""LAME's quality 7, without noise shaping: half the time of its default 3, and better for speech.

PESQ (wide band) says 3.67 against 3.57 on A-law, 3.06 against 2.95 on wide speech, 3.85 against 3.70 with a
second voice, and the same with the noise of a street.
"""
MARGIN_MS: Final = 200
"""Kept before the first and after the last word, so that no consonant is cut."""
GRACE_MS: Final = 2_000
"""A recording is too long when it exceeds its maximum by more than this."""
LEVELLED: Final = "dynaudnorm=f=250:g=15:p=0.9:m=15"
"""Even loudness; ffmpeg's loudnorm would be ten times slower."""

MEMORY_BYTES_MAX: Final = 1024**3
"""Of address space, of which ffmpeg's libraries alone take 300 MB, hardly any of it resident."""
CPU_S_MAX: Final = 60
OUTPUT_BYTES_MAX: Final = 64 * 1024**2
WALL_S_MAX: Final = 180.0
ERROR_LENGTH_MAX: Final = 300


class NotPlayable(Exception):
    """The recording can't be converted, and trying again will not help."""


_NO_ROOM: Final = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


class ConverterMissing(Exception):
    """ffmpeg can't be run here, or has no room for its files: the fault is ours, not the recording's."""


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """The MP3 from the first to the last word, and how long people talked.

    `voiced_ms` is speech without its pauses, `speech_ms` the length of the MP3, which has them. `mp3` is
    empty when there is less speech than was asked for.
    """

    mp3: bytes
    voiced_ms: int
    speech_ms: int
    mark: str = ""


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """A recording's format; with a `law`, its samples are the bytes from `since_byte` to `until_byte`."""

    format: str
    is_damaged: bool = False
    law: g711.Law | None = None
    since_byte: int = 0
    until_byte: int = 0


class _Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """Samples in a file, with the format and rate for ffmpeg, and the intervals of speech in them, in ms."""

    file: Path
    format: str
    rate_hz: int
    length_ms: int
    speech: list[tuple[int, int]]
    is_too_long: bool


class Mp3Converter:
    """Converts recordings to MP3, a few at a time; organizations take turns, and leave each other a place."""

    def __init__(self, *, at_once_max: int, folder: Path | None = None) -> None:
        """`folder` is for temporary files; None: the system's."""
        self._free = FairRoom(at_once_max, per_organization_max=max(1, at_once_max - 1))
        self._folder = folder

    async def convert(
        self, original: bytes, *, speech_ms_min: int, duration_ms_max: int, organization_id: str = ""
    ) -> Conversion:
        """Convert. Raises NotPlayable or ConverterMissing."""
        source = detect_source(original)
        async with self._free.place(organization_id):
            # The folder is small and local: creating and removing it does not block the loop.
            try:
                with tempfile.TemporaryDirectory(prefix="ringback-", dir=self._folder) as folder:
                    return await _converted(
                        original,
                        source,
                        Path(folder),
                        speech_ms_min=speech_ms_min,
                        duration_ms_max=duration_ms_max,
                    )
            except OSError as error:
                raise ConverterMissing(f"temporary files can't be written: {error.strerror}") from error


def detect_source(original: bytes) -> _Source:
    """Detect the format by the first bytes. Raises NotPlayable."""
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
    """Read a WAV's header; if its sizes are wrong, because its recorder died, the file is read to its end.

    Raises NotPlayable.
    """
    try:
        found = wav.samples(original)
    except wav.NoSamples as error:
        raise NotPlayable("the recording is empty: a header and no sound") from error
    return _Source(
        format="wav",
        is_damaged=not found.is_as_told,
        law=g711.law_of(found.form),
        since_byte=found.since_byte,
        until_byte=found.until_byte,
    )


async def _converted(
    original: bytes, source: _Source, folder: Path, *, speech_ms_min: int, duration_ms_max: int
) -> Conversion:
    if source.law is not None:
        analysis = await asyncio.to_thread(
            _analysed_g711, original, source, source.law, folder, duration_ms_max
        )
    else:
        analysis = await _analysed_by_ffmpeg(original, source, folder, duration_ms_max)
    voiced_ms = sum(until - since for since, until in analysis.speech)
    if not analysis.speech or voiced_ms < speech_ms_min:
        return Conversion(mp3=b"", voiced_ms=voiced_ms, speech_ms=0)
    since_ms = max(0, analysis.speech[0][0] - MARGIN_MS)
    until_ms = min(analysis.length_ms, analysis.speech[-1][1] + MARGIN_MS)
    encoded = folder / "message.mp3"
    trimmed = f"atrim=start={_seconds(since_ms)}:end={_seconds(until_ms)},asetpts=N/SR/TB"
    await _ffmpeg(
        *("-protocol_whitelist", "file", "-f", analysis.format, "-ar", str(analysis.rate_hz), "-ac", "1"),
        # Levelled before it is resampled: half the samples to level.
        *("-i", str(analysis.file), "-af", f"{trimmed},{LEVELLED}", "-ar", str(RATE_HZ)),
        # No tags of the encoder: the same recording gives the same bytes.
        *("-c:a", "libmp3lame", "-b:a", BIT_RATE, "-compression_level", EFFORT),
        *("-map_metadata", "-1", "-bitexact"),
        *("-f", "mp3", str(encoded)),
    )
    mp3 = await asyncio.to_thread(encoded.read_bytes)
    mark = Mark.TOO_LONG if analysis.is_too_long else Mark.DAMAGED if source.is_damaged else ""
    return Conversion(mp3=mp3, voiced_ms=voiced_ms, speech_ms=until_ms - since_ms, mark=mark)


def _analysed_g711(
    original: bytes, source: _Source, law: g711.Law, folder: Path, duration_ms_max: int
) -> _Analysis:
    """Take G.711 samples out of the WAV and detect speech in them."""
    available_ms = (source.until_byte - source.since_byte) // g711.BYTES_PER_MS
    length_ms, is_too_long = _bounded(available_ms, duration_ms_max)
    until_byte = source.since_byte + length_ms * g711.BYTES_PER_MS
    samples = original[source.since_byte : until_byte]
    file = folder / "samples"
    file.write_bytes(samples)
    frames = length_ms // speech_detection.FRAME_MS
    return _Analysis(
        file=file,
        format=law,
        rate_hz=g711.RATE_HZ,
        length_ms=length_ms,
        speech=speech_detection.speech_intervals(
            lambda since, until: g711.pcm(samples, law, since, until), frames
        ),
        is_too_long=is_too_long,
    )


async def _analysed_by_ffmpeg(
    original: bytes, source: _Source, folder: Path, duration_ms_max: int
) -> _Analysis:
    """Let ffmpeg decode it, and detect speech in it. Raises NotPlayable or ConverterMissing."""
    recorded, decoded, narrow = folder / "original", folder / "decoded.pcm", folder / "narrow.pcm"
    await asyncio.to_thread(recorded.write_bytes, original)
    raw = ("-ac", "1", "-f", "s16le")
    told = await _ffmpeg(
        *("-protocol_whitelist", "file", "-f", source.format),
        *(("-ignore_length", "1") if source.format == "wav" and source.is_damaged else ()),
        *("-t", _seconds(duration_ms_max + GRACE_MS), "-i", str(recorded)),
        *("-map", "0:a:0", *raw, "-ar", str(RATE_HZ), str(decoded)),
        *("-map", "0:a:0", *raw, "-ar", str(speech_detection.RATE_HZ), str(narrow)),
    )
    decoded_ms = decoded.stat().st_size * 1000 // (2 * RATE_HZ) if decoded.exists() else 0
    if decoded_ms == 0:
        raise NotPlayable(f"nothing could be decoded: {_last_words(told)}")
    length_ms, is_too_long = _bounded(decoded_ms, duration_ms_max)
    frames = min(
        length_ms // speech_detection.FRAME_MS, narrow.stat().st_size // speech_detection.FRAME_BYTES
    )
    return _Analysis(
        file=decoded,
        format="s16le",
        rate_hz=RATE_HZ,
        length_ms=length_ms,
        speech=await asyncio.to_thread(_speech_in, narrow, frames),
        is_too_long=is_too_long,
    )


def _speech_in(file: Path, frames: int) -> list[tuple[int, int]]:
    with file.open("rb") as pcm:

        def read(since: int, until: int) -> bytes:
            pcm.seek(since * speech_detection.FRAME_BYTES)
            return pcm.read((until - since) * speech_detection.FRAME_BYTES)

        return speech_detection.speech_intervals(read, frames)


def _bounded(available_ms: int, duration_ms_max: int) -> tuple[int, bool]:
    """How many ms are kept, and whether the recording is too long."""
    is_too_long = available_ms >= duration_ms_max + GRACE_MS
    return duration_ms_max if is_too_long else available_ms, is_too_long


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _last_words(told: str) -> str:
    """The end of ffmpeg's output, without addresses and paths of this machine: it goes on the log."""
    cleaned = re.sub(r" @ 0x[0-9a-f]+|/\S*/", "", told)
    return " ".join(cleaned[-ERROR_LENGTH_MAX:].split())


async def _ffmpeg(*arguments: str) -> str:
    """Run ffmpeg within limits; returns what it printed. Raises NotPlayable or ConverterMissing."""
    limits = (f"--as={MEMORY_BYTES_MAX}", f"--cpu={CPU_S_MAX}", f"--fsize={OUTPUT_BYTES_MAX}", "--core=0")
    argv = (
        *("prlimit", *limits, "ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-y", "-threads", "1"),
        *arguments[:-1],
        *("-threads", "1", arguments[-1]),
    )
    try:
        # Not started by the loop: uvloop forks, and copying this process's page tables costs 12 ms of CPU.
        # subprocess uses vfork, which copies none.
        process = subprocess.Popen(  # noqa: ASYNC220  # returns within 2 ms, once the program is loaded
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise ConverterMissing("prlimit (package util-linux) is not installed") from error
    try:
        _, errors = await asyncio.to_thread(process.communicate, timeout=WALL_S_MAX)
    except subprocess.TimeoutExpired as error:
        raise NotPlayable(f"converting took more than {WALL_S_MAX:.0f} s") from error
    finally:
        # After a cancellation a thread still waits for the program, and ends with it.
        process.kill()
        process.wait()
    told = errors.decode(errors="replace")
    if process.returncode in (126, 127) or "failed to execute" in told:
        raise ConverterMissing("ffmpeg is not installed, or can't be run")
    if any(each in told for each in _NO_ROOM):
        # ffmpeg may end with 0 all the same, and the file breaks off.
        raise ConverterMissing("there is no room for temporary files")
    if process.returncode != 0:
        raise NotPlayable(f"ffmpeg ended with {process.returncode}: {_last_words(told)}")
    return told
