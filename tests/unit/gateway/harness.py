"""A gateway machine between a log and a simulated PBX, all in memory and in virtual time."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from contracts.codec import Envelope
from contracts.gateway import PbxClaimed, PbxFact
from contracts.ids import (
    Address,
    BridgeId,
    Instant,
    LegId,
    MediaKey,
    OrganizationId,
    PbxId,
    PlayId,
    RecordingId,
)
from contracts.message import Fact, type_name
from contracts.telephony import (
    AnswerLeg,
    Bridge,
    CancelLeg,
    DialLeg,
    HangUp,
    Play,
    Record,
    TelephonyCommand,
)
from runtime.edge import Heard
from services.gateway import port
from services.gateway.activities.spent_minutes import SpentMinutes
from services.gateway.decider import (
    Ask,
    CloseRecording,
    Count,
    FetchRecording,
    Gateway,
    Say,
    Settled,
    SpooledRecording,
    Superseded,
)
from services.gateway.port import Cause, Result
from services.gateway.simulated import AudioLibrary, Call, MemoryPbx, SimulatedNetwork
from services.gateway.simulated import script as scripts
from tests import offices
from tests.contract.gateway.benches import MEDIA, voice

ORGANIZATION = OrganizationId("acme")
PBX = PbxId("cloud")
LINE = "+74951230001"
CUSTOMER = "+79161234567"
START = 1_800_000_000_000
F = TypeVar("F", bound=Fact)


class Entry(msgspec.Struct, frozen=True):
    """One record on the log."""

    offset: int
    envelope: Envelope
    fact: PbxFact
    at: Instant

    @property
    def heard(self) -> Heard:
        """The record as a process hears it."""
        return Heard(message=self.fact, envelope=self.envelope, partition=0, offset=self.offset, at=self.at)


class GatewayHarness:
    """One PBX, its gateway, and a log that both can be cut off from."""

    def __init__(self, phones: dict[str, Any] | None = None, **script: Any) -> None:
        network, seed = script.pop("network", {}), script.pop("seed", 3)
        media: Callable[[str], bytes | None] = script.pop("media", MEDIA.get)
        found = {
            "pbxs": {PBX: {"phones": phones or {}, "network": network, "extensions": ["300"]}},
            **script,
        }
        self.network = SimulatedNetwork(scripts.read(found), AudioLibrary(media, voice), seed=seed)
        self.now = START
        self.network.begin(self.now)
        self.log: list[Entry] = []
        self.is_log_slow = False
        self.is_s3_up = True
        self.settled: set[int] = set()
        self.counted: list[str] = []
        self.superseded: list[int] = []
        self.files: dict[RecordingId, bytearray] = {}
        self._commands: list[tuple[Envelope, TelephonyCommand, Instant]] = []
        self._seqs: dict[str, int] = {}
        self._heard = 0
        self._waiting: list[SpooledRecording] = []
        self._fetched: list[RecordingId] = []
        self.start()

    # The process

    def start(self) -> None:
        """A gateway process starts: claims, recalls, connects, and is given what was not settled."""
        self.pbx = MemoryPbx(self.network.pbxs[PBX], lambda: self.now)
        self.spent = SpentMinutes()
        self.machine = Gateway(PBX, ORGANIZATION, self.spent.of(ORGANIZATION))
        self.machine.learn(offices.organization(ORGANIZATION))
        self.machine.learn(offices.pbx(PBX, LINE, "+74951230002", name="Volga"))
        self.claim("ours")
        for entry in self.log:
            self.spent.hear(entry.heard)
            self.machine.recall(entry.envelope, entry.fact, offset=entry.offset, at=entry.at)
        self.machine.claimed(offset=len(self.log) - 1)
        self._heard = len(self.log)
        self._take_events()
        for ref, (envelope, command, at) in enumerate(self._commands):
            if ref not in self.settled:
                self.machine.command(self.now, envelope, command, ref=ref, at=at)  # type: ignore[arg-type]
        self.turn()

    def crash(self) -> None:
        """kill -9 and a new process: all that was in memory is gone; the log and the spool are not."""
        self.start()

    def claim(self, name: str) -> None:
        """Somebody's claim stands on the log."""
        self.append(PbxClaimed(pbx_id=PBX, claim=name), seq=0, incarnation=0)

    def append(self, fact: PbxFact, *, seq: int, incarnation: int) -> None:
        envelope = Envelope(
            id=f"{incarnation}/{seq}/{len(self.log)}",
            type=type_name(fact),
            source=f"gateway/{PBX}",
            organization_id=ORGANIZATION,
            seq=seq,
            incarnation=incarnation,
        )
        self.log.append(Entry(len(self.log), envelope, fact, Instant(self.now)))

    # Time

    def run(self, ms: int) -> None:
        """Let the time pass."""
        end = self.now + ms
        self.turn()
        while self.now < end:
            due = [at for at in (self.network.next_event_at(), self.machine.next_due_at()) if at is not None]
            self.now = min(end, max(self.now + 1, min(due, default=end)))
            self.network.advance(self.now)
            self.turn()

    def turn(self) -> None:
        """Carry out all that is due now."""
        while True:
            self._take_events()
            self.machine.advance(self.now)
            is_idle = not self._do_effects()
            if not self.is_log_slow:
                is_idle = not self.read_log() and is_idle
            if is_idle:
                return

    def _take_events(self) -> None:
        for event in self.pbx.take():
            if isinstance(event, port.Sound):
                file = self.files.setdefault(event.recording_id, bytearray())
                if event.from_byte <= len(file):
                    file[event.from_byte :] = event.data
            elif isinstance(event, port.Replied) and event.request < 0:
                if event.result is Result.GONE:
                    recording_id = self._fetched[-event.request - 1]
                    self._close(CloseRecording(recording_id=recording_id, bytes=None, cause=Cause.CUT_OFF))
            else:
                self.machine.handle(self.now, event)

    def read_log(self) -> bool:
        """Give the machine what stands on the log and was not read yet."""
        unread = self.log[self._heard :]
        self._heard = len(self.log)
        for entry in unread:
            self.spent.hear(entry.heard)
            self.machine.hear(self.now, entry.envelope, entry.fact, offset=entry.offset, at=entry.at)
        return bool(unread)

    def _do_effects(self) -> bool:
        effects = self.machine.take()
        for effect in effects:
            match effect:
                case Say():
                    self.append(effect.fact, seq=effect.seq, incarnation=self.machine.incarnation or 0)
                case Ask():
                    self.pbx.ask(effect.number, effect.request)
                case Settled():
                    self.settled.add(effect.ref)
                case FetchRecording():
                    self._fetch(effect.recording_id)
                case CloseRecording():
                    self._close(effect)
                case Superseded():
                    self.superseded.append(effect.offset)
                case Count():
                    self.counted.append(effect.what)
        return bool(effects)

    def _fetch(self, recording_id: RecordingId) -> None:
        """As `activities` do: such requests have negative numbers, and `gone` closes what there is."""
        self._fetched.append(recording_id)
        size = len(self.files.setdefault(recording_id, bytearray()))
        self.pbx.ask(-len(self._fetched), port.FetchSound(recording_id=recording_id, from_byte=size))

    def _close(self, closing: CloseRecording) -> None:
        data = bytes(self.files.get(closing.recording_id, b""))
        if closing.bytes is not None and len(data) < closing.bytes:
            self._fetch(closing.recording_id)
            return
        if not data and closing.cause is Cause.CUT_OFF:
            self.machine.missing(closing.recording_id, "lost")
            return
        kept = SpooledRecording(
            leg_id=self.machine.leg_of(closing.recording_id) or LegId(""),
            recording_id=closing.recording_id,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            duration_ms=len(data) // 8,
            spool_url="http://spool",
            cause=closing.cause,
        )
        self.machine.spooled(kept)
        self._waiting.append(kept)
        self.upload()

    def upload(self) -> None:
        """Bring what is spooled to S3, if S3 is there."""
        if self.is_s3_up:
            for kept in self._waiting:
                self.machine.stored(kept, MediaKey(f"recordings/{kept.sha256}"))
            self._waiting.clear()

    # Commands and facts

    def tell(self, command: TelephonyCommand, *, source: str = "queue", seq: int | None = None) -> int:
        """A service's command, numbered by its stream; returns its reference."""
        if seq is None:
            seq = self._seqs[source] = self._seqs.get(source, 0) + 1
        envelope = Envelope(
            id=f"{source}/{seq}",
            type=type_name(command),
            source=source,
            organization_id=ORGANIZATION,
            seq=seq,
        )
        self._commands.append((envelope, command, Instant(self.now)))
        ref = len(self._commands) - 1
        self.machine.command(self.now, envelope, command, ref=ref, at=Instant(self.now))  # type: ignore[arg-type]
        self.turn()
        return ref

    def facts(self, kind: type[F], **fields: Any) -> list[F]:
        """What stands on the log."""
        return [
            entry.fact
            for entry in self.log
            if isinstance(entry.fact, kind)
            and all(getattr(entry.fact, name) == value for name, value in fields.items())
        ]

    def told(self, since: int = 0) -> list[str]:
        """The names of the facts on the log, from an offset on."""
        return [type_name(entry.fact).removeprefix("gateway.") for entry in self.log[since:]]

    def calls_in(self, **fields: Any) -> LegId:
        """A customer calls."""
        leg_id = self.network.pbxs[PBX].call_in(
            self.now, Call(**{"line": LINE, "caller": CUSTOMER, **fields})
        )
        self.run(100)
        return leg_id

    def dials(self, address: str) -> int:
        """How often a phone was really dialled."""
        return self.network.counts[f"dialled {address}"]


