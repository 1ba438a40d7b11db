"""G.711, A-law and µ-law, decoded without ffmpeg (V2, V3).

PBXs record what phones send, one byte per sample. A table decodes three minutes in a millisecond, where
starting ffmpeg alone takes 100 ms. ffmpeg decodes everything else.
"""

import audioop
import struct
from enum import StrEnum
from typing import Final

BYTES_PER_MS: Final = 8
RATE_HZ: Final = 1_000 * BYTES_PER_MS
FRAME_BYTES: Final = 20 * BYTES_PER_MS


class Law(StrEnum):
    """The companding law, by ffmpeg's names."""

    A = "alaw"
    MU = "mulaw"


_TAGS: Final = {6: Law.A, 7: Law.MU}
"""RFC 2361: format tags of a WAV."""
_FORM: Final = struct.Struct("<HHIIHH")
"""Tag, channels, rate, bytes per second, bytes per frame, bits."""


def law_of(form: bytes) -> Law | None:
    """The law that a WAV's `fmt ` chunk names, at 8 kHz with one channel; None for anything else."""
    if len(form) < _FORM.size:
        return None
    tag, channels, rate_hz, _, frame_bytes, bits = _FORM.unpack_from(form)
    if (channels, rate_hz, frame_bytes, bits) != (1, RATE_HZ, 1, 8):
        return None
    return _TAGS.get(tag)


def pcm(sound: bytes, law: Law, since_frame: int, until_frame: int) -> bytes:
    """Samples of 16 bits from one frame of 20 ms up to another."""
    part = sound[since_frame * FRAME_BYTES : until_frame * FRAME_BYTES]
    return audioop.alaw2lin(part, 2) if law is Law.A else audioop.ulaw2lin(part, 2)
