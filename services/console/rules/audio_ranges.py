"""Which part of a recording is asked of S3 for a browser's `Range` (RFC 9110, 14.2)."""

import re
from typing import Final

PIECE_BYTES: Final = 1024 * 1024
"""Half a minute of the largest recordings. A browser asks on from there, so that one that has paused, or that
reads slowly, holds no connection meanwhile."""
_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
_SUFFIX: Final = re.compile(r"bytes=-\d{1,15}")


def asked(header: str) -> str:
    """The range to ask for, a piece of a long one. Empty, for the whole: of none, of several, of nonsense."""
    text = header.strip()
    if _SUFFIX.fullmatch(text):
        return text
    found = _RANGE.fullmatch(text)
    if found is None:
        return ""
    first = int(found[1])
    last = first + PIECE_BYTES - 1
    if found[2]:
        if int(found[2]) < first:
            return ""
        last = min(last, int(found[2]))
    return f"bytes={first}-{last}"
