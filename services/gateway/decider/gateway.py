"""The gateway of one PBX: its inputs, and `take`, which returns its effects."""

import copy
from collections.abc import Collection

import msgspec

from contracts import directory, gateway, telephony
from contracts.codec import Envelope
from contracts.ids import Address, Instant, LegId, MediaKey, OrganizationId, PbxId, RecordingId
from contracts.message import Fact
from services.gateway import port
from services.gateway.decider import commands, devices, events, leg_end, recovery, replies
from services.gateway.decider.effects import Effect, Settled, Superseded
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.decider.minutes import Minutes
from services.gateway.port import AnyCommand, AnyPbxEvent, Cause, Result
from services.gateway.state import CommandKey, OurReason, Phase


class SpooledRecording(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that is closed and whole in the spool."""

    leg_id: LegId
    recording_id: RecordingId
    bytes: int
    sha256: str
    duration_ms: int
    spool_url: str
    cause: Cause


class Gateway:
    """One PBX. Inputs come in the order of the log and of the PBX; carry out `take()` after each."""

    def __init__(
        self, pbx_id: PbxId, organization_id: OrganizationId, minutes: Minutes | None = None
    ) -> None:
        """`minutes` are counted for all PBXs of the organization together."""
        self.pbx_id = pbx_id
        self.organization_id = organization_id
        self.source = f"gateway/{pbx_id}"
        self.incarnation: int | None = None
        self._newest_claim = -1
        self._claimed_at = Instant(0)
        self._is_silent = False
        self._versions: dict[str, int] = {}
        self._state = GatewayState(pbx_id, organization_id, minutes)

    # Before the claim: what predecessors said

    def recall(self, envelope: Envelope, fact: Fact, *, offset: int, at: Instant) -> None:
        """Read one fact of this PBX that is on the log before our claim."""
        self.learn_time(at)
        if isinstance(fact, gateway.PbxClaimed):
            self._newest_claim = offset
        elif envelope.source == self.source and envelope.incarnation >= self._newest_claim:
            recovery.recall(self._state, fact, at)

    def claimed(self, *, offset: int) -> None:
        """Our own claim was read back; every fact before it was recalled."""
        self.incarnation = self._newest_claim = offset
        self._claimed_at = self._state.newest_at
        self._state.count_live_legs()

    def copy(self) -> "Gateway":
        """A machine with the same state, to act while this one goes on recalling."""
        return copy.deepcopy(self)

    def leave_to(self, heir: "Gateway") -> None:
        """Another acts from now on, and knows the log: a leg that is not there counts no longer."""
        for leg_id in set(self.live_legs()) - set(heir.live_legs()):
            self._state.calls.end(leg_id)

    # From then on

    def learn(self, fact: Fact) -> None:
        """Read a fact of the directory about the organization or its PBXs."""
        match fact:
            case directory.OrganizationSaved() if self._is_newer(fact.version, "organization"):
                self._state.policy = fact.dialling_policy
                self._state.calls.at_once_max = fact.calls_at_once_max
                self._close(fact.is_suspended or fact.is_removed, "organization", "suspended")
            case directory.PbxSaved(pbx_id=self.pbx_id) if self._is_newer(fact.version, "pbx"):
                self._state.numbers = fact.numbers
                self._close(fact.is_removed, "pbx", "pbx_removed")
            case _:
                return

    def _is_newer(self, version: int, what: str) -> bool:
        """Whether a card is newer than the one that was read: the directory may say one again."""
        if version <= self._versions.get(what, 0):
            return False
        self._versions[what] = version
        return True

    def _close(self, is_closed: bool, what: str, reason: str) -> None:
        """Refuse and hang up everything from now on, or no longer for this reason."""
        self._state.closed_by.pop(what, None)
        if is_closed:
            self._state.closed_by[what] = reason
            self._state.timers.set("close", what, 0)

    def learn_time(self, at: Instant) -> None:
        """Note the append time of any record, if it is the newest."""
        self._state.newest_at = max(self._state.newest_at, at)

    def doubt(self) -> None:
        """The process has slept, and others may have the PBX meanwhile."""
        if not self._is_silent:
            self._state.doubt()

    def hear(self, now: int, envelope: Envelope, fact: Fact, *, offset: int, at: Instant) -> None:
        """Read a fact on the log after our claim: our own, or a newer claim."""
        self.learn_time(at)
        if self._is_silent:
            return
        if isinstance(fact, gateway.PbxClaimed):
            if self.incarnation is not None and offset > self.incarnation:
                self._state.effects.append(Superseded(offset=offset))
                self._is_silent = True
            return
        if envelope.source != self.source or envelope.incarnation != self.incarnation:
            return
        self._state.drop_early(envelope.seq)
        if isinstance(fact, gateway.Answered):
            self._state.settle(fact)
        if isinstance(fact, gateway.LegRequested):
            leg = self._state.legs.get(fact.leg_id)
            if leg is not None:
                commands.dial_requested(self._state, now, leg)
        elif isinstance(fact, gateway.RecordingRequested):
            commands.record_requested(self._state, now, fact.recording_id)
        elif isinstance(fact, gateway.PbxReturned):
            self._state.confirm(now, envelope.seq)
        elif isinstance(fact, gateway.RecordingFinished) and fact.ok:
            self._state.ask(now, port.ReleaseRecording(recording_id=fact.recording_id))

    def command(self, now: int, envelope: Envelope, command: AnyCommand, *, ref: int, at: Instant) -> None:
        """Read a command for this PBX, in the order of its topic; `ref` comes back in `Settled`."""
        self.learn_time(at)
        if self._is_silent:
            return
        if envelope.organization_id != self.organization_id:
            # O1: nothing said for one organization moves the phones of another.
            self._state.count("of_another_organization")
            self._state.effects.append(Settled(ref=ref))
            return
        key = CommandKey(envelope.source, envelope.organization_id, envelope.seq)
        if self._state.take_on(key, ref, envelope.id):
            if isinstance(command, telephony.Play) and at <= self._claimed_at:
                # A predecessor may have asked for it. The adapter goes on with one that still plays; any
                # other may have been heard or not, and is played (again).
                self._state.count("play_of_a_predecessor")
            commands.carry_out(self._state, now, key, command)

    def handle(self, now: int, event: AnyPbxEvent) -> None:
        """Handle an event of the PBX (sound goes to the spool instead)."""
        if not self._is_silent:
            events.handle(self._state, now, event)

    def spooled(self, spooled: SpooledRecording) -> None:
        """A recording is closed in the spool: say so once."""
        recording = self._state.recordings.get(spooled.recording_id)
        if self._is_silent or recording is None or recording.is_spooled or recording.is_finished:
            return
        recording.is_spooled = True
        self._state.timers.drop("fetch", spooled.recording_id)
        said = gateway.RecordingSpooled(
            pbx_id=self.pbx_id,
            leg_id=spooled.leg_id,
            recording_id=spooled.recording_id,
            bytes=spooled.bytes,
            sha256=spooled.sha256,
            duration_ms=spooled.duration_ms,
            spool_url=spooled.spool_url,
            is_cut_off=spooled.cause is Cause.CUT_OFF,
        )
        self._state.say(said)

    def stored(self, spooled: SpooledRecording, key: MediaKey) -> None:
        """A recording is in S3, verified: say so once."""
        recording = self._state.recordings.get(spooled.recording_id)
        if self._is_silent or recording is None:
            return
        finished = gateway.RecordingFinished(
            pbx_id=self.pbx_id,
            leg_id=spooled.leg_id,
            recording_id=spooled.recording_id,
            ok=True,
            key=key,
            bytes=spooled.bytes,
            sha256=spooled.sha256,
            duration_ms=spooled.duration_ms,
            cause=str(spooled.cause),
            is_cut_off=spooled.cause is Cause.CUT_OFF,
        )
        leg_end.recording_over(self._state, recording, finished)

    def missing(self, recording_id: RecordingId, cause: str) -> None:
        """Say that there is no audio of a recording, and why."""
        if not self._is_silent and recording_id in self._state.recordings:
            leg_end.recording_missing(self._state, recording_id, cause)

    def fetch_anew(self, here: Collection[RecordingId]) -> tuple[gateway.RecordingSpooled, ...]:
        """Fetch what a predecessor closed on a volume that is not ours, and nobody stored; what it said."""
        found = []
        for recording in self._state.recordings.values():
            if recording.spooled is None or recording.is_finished or recording.recording_id in here:
                continue
            recording.is_spooled = False
            found.append(recording.spooled)
        return tuple(found)

    def leg_of(self, recording_id: RecordingId) -> LegId | None:
        """The leg that was recorded."""
        recording = self._state.recordings.get(recording_id)
        return recording.leg_id if recording is not None else None

    def is_finished(self, recording_id: RecordingId) -> bool:
        """Whether the log says that a recording is in S3, or lost."""
        recording = self._state.recordings.get(recording_id)
        return recording is not None and recording.is_finished

    def advance(self, now: int) -> None:
        """Handle the timers that are due."""
        while not self._is_silent and (due := self._state.timers.take_due(now)) is not None:
            self._due(now, *due)

    def _due(self, now: int, kind: str, subject: str) -> None:
        state = self._state
        match kind:
            case "ask":
                self._ask_again(now, int(subject))
            case "life":
                commands.end_by_limit(state, now, subject, OurReason.NO_SIGN_OF_LIFE)
            case "ring":
                commands.end_by_limit(state, now, subject, OurReason.RING_LIMIT)
            case "unconfirmed":
                self._unconfirmed(now, LegId(subject))
            case "ending":
                leg_end.end_without_recordings(state, now, LegId(subject))
            case "fetch":
                leg_end.fetch_awaited(state, now, state.recordings[RecordingId(subject)])
            case "digits":
                self._collected(LegId(subject))
            case "away":
                leg_end.close_as_they_are(state)
            case "close":
                commands.end_all(state, now)
            case "device":
                devices.say_newest(state, Address(subject))
            case "check":
                self._not_checked(subject)
            case _:
                raise AssertionError(kind)

    def _ask_again(self, now: int, number: int) -> None:
        given_up = self._state.ask_again(now, number)
        if given_up is not None:
            replies.after_reply(self._state, now, given_up, Result.REFUSED, "no_reply")

    def _collected(self, leg_id: LegId) -> None:
        leg = self._state.live(leg_id)
        if leg is not None:
            events.collected(self._state, leg)

    def _not_checked(self, extension: str) -> None:
        for key in self._state.checks.pop(extension, ()):
            self._state.refuse(key, "telephony.check_extension", "pbx_silent")

    def _unconfirmed(self, now: int, leg_id: LegId) -> None:
        """End a leg whose end we asked for and the PBX does not report."""
        leg = self._state.live(leg_id)
        if leg is None or leg.phase is Phase.REQUESTED:
            return
        if self._state.may_ask:
            leg_end.leg_gone(self._state, now, leg, cause="unconfirmed")
        else:
            self._state.timers.set("unconfirmed", leg_id, now + 1_000)

    def next_due_at(self) -> Instant | None:
        """When the next timer is due."""
        return self._state.timers.next_at()

    def take(self) -> list[Effect]:
        """The effects since the last call, in order."""
        taken, self._state.effects = self._state.effects, []
        return taken

    @property
    def has_no_request_open(self) -> bool:
        """Whether all that was asked of the PBX has its reply, and all that was requested was done."""
        state = self._state
        if not state.is_there:
            return True
        return not state.pending and not any(
            leg.phase is Phase.REQUESTED and leg.dial is not None for leg in state.legs.values()
        )

    @property
    def is_with_pbx(self) -> bool:
        """Whether the PBX can be reached."""
        return bool(self._state.is_there)

    def live_legs(self) -> tuple[LegId, ...]:
        """The legs that have not ended."""
        return tuple(leg_id for leg_id, leg in self._state.legs.items() if not leg.is_over)
