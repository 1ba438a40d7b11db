"""What an uploaded file is, told by its first bytes and never by its name (T4)."""

from enum import StrEnum
from typing import Final

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
    """A kind of file that is taken, by the name of the demuxer that is forced to read it."""

    WAV = "wav"
    MP3 = "mp3"
    OGG = "ogg"
    M4A = "mov"


def container(head: bytes) -> Container | None:
    """The kind of a file by its first bytes (12 are enough); None when it is none of those taken."""
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
