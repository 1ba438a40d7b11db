"""The recordings of one PBX: sound goes to the spool, closed files are said and uploaded to S3.

A file is removed when the log says that S3 has it, and never before. At start the files that are found go on
from where they were. A disk that is full, or fails, costs recordings and never a call.

Each gateway has a volume of its own. What was closed on that of a former owner and is not said to be stored,
the PBX still has: it is fetched again. Where the PBX has lost it, the former owner has the only copy. It
uploads that without a word, and the owner looks for it in S3 and says so. Both upload the same sound under
the same key.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import structlog

from contracts.gateway import RecordingSpooled
from contracts.ids import LegId, MediaKey, OrganizationId, PbxId, RecordingId
from services.gateway import port
from services.gateway.activities.spool import Spool, SpoolEntry
from services.gateway.activities.upload import RecordingGone, Uploads
from services.gateway.decider import CloseRecording, Gateway, SpooledRecording
from services.gateway.port import Cause, Result

FETCHES_MAX: Final = 50
"""After so many fetches that added nothing the PBX does not have the sound that it owes."""

SPACE_S: Final = 5.0
"""How long a recording waits for room on the disk before it is closed again."""

log = structlog.get_logger(__name__)

Ask = Callable[[int, port.Request], None]


class Runner(Protocol):
    """The PBX's runner, as recordings need it."""

    organization_id: OrganizationId
    pbx_id: PbxId

    @property
    def machine(self) -> Gateway | None:
        """The machine that acts now, or None."""
        ...

    def pump(self) -> None:
        """Carry out the machine's effects."""
        ...

    def begin(self, work: Coroutine[Any, Any, None]) -> object:
        """Run a background task."""
        ...


