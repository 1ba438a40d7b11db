"""The machine's face: what goes in, and `take`, by which the effects come out."""

import copy

import msgspec

from contracts import directory, gateway
from contracts.codec import Envelope
from contracts.ids import Instant, LegId, MediaKey, OrganizationId, PbxId, RecordingId
from contracts.message import Fact
from services.gateway.decider import commands, endings, past, replies
from services.gateway.decider.book import Book
from services.gateway.decider.effects import Effect, Settled, Superseded
from services.gateway.decider.happenings import collected, happened
from services.gateway.port import AnyCommand, AnyHappening, Cause, Result
from services.gateway.state import CommandKey, OurReason, Phase


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that lies closed and whole in the spool."""

    leg_id: LegId
    recording_id: RecordingId
    bytes: int
    sha256: str
    duration_ms: int
    spool_url: str
    cause: Cause


class Gateway:
    """One PBX. Feed it in the order of the log and of the PBX; carry out `take()` after every call."""

    def __init__(self, pbx_id: PbxId, organization_id: OrganizationId) -> None:
        self.pbx_id = pbx_id
        self.organization_id = organization_id
        self.source = f"gateway/{pbx_id}"
        self.incarnation: int | None = None
        self._newest_claim = -1
        self._is_silent = False
        self._book = Book(pbx_id, organization_id)

    # Before the claim: what predecessors said

    def recall(self, envelope: Envelope, fact: Fact, *, offset: int, at: Instant) -> None:
        """Read one fact of this PBX that stands on the log before our claim."""
        self.learn_time(at)
        if isinstance(fact, gateway.PbxClaimed):
            self._newest_claim = offset
        elif envelope.source == self.source and envelope.incarnation >= self._newest_claim:
            past.recall(self._book, fact, at)

    def claimed(self, *, offset: int) -> None:
        """Our own claim was read back; all that stood before it was recalled."""
        self.incarnation = self._newest_claim = offset

    def copy(self) -> "Gateway":
        """Another machine that knows the same, to act while this one goes on recalling."""
        return copy.deepcopy(self)

    # From then on

    def learn(self, fact: Fact) -> None:
        """What the directory says of the organization and its PBXs."""
        if isinstance(fact, directory.OrganizationSaved):
            self._book.region = fact.dialling_policy.home_region
        if isinstance(fact, directory.PbxSaved) and fact.pbx_id == self.pbx_id:
            self._book.numbers = fact.numbers

    def learn_time(self, at: Instant) -> None:
        """The newest append time that was read, from whatever record."""
        self._book.newest_at = max(self._book.newest_at, at)

    def hear(self, now: int, envelope: Envelope, fact: Fact, *, offset: int, at: Instant) -> None:
        """Read back what stands on the log after our claim: our own facts, and newer claims."""
        self.learn_time(at)
        if self._is_silent:
            return
        if isinstance(fact, gateway.PbxClaimed):
            if self.incarnation is not None and offset > self.incarnation:
                self._book.effects.append(Superseded(offset=offset))
                self._is_silent = True
            return
        if envelope.source != self.source or envelope.incarnation != self.incarnation:
            return
        if isinstance(fact, gateway.Answered):
            self._book.settle(fact)
        if isinstance(fact, gateway.LegRequested):
            leg = self._book.legs.get(fact.leg_id)
            if leg is not None:
                commands.dial_requested(self._book, now, leg)
        elif isinstance(fact, gateway.RecordingRequested):
            commands.record_requested(self._book, now, fact.recording_id)

    def command(self, now: int, envelope: Envelope, command: AnyCommand, *, ref: int, at: Instant) -> None:
        """A command for this PBX, in the order of its topic; `ref` comes back in `Settled`."""
        self.learn_time(at)
        if self._is_silent:
            return
        if envelope.organization_id != self.organization_id:
            # O1: nothing said for one organization moves the phones of another.
            self._book.count("of_another_organization")
            self._book.effects.append(Settled(ref=ref))
            return
        key = CommandKey(envelope.source, envelope.organization_id, envelope.seq)
        if self._book.take_on(key, ref, envelope.id):
            commands.carry_out(self._book, now, key, command)

    def happened(self, now: int, event: AnyHappening) -> None:
        """The PBX told something (its sound goes to the spool instead)."""
        if not self._is_silent:
            happened(self._book, now, event)

    def kept(self, kept: Kept) -> None:
        """A recording is closed in the spool: say so, once."""
        recording = self._book.recordings.get(kept.recording_id)
        if self._is_silent or recording is None or recording.is_spooled or recording.is_finished:
            return
        recording.is_spooled = True
        spooled = gateway.RecordingSpooled(
            pbx_id=self.pbx_id,
            leg_id=kept.leg_id,
            recording_id=kept.recording_id,
            bytes=kept.bytes,
            sha256=kept.sha256,
            duration_ms=kept.duration_ms,
            spool_url=kept.spool_url,
            is_cut_off=kept.cause is Cause.CUT_OFF,
        )
        self._book.say(spooled)

    def stored(self, kept: Kept, key: MediaKey) -> None:
        """The original is in S3, verified."""
        recording = self._book.recordings.get(kept.recording_id)
        if self._is_silent or recording is None:
            return
        finished = gateway.RecordingFinished(
            pbx_id=self.pbx_id,
            leg_id=kept.leg_id,
            recording_id=kept.recording_id,
            ok=True,
            key=key,
            bytes=kept.bytes,
            sha256=kept.sha256,
            duration_ms=kept.duration_ms,
            cause=str(kept.cause),
            is_cut_off=kept.cause is Cause.CUT_OFF,
        )
        endings.recording_over(self._book, recording, finished)

    def missing(self, recording_id: RecordingId, cause: str) -> None:
        """Nothing of a recording was kept: there is no audio, and why."""
        if not self._is_silent and recording_id in self._book.recordings:
            endings.recording_missing(self._book, recording_id, cause)

    def leg_of(self, recording_id: RecordingId) -> LegId | None:
        """The leg that was recorded."""
        recording = self._book.recordings.get(recording_id)
        return recording.leg_id if recording is not None else None

    def is_finished(self, recording_id: RecordingId) -> bool:
        """Whether the log says that a recording is in S3, or that there is none."""
        recording = self._book.recordings.get(recording_id)
        return recording is not None and recording.is_finished

    def advance(self, now: int) -> None:
        """Let the machine's own limits run."""
        while not self._is_silent and (due := self._book.timers.take_due(now)) is not None:
            self._due(now, *due)

    def _due(self, now: int, kind: str, subject: str) -> None:
        book = self._book
        match kind:
            case "ask":
                self._ask_again(now, int(subject))
            case "life":
                commands.end_by_limit(book, now, subject, OurReason.NO_SIGN_OF_LIFE)
            case "ring":
                commands.end_by_limit(book, now, subject, OurReason.RING_LIMIT)
            case "unconfirmed":
                self._unconfirmed(now, LegId(subject))
            case "ending":
                endings.ending_held_long_enough(book, LegId(subject))
            case "digits":
                self._collected(LegId(subject))
            case "away":
                endings.close_as_they_are(book)
            case "check":
                self._not_checked(subject)
            case _:
                raise AssertionError(kind)

    def _ask_again(self, now: int, number: int) -> None:
        given_up = self._book.ask_again(now, number)
        if given_up is not None:
            replies.after_reply(self._book, now, given_up, Result.REFUSED, "no_reply")

    def _collected(self, leg_id: LegId) -> None:
        leg = self._book.live(leg_id)
        if leg is not None:
            collected(self._book, leg)

    def _not_checked(self, extension: str) -> None:
        for key in self._book.checks.pop(extension, ()):
            self._book.refuse(key, "telephony.check_extension", "pbx_silent")

    def _unconfirmed(self, now: int, leg_id: LegId) -> None:
        """We asked for a leg's end and the PBX does not tell it: it is over for us."""
        leg = self._book.live(leg_id)
        if leg is None or leg.phase is Phase.REQUESTED:
            return
        if self._book.is_there:
            endings.leg_gone(self._book, now, leg, cause="unconfirmed")
        else:
            self._book.timers.set("unconfirmed", leg_id, now + 1_000)

    def next_due_at(self) -> Instant | None:
        """When `advance` has something to do."""
        return self._book.timers.next_at()

    def take(self) -> list[Effect]:
        """The effects since the last call, in order."""
        taken, self._book.effects = self._book.effects, []
        return taken

    @property
    def is_with_pbx(self) -> bool:
        """Whether the PBX can be reached."""
        return bool(self._book.is_there)

    def live_legs(self) -> tuple[LegId, ...]:
        """The legs that have not ended."""
        return tuple(leg_id for leg_id, leg in self._book.legs.items() if not leg.is_over)
