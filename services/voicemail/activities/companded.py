"""A-law and µ-law, as phones send sound: where something can be heard in it, found without ffmpeg (V2, V3).

PBXs record what they hear, one byte a sample (G.711). So a table of 256 entries says which bytes are loud,
and a search for long runs of others finds the silences: 7 ms of processor for three minutes, where starting
ffmpeg alone takes 100 ms. Whatever is not exactly that is ffmpeg's to measure.
"""

import audioop
import struct
from enum import StrEnum
from typing import Final

BYTES_PER_MS: Final = 8
RATE_HZ: Final = 1_000 * BYTES_PER_MS


class Law(StrEnum):
    """How a byte stands for a sample, by ffmpeg's names."""

    A = "alaw"
    MU = "mulaw"


_TAGS: Final = {6: Law.A, 7: Law.MU}
"""RFC 2361: the forms of a WAV."""
_FORM: Final = struct.Struct("<HHIIHH")
"""Tag, channels, rate, bytes a second, bytes a frame, bits."""


def law_of(form: bytes) -> Law | None:
    """Which of both a WAV's `fmt ` chunk speaks of, at 8 kHz with one channel; None: anything else."""
    if len(form) < _FORM.size:
        return None
    tag, channels, rate_hz, _, frame_bytes, bits = _FORM.unpack_from(form)
    if (channels, rate_hz, frame_bytes, bits) != (1, RATE_HZ, 1, 8):
        return None
    return _TAGS.get(tag)


def silences(sound: bytes, law: Law, *, level_max: int, ms_min: int) -> list[tuple[int, int]]:
    """Where every sample is below `level_max` (of 32,768) for `ms_min` or longer: from and until, in ms."""
    loud = sound.translate(_loud(law, level_max))
    run = bytes(ms_min * BYTES_PER_MS)
    found = []
    since = loud.find(run)
    while since >= 0:
        until = loud.find(1, since + len(run))
        until = len(loud) if until < 0 else until
        found.append((since // BYTES_PER_MS, until // BYTES_PER_MS))
        since = loud.find(run, until)
    return found


def _loud(law: Law, level_max: int) -> bytes:
    """For each byte 1 if it is a sample as loud as that, else 0."""
    every = bytes(range(256))
    samples = audioop.alaw2lin(every, 2) if law is Law.A else audioop.ulaw2lin(every, 2)
    return bytes(abs(sample) >= level_max for (sample,) in struct.iter_unpack("=h", samples))
