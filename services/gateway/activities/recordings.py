"""The recordings of one PBX on their way: sound into the spool, the closed file told of, then into S3.

A file is forgotten when the log says that S3 has it, and never before; what is found at start goes on from
where it was.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import structlog

from contracts.ids import LegId, MediaKey, PbxId, RecordingId
from services.gateway import port
from services.gateway.activities.spool import Spool, Spooled
from services.gateway.activities.upload import RecordingGone, Uploads
from services.gateway.decider import CloseRecording, Gateway, Kept
from services.gateway.port import Cause, Result

RELEASE: Final = -1
"""The number of every request to release: its reply changes nothing."""

FETCHES_MAX: Final = 50
"""A PBX that promises more sound than it has, and gives none so often, will never give it."""

log = structlog.get_logger(__name__)

Ask = Callable[[int, port.Request], None]


class Owner(Protocol):
    """The desk, as recordings see it."""

    pbx_id: PbxId

    @property
    def machine(self) -> Gateway | None:
        """The machine that acts now."""
        ...

    def pump(self) -> None:
        """Carry out what the machine wants."""
        ...

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside."""
        ...


class Recordings:
    """Numbers of requests here are negative, so that their replies never meet the machine's."""

    def __init__(self, owner: Owner, spool: Spool, uploads: Uploads, ask: Ask, spool_url: str) -> None:
        self._owner = owner
        self._spool = spool
        self._uploads = uploads
        self._ask = ask
        self._spool_url = spool_url
        self._at_work: set[RecordingId] = set()
        self._fetching: dict[int, RecordingId] = {}
        self._fetches = 1
        self._fetched: dict[RecordingId, tuple[int, int]] = {}
        """How long a recording was when it was last fetched, and how often without getting longer."""

    def go_on(self, machine: Gateway) -> None:
        """A machine takes over: closed files of which the log does not say that S3 has them go there."""
        for spooled in self._spool.recordings(self._owner.pbx_id):
            if machine.is_finished(spooled.recording_id):
                self._spool.forget(spooled.recording_id)
            elif spooled.cause is not None:
                self._keep(machine, spooled)

    def forget(self, recording_id: RecordingId) -> None:
        """The log says that it is in S3, or that there is none."""
        self._spool.forget(recording_id)

    def start(self, machine: Gateway, recording_id: RecordingId, leg_id: LegId) -> None:
        """A recording is asked for: its file is there before its first sound."""
        spooled = Spooled(
            recording_id=recording_id,
            leg_id=leg_id,
            pbx_id=machine.pbx_id,
            organization_id=machine.organization_id,
        )
        self._spool.begin(spooled)

    def sound(self, sound: port.Sound) -> None:
        """A piece came."""
        self._spool.append(sound.recording_id, sound.from_byte, sound.data)

    def fetch(self, machine: Gateway, recording_id: RecordingId) -> None:
        """Ask the PBX for what the file does not have."""
        leg_id = machine.leg_of(recording_id)
        if leg_id is None:
            return
        self.start(machine, recording_id, leg_id)
        self._fetches += 1
        self._fetching[-self._fetches] = recording_id
        from_byte = self._spool.size(recording_id)
        self._ask(-self._fetches, port.FetchSound(recording_id=recording_id, from_byte=from_byte))

    def own_reply(self, reply: port.Replied) -> bool:
        """Whether a reply is to one of these requests."""
        recording_id = self._fetching.pop(reply.request, None)
        if recording_id is not None and reply.result is Result.GONE:
            self.close(CloseRecording(recording_id=recording_id, bytes=None, cause=Cause.CUT_OFF))
        return reply.request < 0

    def close(self, closing: CloseRecording) -> None:
        """Close a recording whose sound is all there, or fetch what is missing first."""
        recording_id, machine = closing.recording_id, self._owner.machine
        if recording_id in self._at_work or machine is None:
            return
        cause = closing.cause
        if closing.bytes is not None and (size := self._spool.size(recording_id)) < closing.bytes:
            known, tries = self._fetched.get(recording_id, (-1, 0))
            tries = tries + 1 if known == size else 1
            if tries <= FETCHES_MAX:
                self._fetched[recording_id] = (size, tries)
                self.fetch(machine, recording_id)
                return
            cause = Cause.CUT_OFF
        self._fetched.pop(recording_id, None)
        self._at_work.add(recording_id)
        self._owner.begin(self._close(recording_id, cause))

    async def _close(self, recording_id: RecordingId, cause: Cause) -> None:
        spooled = await asyncio.to_thread(self._spool.close, recording_id, cause)
        self._at_work.discard(recording_id)
        machine = self._owner.machine
        if machine is None:
            return
        if spooled is None or (cause is Cause.CUT_OFF and not spooled.duration_ms):
            machine.missing(recording_id, "lost")
        else:
            # The PBX may forget what lies on our disk; that S3 has it not yet is our matter.
            self._ask(RELEASE, port.ReleaseRecording(recording_id=recording_id))
            self._keep(machine, spooled)
        self._owner.pump()

    def _keep(self, machine: Gateway, spooled: Spooled) -> None:
        """A closed recording lies in the spool: tell, and bring it to S3."""
        kept = Kept(
            leg_id=spooled.leg_id,
            recording_id=spooled.recording_id,
            bytes=spooled.bytes,
            sha256=spooled.sha256,
            duration_ms=spooled.duration_ms,
            spool_url=f"{self._spool_url}{self._spool.token(spooled.recording_id)}",
            cause=spooled.cause or Cause.CUT_OFF,
        )
        machine.kept(kept)
        if spooled.recording_id not in self._at_work:
            self._at_work.add(spooled.recording_id)
            self._owner.begin(self._upload(spooled, kept))

    async def _upload(self, spooled: Spooled, kept: Kept) -> None:
        """A successor of ours may have removed the file: then what we say here is void, and nobody minds."""
        key: MediaKey | None = None
        try:
            key = await self._uploads.store(spooled)
        except RecordingGone:
            log.error("gateway.recording_gone", recording_id=spooled.recording_id)
        self._at_work.discard(spooled.recording_id)
        machine = self._owner.machine
        if machine is None:
            return
        if key is None:
            machine.missing(spooled.recording_id, "lost")
        else:
            machine.stored(kept, key)
        self._owner.pump()
