"""Recordings give their memory back: without this a process that has seen twenty of them keeps 50 MiB."""

import contextlib
import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""glibc's `malloc.h`."""
LARGE_BYTES: Final = 128 * 1024
"""glibc's own first value. It raises it to the largest block that was ever freed, up to 32 MiB, and from then
on recordings and letters leave holes in the heaps of a dozen threads."""


def give_back_large_blocks() -> None:
    """From now on what is larger than `LARGE_BYTES` goes back to the system when it is freed."""
    # Other systems' libraries (musl, macOS) have no such thing to set.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
