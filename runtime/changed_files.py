"""Files of settings that change while the process runs: some are used at once, others ask for a restart.

Kubernetes swaps a link to a folder, other tools write a file in place or move one over it: so the files are
read by their names at each look, and compared by what is in them. What can't be read or used leaves the
former content in use, and is tried again.
"""

import asyncio
import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from runtime import secret_files
from runtime.metrics import RESTART_NEEDED

LOOK_S: Final = 10.0
"""Kubernetes itself takes a minute to bring a changed secret into a pod."""
CERTIFICATES_BYTES_MAX: Final = 1024**2
"""The authorities of a whole system are a quarter of this."""

_log = structlog.get_logger()


class FileUnreadable(ValueError):
    """A certificate's file can't be read; the message names it."""


@dataclass(slots=True)
class _Watched:
    """What is read together, and used together."""

    setting: str
    read: Callable[[], str]
    use: Callable[[str], None] | None
    used: bytes = b""
    """A digest of what is in use."""
    said: str = ""
    """What was last said about it: each thing is said once."""

    def say(self, text: str, **fields: str) -> None:
        """Warn, unless that was the last thing said."""
        line = f"{text}{sorted(fields.items())}"
        if line != self.said:
            self.said = line
            _log.warning(text, setting=self.setting, **fields)


class ChangedFiles:
    """Every file that a setting is from, or names."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """`files` are those of settings that come as files; make this before the settings are read."""
        self._watched: dict[str, _Watched] = {}
        for setting, path in files.items():
            read = functools.partial(secret_files.read, setting, path)
            self._add(_Watched(setting + secret_files.SUFFIX, read, None))

    def use_text(self, setting: str, use: Callable[[str], None]) -> None:
        """Use the setting's new text, if it comes as a file, without a restart.

        `use` raises ValueError for a text that can't be used, in words that have nothing of it.
        """
        watched = self._watched.get(setting + secret_files.SUFFIX)
        if watched is not None:
            watched.use = use

    def watch(self, setting: str, paths: Iterable[str], load: Callable[[], None] | None = None) -> None:
        """Watch files that a part's settings name, such as a certificate and its key; no path: none is set.

        `load` uses them without a restart, and raises ValueError when it can't.
        """
        found = [Path(path) for path in paths if path]
        if found:
            use = None if load is None else lambda _text: load()
            self._add(_Watched(setting, lambda: _all_of(found), use))

    def _add(self, watched: _Watched) -> None:
        try:
            watched.used = _digest(watched.read())
        except ValueError:
            # Who needs the file says so at the start.
            watched.used = b""
        self._watched[watched.setting] = watched

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Look at each file once."""
        for watched in self._watched.values():
            try:
                text = await asyncio.to_thread(watched.read)
                self._compare(watched, text)
            except ValueError as error:
                watched.say("a changed file can't be used, and the former content stays", reason=str(error))

    def _compare(self, watched: _Watched, text: str) -> None:
        """Use or tell what is new. Raises ValueError when it can't be used."""
        digest = _digest(text)
        is_new = digest != watched.used
        if watched.use is None:
            RESTART_NEEDED.labels(watched.setting).set(is_new)
            if is_new:
                watched.say("a file has changed: restart to use it")
        elif is_new:
            watched.use(text)
            watched.used = digest
            _log.info("a changed file is used", setting=watched.setting)
        if digest == watched.used:
            watched.said = ""


def _digest(text: str) -> bytes:
    """What stands for a content: the content itself need not stay in memory."""
    return hashlib.sha256(text.encode()).digest()


def _all_of(paths: list[Path]) -> str:
    """The content of certificates' files. Raises FileUnreadable."""
    found = []
    for path in paths:
        try:
            with path.open("rb") as file:
                found.append(file.read(CERTIFICATES_BYTES_MAX).hex())
        except OSError as error:
            raise FileUnreadable(f"{path} can't be read: {error.strerror}") from error
    return "\n".join(found)
