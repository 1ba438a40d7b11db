"""Media to play: fetched from the blobs, checked, and put where Asterisk finds them.

Asterisk reads a shared folder, or it fetches from the gateway under addresses that nobody can guess. Either
way a medium is a file in a folder, named by its key and a secret: a key is unguessable and its content never
changes, so a file that is there is played again without asking for it.
"""

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import structlog

from contracts.ids import MediaKey
from runtime import private_files
from runtime.ports import Blobs, BlobsUnavailable
from runtime.wav import canonical_ms
from services.gateway.asterisk.address import AsteriskAddress

SUFFIX: Final = ".wav"
KEY_FILE: Final = "names.key"
NAME_LENGTH: Final = 64
"""Asterisk takes no address for media that is shorter than about 60 characters (seen)."""
AGE_S_MAX: Final = 86_400.0
"""What nobody has played for a day is removed: notices may name people."""
BYTES_MAX: Final = 256 << 20
"""Four hours of notices; beyond that what was played longest ago goes."""
IN_USE_S: Final = 900.0
"""No play takes so long: a file that was played since then may still be read."""
CLEAN_S: Final = 300.0
FETCH_S_MAX: Final = 5.0
"""A caller waits in silence meanwhile."""
GROUP_FILE_MODE: Final = 0o640
"""In a shared folder its group reads, too: Asterisk is another user."""

log = structlog.get_logger(__name__)


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """A medium that Asterisk can play: its URI, and its length."""

    uri: str
    ms: int


class MediaFolder:
    """The files. Its methods block: call them in a thread."""

    def __init__(self, folder: Path, *, is_shared: bool = False) -> None:
        """`is_shared`: Asterisk reads the folder itself. It may be made by the operator, for its group."""
        self.folder = folder
        self._mode = GROUP_FILE_MODE if is_shared else private_files.FILE_MODE
        self._secret = b""
        self._lengths: dict[str, int] = {}
        self._cleaned_at = 0.0

    def _own_secret(self) -> bytes:
        """Kept beside the files, so that names outlive a restart."""
        if not self._secret:
            private_files.folder(self.folder)
            file = self.folder / KEY_FILE
            if not file.exists():
                self._write(file, secrets.token_bytes(32), private_files.FILE_MODE)
            self._secret = file.read_bytes()
        return self._secret

    def name(self, key: MediaKey) -> str:
        """The name of a medium's file, without suffix."""
        return hmac.new(self._own_secret(), key.encode(), hashlib.sha256).hexdigest()[:NAME_LENGTH]

    def length_ms(self, name: str) -> int | None:
        """How long a file that is there plays, noting that it is wanted; None: it is not there."""
        file = self.folder / f"{name}{SUFFIX}"
        try:
            os.utime(file)
            if name not in self._lengths:
                length = canonical_ms(file.read_bytes())
                if length is None:
                    return None
                self._lengths[name] = length
        except FileNotFoundError:
            self._lengths.pop(name, None)
            return None
        return self._lengths[name]

    def put(self, name: str, data: bytes) -> int | None:
        """Write a file, whole or not at all; its length, or None if it can't be played. Raises OSError."""
        length = canonical_ms(data)
        if length is not None:
            self._write(self.folder / f"{name}{SUFFIX}", data, self._mode)
            self._lengths[name] = length
        self._clean_now_and_then()
        return length

    def _write(self, file: Path, data: bytes, mode: int) -> None:
        beside = file.with_suffix(f".{secrets.token_hex(4)}.new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
            if mode == GROUP_FILE_MODE:
                # Whatever the umask; and the folder's group, if we are in it.
                os.fchmod(opened.fileno(), mode)
                with contextlib.suppress(PermissionError):
                    os.fchown(opened.fileno(), -1, self.folder.stat().st_gid)
            opened.write(data)
        beside.replace(file)

    def opened(self, name: str) -> BinaryIO | None:
        """The file of a name, or None; its removal does not disturb a reader."""
        if len(name) != NAME_LENGTH or not name.isalnum():
            return None
        try:
            return (self.folder / f"{name}{SUFFIX}").open("rb")
        except FileNotFoundError:
            return None

    def _clean_now_and_then(self) -> None:
        if time.monotonic() - self._cleaned_at > CLEAN_S:
            self._cleaned_at = time.monotonic()
            self.clean()

    def clean(self) -> None:
        """Remove what is too old, and what was played longest ago of too much."""
        found: list[tuple[float, int, Path]] = []
        for file in self.folder.iterdir():
            if file.suffix in (SUFFIX, ".new"):
                with contextlib.suppress(FileNotFoundError):
                    about = file.stat()
                    found.append((about.st_mtime, about.st_size, file))
        now, kept = time.time(), sum(size for _, size, _ in found)
        for at, size, file in sorted(found):
            age_s = now - at
            if age_s > AGE_S_MAX or (kept > BYTES_MAX and age_s > IN_USE_S):
                file.unlink(missing_ok=True)
                kept -= size


class Media:
    """Makes media ready to be played by one Asterisk."""

    def __init__(self, blobs: Blobs, folder: MediaFolder, uri: Callable[[str], str]) -> None:
        """`uri` is how Asterisk is asked to play the file of a name."""
        self._blobs = blobs
        self._folder = folder
        self._uri = uri

    async def ready(self, keys: Sequence[MediaKey]) -> tuple[Medium, ...] | None:
        """All of these, fetched and checked; None if any is missing or unfit, or there are none."""
        found = [await self._ready(key) for key in keys]
        fit = tuple(each for each in found if each is not None)
        return fit if fit and len(fit) == len(found) else None

    async def _ready(self, key: MediaKey) -> Medium | None:
        try:
            name = await asyncio.to_thread(self._folder.name, key)
            length = await asyncio.to_thread(self._folder.length_ms, name)
            if length is None:
                data = await self._fetched(key)
                length = await asyncio.to_thread(self._folder.put, name, data) if data is not None else None
        except OSError as error:
            log.error("gateway.media_unwritable", key=key, reason=error.strerror)
            return None
        if length is None:
            log.warning("gateway.media_not_playable", key=key)
            return None
        return Medium(uri=self._uri(name), ms=length)

    async def own(self, name: str, data: bytes) -> Medium | None:
        """A sound of ours under a name of ours."""
        try:
            length = await asyncio.to_thread(self._own, name, data)
            found = await asyncio.to_thread(self._folder.name, MediaKey(name))
        except OSError as error:
            log.error("gateway.media_unwritable", key=name, reason=error.strerror)
            return None
        return Medium(uri=self._uri(found), ms=length) if length is not None else None

    def _own(self, name: str, data: bytes) -> int | None:
        file = self._folder.name(MediaKey(name))
        return self._folder.length_ms(file) or self._folder.put(file, data)

    async def _fetched(self, key: MediaKey) -> bytes | None:
        try:
            async with asyncio.timeout(FETCH_S_MAX):
                return await self._blobs.get(key)
        except (BlobsUnavailable, TimeoutError) as error:
            log.warning("gateway.media_not_fetched", key=key, reason=type(error).__name__)
            return None


def media_of(address: AsteriskAddress, blobs: Blobs, served: MediaFolder | None) -> Media | None:
    """How an Asterisk gets its media, by its address; `served` is what the gateway's route serves."""
    if address.media.startswith("/"):
        shared = Path(address.media)
        return Media(blobs, MediaFolder(shared, is_shared=True), lambda name: f"sound:{shared / name}")
    if not address.media or served is None:
        return None
    base = address.media.rstrip("/")
    return Media(blobs, served, lambda name: f"sound:{base}/media?name={name}{SUFFIX}")
