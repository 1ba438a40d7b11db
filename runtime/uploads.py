"""Recognizes an uploaded recording by its content, never by its name, and decodes it (T4).

Uploads are not trusted: ffmpeg decodes them in a process with limits, with a forced format and no protocol
but the one file. Decoding is also the only way to check a file.
"""

import asyncio
import audioop
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Final

from runtime import programs, wav

UPLOAD_BYTES_MAX: Final = 10 * 1024 * 1024
DURATION_MS_MAX: Final = 5 * 60 * 1000
_ID3: Final = b"ID3"
_MP4_BRANDS: Final = (
    b"M4A ",
    b"M4B ",
    b"mp42",
    b"mp41",
    b"isom",
    b"iso2",
    b"iso5",
    b"iso6",
    b"dash",
    b"qt  ",
)


class Container(StrEnum):
    """An accepted kind of file, named by the demuxer that reads it."""

    WAV = "wav"
    MP3 = "mp3"
    OGG = "ogg"
    M4A = "mov"


def container(head: bytes) -> Container | None:
    """The kind of a file by its first bytes (12 are enough); None for a kind that is not accepted."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return Container.WAV
    if head[:4] == b"OggS":
        return Container.OGG
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_BRANDS:
        return Container.M4A
    if head[:3] == _ID3 or _is_mpeg_frame(head):
        return Container.MP3
    return None


def _is_mpeg_frame(head: bytes) -> bool:
    """Whether an MPEG audio frame of layer III begins here: eleven set bits, no reserved version or rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate not in (0, 15) and rate != 3


RATE_HZ: Final = 8_000
_BYTES_PER_MS: Final = 16
_SILENT_PEAK: Final = 100
"""-50 dBFS, which is inaudible on a phone."""
_SECONDS_MAX: Final = 60.0
"""ffmpeg takes half a second for five minutes of sound; a file that needs a minute is broken."""
_MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024


class Fault(StrEnum):
    """Why an upload can't be played."""

    TOO_LARGE = "too_large"
    NOT_AUDIO = "not_audio"
    BROKEN = "broken"
    TOO_LONG = "too_long"
    SILENT = "silent"


class Unfit(Exception):
    """The file is at fault; trying again will not help."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


async def decoded(audio: bytes) -> bytes:
    """An upload as PCM, 8 kHz, mono, 16 bits, with its loudness levelled by ffmpeg.

    Raises Unfit for the file's faults, ProgramMissing for ours.
    """
    if len(audio) > UPLOAD_BYTES_MAX:
        raise Unfit(Fault.TOO_LARGE)
    kind = container(audio)
    if kind is None:
        raise Unfit(Fault.NOT_AUDIO)
    pcm = await _run(audio, kind)
    if not pcm:
        raise Unfit(Fault.BROKEN)
    if len(pcm) // _BYTES_PER_MS > DURATION_MS_MAX:
        raise Unfit(Fault.TOO_LONG)
    if audioop.max(pcm, 2) < _SILENT_PEAK:
        raise Unfit(Fault.SILENT)
    return pcm


async def _run(audio: bytes, kind: Container) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        # A file, not a pipe: M4A often has its index at the end.
        file = Path(folder) / "upload"
        await asyncio.to_thread(file.write_bytes, audio)
        seconds = DURATION_MS_MAX / 1_000 + 1
        reading = ("-protocol_whitelist", "file", "-f", kind.value, *_sizes(audio, kind), "-i", str(file))
        writing = ("-threads", "1", "-ar", str(RATE_HZ), "-ac", "1", "-f", "s16le")
        argv = (
            *("ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-threads", "1"),
            *reading,
            *("-map", "0:a:0", "-t", str(seconds), "-af", "dynaudnorm"),
            *(*writing, "-protocol_whitelist", "pipe", "-"),
        )
        try:
            return await programs.run(
                argv,
                seconds_max=_SECONDS_MAX,
                output_bytes_max=1_000 * _BYTES_PER_MS * round(seconds + 10),
                memory_bytes_max=_MEMORY_BYTES_MAX,
            )
        except (programs.ProgramFailed, programs.ProgramOverran) as error:
            raise Unfit(Fault.BROKEN) from error


def _sizes(audio: bytes, kind: Container) -> tuple[str, ...]:
    """Let ffmpeg read a WAV to its end if its header is wrong, as after streaming to a pipe."""
    if kind is not Container.WAV:
        return ()
    try:
        found = wav.samples(audio)
    except wav.NoSamples as error:
        raise Unfit(Fault.BROKEN) from error
    return () if found.is_as_told and found.until_byte < len(audio) else ("-ignore_length", "1")
