"""Recordings on disk, from their first sound until S3 has them.

One recording is three files named by a token that nobody can guess: `.json` says what it is, `.part` grows
while it is open, `.wav` is the closed one (A-law as the PBX sent it). A `.part` whose writer died is closed
like any other: the header's sizes are written last, so the sound is whole.

A process that was thought dead may still use the same files as its successor. A file that the other one has
removed is a normal answer, never an error.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import struct
import time
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import structlog

from contracts.ids import LegId, OrganizationId, PbxId, RecordingId
from runtime import metrics, private_files
from services.gateway.port import Cause

HEADER_BYTES: Final = 58
BYTES_PER_MS: Final = 8
A_LAW: Final = 6
TOKEN_LENGTH: Final = 40

log = structlog.get_logger(__name__)


class SpoolEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What the spool knows of one recording; size and checksum are of the closed file."""

    recording_id: RecordingId
    leg_id: LegId
    pbx_id: PbxId
    organization_id: OrganizationId
    cause: Cause | None = None
    bytes: int = 0
    sha256: str = ""
    duration_ms: int = 0


def wav_header(sound_bytes: int) -> bytes:
    """The header of an A-law WAV, 8 kHz mono (RFC 2361's form 6, with the `fact` it asks for)."""
    form = struct.pack("<HHIIHHH", A_LAW, 1, 8000, 8000, 1, 8, 0)
    chunks = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"fact", struct.pack("<I", sound_bytes))
    head = b"RIFF" + struct.pack("<I", len(chunks) + 8 + sound_bytes) + chunks
    return head + b"data" + struct.pack("<I", sound_bytes)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


