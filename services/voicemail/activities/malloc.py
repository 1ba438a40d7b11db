"""Returns the memory of recordings to the system: otherwise a process keeps 50 MiB after twenty of them."""

import contextlib
import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""glibc's `malloc.h`."""
LARGE_BYTES: Final = 128 * 1024
"""glibc's initial threshold. It rises to the largest block ever freed, up to 32 MiB, and then recordings and
letters leave holes in the heaps of a dozen threads."""


def return_large_blocks() -> None:
    """From now on blocks larger than `LARGE_BYTES` go back to the system when they are freed."""
    # Other libraries (musl, macOS) have no such threshold.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
