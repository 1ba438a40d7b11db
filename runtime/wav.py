"""Finds the samples of a WAV, whose header may be wrong; says what can be played to a phone, and makes it.

A recorder that died wrote its header when the file was shorter, a streaming one never knew the length, and a
copy may have been cut. So the samples end where the header says only if a chain of chunks follows there up to
the end of the file; else they extend to the end of the file.
"""

import io
import struct
import wave
from typing import Final

import msgspec

STREAMED: Final = 0xFFFFFFFF
"""The size in a WAV's header if the writer could not go back to set it, or if `ds64` has it."""
CANONICAL: Final = (1, 1, 8_000, 16)
"""The form of everything that is played to a phone: PCM, one channel, 8 kHz, 16 bits (T2)."""
_CANONICAL_BYTES_PER_MS: Final = 16
_HEAD: Final = struct.Struct("<4sI")
_FORM: Final = struct.Struct("<HHIIHH")
_RIFF_BYTES: Final = 12
_KNOWN: Final = frozenset(
    {b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"cue ", b"JUNK", b"junk", b"PAD ", b"iXML", b"smpl"}
    | {b"inst", b"plst", b"labl", b"note", b"adtl", b"cart", b"levl", b"PEAK", b"FLLR", b"axml", b"DISP"}
)
"""Chunks that may follow the samples and be cut. Any other must end with the file."""


class NoSamples(Exception):
    """The file has a header and no samples."""


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    """The samples' first byte and end, and the `fmt ` chunk that describes them (empty if missing).

    `is_as_told`: the header agrees, or says that it does not know.
    """

    since_byte: int
    until_byte: int
    form: bytes
    is_as_told: bool


def is_wav(data: bytes) -> bool:
    """Whether the content begins like a WAV."""
    return data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE"


def samples(data: bytes) -> Samples:
    """Find the samples. Raises NoSamples."""
    at, form, long_size = _RIFF_BYTES, b"", 0
    while at + _HEAD.size <= len(data):
        name, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if name == b"fmt ":
            form = data[at : at + size]
        elif name == b"ds64" and size >= 16 and at + 16 <= len(data):
            # EBU Tech 3306: sizes beyond 4 GB; the second one is that of `data`.
            (long_size,) = struct.unpack_from("<Q", data, at + 8)
        elif name == b"data":
            told = long_size or None if size == STREAMED else size
            return _samples(data, at, told, form)
        at += size + size % 2
    raise NoSamples


def _samples(data: bytes, at: int, told: int | None, form: bytes) -> Samples:
    there = len(data) - at
    if there == 0 or (told == 0 and _is_chain(data, at)):
        raise NoSamples
    if told is None:
        return Samples(since_byte=at, until_byte=len(data), form=form, is_as_told=True)
    end = at + told
    is_believed = 0 < told <= there and (_is_chain(data, end + told % 2) or _is_chain(data, end))
    until = at + told if is_believed else len(data)
    return Samples(since_byte=at, until_byte=until, form=form, is_as_told=is_believed)


def _is_chain(data: bytes, at: int) -> bool:
    """Whether only chunks follow, up to the end of the file."""
    while at + _HEAD.size <= len(data):
        name, size = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + size
        if not all(0x20 <= each < 0x7F for each in name) or (end > len(data) and name not in _KNOWN):
            return False
        at = end + size % 2
    # A remainder too short for a chunk is padding.
    return True


def canonical_ms(data: bytes) -> int | None:
    """The length of a WAV in the canonical form, or None if it is anything else (T2)."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at, is_canonical = _RIFF_BYTES, False
    while at + _HEAD.size <= len(data):
        name, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if name == b"fmt " and size >= _FORM.size and at + _FORM.size <= len(data):
            form, channels, rate, _, _, bits = _FORM.unpack_from(data, at)
            is_canonical = (form, channels, rate, bits) == CANONICAL
        if name == b"data":
            return min(size, len(data) - at) // _CANONICAL_BYTES_PER_MS if is_canonical else None
        at += size + size % 2
    return None


def canonical(pcm: bytes) -> bytes:
    """A WAV in the canonical form (T2) of samples that are in it already."""
    _, channels, rate, bits = CANONICAL
    file = io.BytesIO()
    with wave.open(file, "wb") as sink:
        sink.setnchannels(channels)
        sink.setsampwidth(bits // 8)
        sink.setframerate(rate)
        sink.writeframes(pcm)
    return file.getvalue()
