"""One run at a time in a folder: each clears what the one before has left, processes' files included."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from runtime import private_files


@contextlib.contextmanager
def alone(run: Path) -> Iterator[bool]:
    """Whether no other process is in this with the same folder, whose lock is beside it."""
    private_files.folder(run.parent)
    with run.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