def dial(
    address: str,
    leg_id: str = "leg-1",
    *,
    ring_ms: int = 20_000,
    not_after: int | None = None,
    caller_id: str = LINE,
    headers: dict[str, str] | None = None,
    display_name: str = "",
) -> DialLeg:
    return DialLeg(
        pbx_id=PBX,
        leg_id=LegId(leg_id),
        address=Address(address),
        caller_id=caller_id,
        ring_ms_max=ring_ms,
        headers=headers or {},
        display_name=display_name,
        not_after=None if not_after is None else Instant(not_after),
    )


def cancel(leg_id: str = "leg-1") -> CancelLeg:
    return CancelLeg(pbx_id=PBX, leg_id=LegId(leg_id))


def hang_up(leg_id: str = "leg-1") -> HangUp:
    return HangUp(pbx_id=PBX, leg_id=LegId(leg_id))


def answer(leg_id: str) -> AnswerLeg:
    return AnswerLeg(pbx_id=PBX, leg_id=LegId(leg_id))


def play(
    leg_id: str, *keys: str, play_id: str = "play-1", barge_in: bool = False, interrupts: bool = False
) -> Play:
    return Play(
        pbx_id=PBX,
        leg_id=LegId(leg_id),
        play_id=PlayId(play_id),
        media=tuple(MediaKey(key) for key in keys),
        barge_in=barge_in,
        interrupts=interrupts,
    )


def record(
    leg_id: str, *, recording_id: str = "rec-1", max_ms: int = 60_000, silence_ms: int = 5_000
) -> Record:
    return Record(
        pbx_id=PBX,
        leg_id=LegId(leg_id),
        recording_id=RecordingId(recording_id),
        duration_ms_max=max_ms,
        silence_ms_max=silence_ms,
    )


def bridge(first: str, second: str) -> Bridge:
    return Bridge(pbx_id=PBX, bridge_id=BridgeId("bridge-1"), legs=(LegId(first), LegId(second)))


ANSWERS = {"behaviours": [{"answer_after_s": 1.0}]}
RINGS: dict[str, Any] = {}
