"""Puts a PBX's files into a folder: each whole or not at all, only when it changed, and says what changed."""

import grp
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runtime import private_files

PJSIP: Final = "ringback-pjsip.conf"
EXTENSIONS: Final = "ringback-extensions.conf"
MODULES: Final = "ringback-modules.conf"
GROUP_MODE: Final = 0o640
GROUP_FOLDER_MODE: Final = 0o750
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_NAMED: Final = re.compile(r"\[([^\]]+)\]")


def place(folder: Path, texts: dict[str, str], group: str = "") -> list[str]:
    """Write the texts by file name; what changed, a line each. Raises OSError and LookupError (a group)."""
    group_id = grp.getgrnam(group).gr_gid if group else None
    if not folder.exists():
        private_files.folder(folder)
        if group_id is not None:
            _give(folder, group_id, GROUP_FOLDER_MODE)
    said: list[str] = []
    for name, text in texts.items():
        path = folder / name
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old != text or not _is_for(path, group_id):
            _replace(path, text, group_id)
            said += differences(old, text)
    return said


def _is_for(path: Path, group_id: int | None) -> bool:
    """Whether nobody else can read the file, and the group can."""
    found = path.stat()
    mode = private_files.FILE_MODE if group_id is None else GROUP_MODE
    return found.st_mode & 0o777 == mode and group_id in (None, found.st_gid)


def _replace(path: Path, text: str, group_id: int | None) -> None:
    """Write a file beside it, and put it in its place: a reader has the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, _NEW, private_files.FILE_MODE), "w", encoding="utf-8") as opened:
            if group_id is not None:
                _give(beside, group_id, GROUP_MODE)
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _give(path: Path, group_id: int, mode: int) -> None:
    os.chown(path, -1, group_id)
    path.chmod(mode)


def differences(old: str, new: str) -> Iterator[str]:
    """What a reader of the new text finds otherwise: names of sections, never what stands in them."""
    before, after = _sections(old), _sections(new)
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"{name}: gone"
        elif name not in before:
            yield f"{name}: new"
        elif before[name] != after[name]:
            is_secret = _without_secrets(before[name]) == _without_secrets(after[name])
            yield f"{name}: {'another password' if is_secret else 'changed'}"


def _sections(text: str) -> dict[str, list[str]]:
    """Every line of a configuration file, by the name of its section."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        begun = _NAMED.match(line)
        name = begun[1] if begun else name or "modules"
        if line and not line.startswith(";"):
            found.setdefault(name, []).append(line)
    return found


def _without_secrets(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("password = ")]
