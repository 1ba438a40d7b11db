"""Files for their owner alone: recordings, databases, logs and keys are nobody else's on a shared machine."""

import contextlib
import os
from pathlib import Path
from typing import Final

UMASK: Final = 0o077
FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


def own_files_only() -> None:
    """From now on this process, and each that it starts, makes files with mode 600 and folders with 700."""
    os.umask(UMASK)


def folder(path: Path) -> Path:
    """Make a folder, with those above it that are missing, for its owner alone."""
    for each in reversed((path, *path.parents)):
        each.mkdir(mode=FOLDER_MODE, exist_ok=True)
    return path


def write(file: Path, text: str) -> None:
    """Write a text; at no moment may anybody else read it."""
    to = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(to, "w", encoding="utf-8") as opened:
        opened.write(text)


def replace(file: Path, text: str) -> None:
    """Put a text in a file's place at once: whoever reads it has the text of before or this one, whole."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    write(beside, text)
    beside.replace(file)


def tighten(*paths: Path) -> None:
    """Take the rights that an earlier version, or a hand, gave to others; what is not there is left out."""
    for path in paths:
        # Of another owner: whoever gave us the file decides who else has it.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)


def tighten_database(file: str) -> None:
    """The same for the files of a SQLite database."""
    tighten(*(Path(f"{file}{suffix}") for suffix in ("", "-wal", "-shm")))