class Spool:
    """A folder on a persistent volume, for one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        private_files.folder(folder)
        private_files.tighten(folder, *folder.iterdir())
        self._secret = self._own_secret()
        self._known: dict[RecordingId, SpoolEntry] = {}
        self._began_at: dict[RecordingId, float] = {}
        """Seconds since 1970, the oldest first."""
        for file in sorted(folder.glob("*.json"), key=_changed_at):
            try:
                found = msgspec.json.decode(file.read_bytes(), type=SpoolEntry)
            except FileNotFoundError:
                continue
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                # A power failure may leave half a file; the sound beside it is kept for inspection.
                log.error("gateway.spool_unreadable", file=file.name, reason=str(error))
                continue
            self._known[found.recording_id] = found
            self._began_at[found.recording_id] = _changed_at(file)
        self._show()

    def _own_secret(self) -> bytes:
        """The secret that makes tokens unguessable; kept on disk, so that an address outlives a restart."""
        file = self._folder / "secret"
        if not file.exists():
            beside = file.with_suffix(".new")
            beside.touch(mode=private_files.FILE_MODE)
            beside.write_bytes(secrets.token_bytes(32))
            beside.replace(file)
        return file.read_bytes()

    def token(self, recording_id: RecordingId) -> str:
        """The recording's name in addresses and on disk."""
        return hmac.new(self._secret, recording_id.encode(), hashlib.sha256).hexdigest()[:TOKEN_LENGTH]

    def _file(self, recording_id: RecordingId, suffix: str) -> Path:
        return self._folder / f"{self.token(recording_id)}{suffix}"

    def begin(self, entry: SpoolEntry) -> None:
        """Make the files of a recording; a known one is left as it is. Raises OSError, then there is none."""
        if entry.recording_id in self._known:
            return
        self._note(entry)
        try:
            self._file(entry.recording_id, ".part").write_bytes(wav_header(0))
        except OSError:
            del self._known[entry.recording_id]
            raise
        self._began_at[entry.recording_id] = time.time()
        self._show()

    def _note(self, entry: SpoolEntry) -> None:
        """Write the `.json`, whole or not at all. Raises OSError."""
        beside = self._file(entry.recording_id, ".new")
        beside.write_bytes(msgspec.json.encode(entry))
        beside.replace(self._file(entry.recording_id, ".json"))
        self._known[entry.recording_id] = entry

    def size(self, recording_id: RecordingId) -> int:
        """The bytes of sound on disk; 0 for an unknown recording."""
        for suffix in (".part", ".wav"):
            with contextlib.suppress(FileNotFoundError):
                return max(0, self._file(recording_id, suffix).stat().st_size - HEADER_BYTES)
        return 0

    def append(self, recording_id: RecordingId, from_byte: int, data: bytes) -> None:
        """Add sound; known bytes are skipped, and bytes behind a gap are dropped (they are fetched).

        Raises OSError.
        """
        if recording_id not in self._known:
            return
        # "r+b" makes no file: sound without a header would not be a recording.
        with contextlib.suppress(FileNotFoundError), self._file(recording_id, ".part").open("r+b") as sink:
            size = max(0, sink.seek(0, os.SEEK_END) - HEADER_BYTES)
            if from_byte <= size < from_byte + len(data):
                sink.write(data[size - from_byte :])

    def close(self, recording_id: RecordingId, cause: Cause) -> SpoolEntry | None:
        """Finish the file and sync it to disk; None if there is nothing of this recording. Raises OSError."""
        known = self._known.get(recording_id)
        if known is None:
            return None
        try:
            return self._closed(known, cause)
        except FileNotFoundError:
            return known if self._file(recording_id, ".wav").exists() else None

    def _closed(self, known: SpoolEntry, cause: Cause) -> SpoolEntry:
        part = self._file(known.recording_id, ".part")
        with part.open("r+b") as file:
            size = max(0, file.seek(0, os.SEEK_END) - HEADER_BYTES)
            file.seek(0)
            file.write(wav_header(size))
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        closed = msgspec.structs.replace(
            known,
            cause=cause,
            bytes=HEADER_BYTES + size,
            sha256=checksum,
            duration_ms=size // BYTES_PER_MS,
        )
        self._note(closed)
        part.replace(self._file(known.recording_id, ".wav"))
        return closed

    def recordings(self, organization_id: OrganizationId, pbx_id: PbxId) -> list[SpoolEntry]:
        """Every recording of an organization's PBX, ordered by id; open ones have no cause.

        Organizations name their PBXs as they like, so two may have the same name in one folder.
        """
        owner = (organization_id, pbx_id)
        found = [each for each in self._known.values() if (each.organization_id, each.pbx_id) == owner]
        return [
            msgspec.structs.replace(each, cause=None)
            if self._file(each.recording_id, ".part").exists()
            else each
            for each in sorted(found, key=lambda each: each.recording_id)
        ]

    def read(self, recording_id: RecordingId) -> bytes | None:
        """A closed recording, or None."""
        return self.by_token(self.token(recording_id))

    def by_token(self, token: str) -> bytes | None:
        """A closed recording by its token, or None."""
        found = self.opened(token)
        if found is None:
            return None
        with found:
            return found.read()

    def opened(self, token: str) -> BinaryIO | None:
        """The file of a closed recording by its token, or None; its removal does not disturb a reader."""
        if len(token) != TOKEN_LENGTH or not token.isalnum():
            return None
        try:
            return (self._folder / f"{token}.wav").open("rb")
        except FileNotFoundError:
            return None

    def forget(self, recording_id: RecordingId) -> None:
        """Remove a recording's files."""
        for suffix in (".part", ".wav", ".json"):
            self._file(recording_id, suffix).unlink(missing_ok=True)
        self._known.pop(recording_id, None)
        self._began_at.pop(recording_id, None)
        self._show()

    def _show(self) -> None:
        metrics.SPOOL_FILES.set(len(self._began_at))
        metrics.SPOOL_OLDEST_AT.set(next(iter(self._began_at.values()), 0.0))


def _changed_at(file: Path) -> float:
    """When a file was written; a file that is gone meanwhile counts as old, and is skipped later."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