class Recordings:
    """Requests here have negative numbers, so that their replies are never taken for the machine's."""

    def __init__(self, runner: Runner, spool: Spool, uploads: Uploads, ask: Ask, spool_url: str) -> None:
        self._runner = runner
        self._spool = spool
        self._uploads = uploads
        self._ask = ask
        self._spool_url = spool_url
        self._at_work: set[RecordingId] = set()
        self._fetching: dict[int, RecordingId] = {}
        self._fetches = 1
        self._fetched: dict[RecordingId, tuple[int, int]] = {}
        """The length at the last fetch, and how many fetches have added nothing."""
        self._unwritable: set[RecordingId] = set()
        """Recordings whose sound could not be written, so that each is alarmed about once."""
        self._elsewhere: dict[RecordingId, RecordingSpooled] = {}
        """What a former owner has closed on its volume."""

    def go_on(self, machine: Gateway) -> None:
        """A machine takes over: upload the closed files that the log does not report as stored."""
        self._fetching.clear()
        self._fetched.clear()
        here = self._spool.recordings(self._runner.organization_id, self._runner.pbx_id)
        closed = {entry.recording_id for entry in here if entry.cause is not None}
        self._elsewhere = {each.recording_id: each for each in machine.fetch_anew(closed)}
        for entry in here:
            if machine.is_finished(entry.recording_id):
                self._spool.forget(entry.recording_id)
            elif entry.cause is not None:
                self._keep(machine, entry)

    def leave(self, shadow: Gateway) -> None:
        """Another gateway has the PBX: upload what is closed here all the same, for it to find in S3."""
        for entry in self._spool.recordings(self._runner.organization_id, self._runner.pbx_id):
            if shadow.is_finished(entry.recording_id):
                self._spool.forget(entry.recording_id)
            elif entry.cause is not None:
                self._upload_once(entry)

    def forget(self, recording_id: RecordingId) -> None:
        """Remove the file: the log says that the recording is in S3, or lost."""
        self._spool.forget(recording_id)
        self._elsewhere.pop(recording_id, None)

    def start(self, machine: Gateway, recording_id: RecordingId, leg_id: LegId) -> None:
        """A recording was requested: make its file before its first sound comes."""
        entry = SpoolEntry(
            recording_id=recording_id,
            leg_id=leg_id,
            pbx_id=machine.pbx_id,
            organization_id=machine.organization_id,
        )
        try:
            self._spool.begin(entry)
        except OSError as error:
            self._alarm(recording_id, error)

    def sound(self, sound: port.Sound) -> None:
        """Append a piece of sound; what can't be written is fetched at the end, as long as the PBX has it."""
        try:
            self._spool.append(sound.recording_id, sound.from_byte, sound.data)
        except OSError as error:
            self._alarm(sound.recording_id, error)

    def _alarm(self, recording_id: RecordingId, error: OSError) -> None:
        if recording_id not in self._unwritable:
            self._unwritable.add(recording_id)
            log.error("gateway.spool_unwritable", recording_id=recording_id, reason=error.strerror)

    def fetch(self, machine: Gateway, recording_id: RecordingId, *, is_awaited: bool = False) -> None:
        """Request from the PBX what the file lacks; close it as it is when what is awaited never comes."""
        leg_id = machine.leg_of(recording_id)
        if leg_id is None or recording_id in self._at_work:
            return
        if is_awaited and self._is_in_vain(recording_id):
            self.close(CloseRecording(recording_id=recording_id, bytes=None, cause=Cause.CUT_OFF))
            return
        self.start(machine, recording_id, leg_id)
        self._fetches += 1
        self._fetching[-self._fetches] = recording_id
        from_byte = self._spool.size(recording_id)
        self._ask(-self._fetches, port.FetchSound(recording_id=recording_id, from_byte=from_byte))

    def own_reply(self, reply: port.Replied) -> bool:
        """Whether a reply answers one of these requests."""
        recording_id = self._fetching.pop(reply.request, None)
        if recording_id is not None and reply.result is Result.ALREADY:
            self._fetched.pop(recording_id, None)
        elif recording_id is not None and reply.result is Result.GONE:
            self.close(CloseRecording(recording_id=recording_id, bytes=None, cause=Cause.CUT_OFF))
        return reply.request < 0

    def close(self, closing: CloseRecording) -> None:
        """Close a recording if its sound is complete, else fetch what is missing first."""
        recording_id, machine = closing.recording_id, self._runner.machine
        if recording_id in self._at_work or machine is None:
            return
        cause = closing.cause
        if closing.bytes is not None and self._spool.size(recording_id) < closing.bytes:
            if not self._is_in_vain(recording_id):
                self.fetch(machine, recording_id)
                return
            cause = Cause.CUT_OFF
        self._fetched.pop(recording_id, None)
        self._at_work.add(recording_id)
        self._runner.begin(self._close(recording_id, cause))

    def _is_in_vain(self, recording_id: RecordingId) -> bool:
        """Whether this fetch is one too many after all those that have added nothing."""
        size = self._spool.size(recording_id)
        known, tries = self._fetched.get(recording_id, (-1, 0))
        tries = tries + 1 if known == size else 1
        self._fetched[recording_id] = (size, tries)
        return tries > FETCHES_MAX

    async def _close(self, recording_id: RecordingId, cause: Cause) -> None:
        entry = await self._closed(recording_id, cause)
        self._at_work.discard(recording_id)
        self._unwritable.discard(recording_id)
        machine = self._runner.machine
        if machine is None:
            return
        if entry is None or (cause is Cause.CUT_OFF and not entry.duration_ms):
            elsewhere = self._elsewhere.get(recording_id)
            if elsewhere is not None:
                self._spool.forget(recording_id)
                self._at_work.add(recording_id)
                self._runner.begin(self._find(_entry(elsewhere, machine)))
                return
            machine.missing(recording_id, "lost")
        else:
            self._keep(machine, entry)
        self._runner.pump()

    async def _closed(self, recording_id: RecordingId, cause: Cause) -> SpoolEntry | None:
        """Close a file; where the disk has no room, wait for it as long as there is sound to keep."""
        while True:
            try:
                return await asyncio.to_thread(self._spool.close, recording_id, cause)
            except OSError as error:
                self._alarm(recording_id, error)
                if not self._spool.size(recording_id):
                    return None
            await asyncio.sleep(SPACE_S)

    def _spooled(self, entry: SpoolEntry) -> SpooledRecording:
        return SpooledRecording(
            leg_id=entry.leg_id,
            recording_id=entry.recording_id,
            bytes=entry.bytes,
            sha256=entry.sha256,
            duration_ms=entry.duration_ms,
            spool_url=f"{self._spool_url}{self._spool.token(entry.recording_id)}",
            cause=entry.cause or Cause.CUT_OFF,
        )

    def _keep(self, machine: Gateway, entry: SpoolEntry) -> None:
        """A recording is closed in the spool: say so, and upload it."""
        machine.spooled(self._spooled(entry))
        self._upload_once(entry)

    def _upload_once(self, entry: SpoolEntry) -> None:
        if entry.recording_id not in self._at_work:
            self._at_work.add(entry.recording_id)
            self._runner.begin(self._upload(entry))

    async def _find(self, entry: SpoolEntry) -> None:
        """Wait until a former owner's upload is in S3; only it has the sound."""
        key = await self._uploads.found(entry)
        self._at_work.discard(entry.recording_id)
        machine = self._runner.machine
        if machine is not None:
            machine.stored(self._spooled(entry), key)
            self._runner.pump()

    async def _upload(self, entry: SpoolEntry) -> None:
        """A successor may have removed the file: then what we say here is void."""
        key: MediaKey | None = None
        try:
            key = await self._uploads.store(entry)
        except RecordingGone:
            log.error("gateway.recording_gone", recording_id=entry.recording_id)
        self._at_work.discard(entry.recording_id)
        machine = self._runner.machine
        if machine is None:
            return
        if key is None:
            machine.missing(entry.recording_id, "lost")
        else:
            machine.stored(self._spooled(entry), key)
        self._runner.pump()


def _entry(spooled: RecordingSpooled, machine: Gateway) -> SpoolEntry:
    """What a former owner's spool has, by its own words; why the recording ended they do not say."""
    return SpoolEntry(
        recording_id=spooled.recording_id,
        leg_id=spooled.leg_id,
        pbx_id=machine.pbx_id,
        organization_id=machine.organization_id,
        cause=Cause.CUT_OFF if spooled.is_cut_off else Cause.HANG_UP,
        bytes=spooled.bytes,
        sha256=spooled.sha256,
        duration_ms=spooled.duration_ms,
    )
