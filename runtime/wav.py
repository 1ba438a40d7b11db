"""Where the samples of a WAV really are: its header is a claim.

A recorder that dies has written its header when there was less, one that streams never knew how much there
would be, and a copy may have been cut. So the samples end where the header says only if a chain of chunks
begins there that ends with the file; else they go on to its end.
"""

import struct
from typing import Final

import msgspec

STREAMED: Final = 0xFFFFFFFF
"""The size in the header of a WAV whose writer could not go back to fill it in, or whose `ds64` has it."""
_HEAD: Final = struct.Struct("<4sI")
_RIFF_BYTES: Final = 12
_KNOWN: Final = frozenset(
    {b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"cue ", b"JUNK", b"junk", b"PAD ", b"iXML", b"smpl"}
    | {b"inst", b"plst", b"labl", b"note", b"adtl", b"cart", b"levl", b"PEAK", b"FLLR", b"axml", b"DISP"}
)
"""Chunks that stand behind samples; one of them may be cut. Any other must end with the file."""


class NoSamples(Exception):
    """A header, and nothing to hear."""


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    """From which byte to which, and the `fmt ` chunk that tells their form (empty: there is none).

    `is_as_told`: the header says the same, or says that it does not know.
    """

    since_byte: int
    until_byte: int
    form: bytes
    is_as_told: bool


def is_wav(data: bytes) -> bool:
    """Whether it begins as one."""
    return data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE"


def samples(data: bytes) -> Samples:
    """Look for them. Raises NoSamples."""
    at, form, long_size = _RIFF_BYTES, b"", 0
    while at + _HEAD.size <= len(data):
        name, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if name == b"fmt ":
            form = data[at : at + size]
        elif name == b"ds64" and size >= 16 and at + 16 <= len(data):
            # EBU Tech 3306: sizes beyond 4 GB; the second of them is that of `data`.
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
    """Whether nothing but chunks follows, to the end of the file."""
    while at + _HEAD.size <= len(data):
        name, size = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + size
        if not all(0x20 <= each < 0x7F for each in name) or (end > len(data) and name not in _KNOWN):
            return False
        at = end + size % 2
    # What is too short for a chunk is padding, whatever it is.
    return True
