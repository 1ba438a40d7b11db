"""The records of a gateway: legs, plays, recordings, bridges, answered commands, timers.

They live in memory only, and are rebuilt from the gateway's own facts on the log.
"""

from enum import IntEnum, StrEnum
from typing import Final

import msgspec
from sortedcontainers import SortedDict

from contracts.gateway import DeviceState, RecordingSpooled
from contracts.ids import Address, BridgeId, Instant, LegId, OrganizationId, PlayId, RecordingId
from contracts.telephony import DialLeg, Play, Record


class OurReason(StrEnum):
    """Why the gateway itself ended a leg."""

    CANCELLED = "cancelled"
    HUNG_UP = "hung_up"
    RING_LIMIT = "ring_limit"
    NO_SIGN_OF_LIFE = "no_sign_of_life"
    REJECTED_BUSY = "rejected_busy"
    REJECTED_DECLINED = "rejected_declined"
    REJECTED_UNAVAILABLE = "rejected_unavailable"
    LOST = "lost"


class Phase(IntEnum):
    """How far a leg is; it only rises."""

    REQUESTED = 1
    """Its request was said and not yet read back: nobody has dialled."""
    DIALLED = 2
    RINGING = 3
    ANSWERED = 4
    GONE = 5
    """Over for the PBX; its end is held back until its recordings are closed."""
    ENDED = 6


class CommandKey(msgspec.Struct, frozen=True, order=True):
    """A command's identity: its source, organization and number. A `seq` of 0 is not counted."""

    source: str
    organization_id: OrganizationId
    seq: int


NO_COMMAND: Final = CommandKey("", OrganizationId(""), 0)


class Collecting(msgspec.Struct, kw_only=True):
    """Keys being gathered on a leg."""

    key: CommandKey
    digits_max: int
    first_ms_max: int
    between_ms_max: int
    terminators: str
    digits: str = ""


class Playing(msgspec.Struct, kw_only=True):
    """A play that has not ended."""

    key: CommandKey
    command: Play


class Bucket(msgspec.Struct, kw_only=True):
    """How many events of one kind may come at once; None: none has come. It fills again as time passes."""

    left: float | None = None
    at: Instant = Instant(0)

    def take(self, now: int, *, burst: float, per_s: float) -> bool:
        """Count one event; False if they come faster than that."""
        had = burst if self.left is None else self.left
        self.left = min(burst, had + max(0, now - self.at) * per_s / 1_000)
        self.at = Instant(now)
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Leg(msgspec.Struct, kw_only=True):
    """One phone, from its request or arrival on; kept after its end, since ids are used once."""

    leg_id: LegId
    is_arrived: bool
    phase: Phase
    started_at: Instant
    address: Address = Address("")
    dial: DialLeg | None = None
    ringing_at: Instant | None = None
    answered_at: Instant | None = None
    gone_at: Instant | None = None
    ours: OurReason | None = None
    is_kept_if_answered: bool = False
    by_party: bool = False
    code: int = 0
    cause: str = ""
    answering: CommandKey | None = None
    collecting: Collecting | None = None
    plays: dict[PlayId, Playing] = msgspec.field(default_factory=dict)
    played: set[PlayId] = msgspec.field(default_factory=set)
    recordings: set[RecordingId] = msgspec.field(default_factory=set)
    bridges: list[BridgeId] = msgspec.field(default_factory=list)
    keys: Bucket = msgspec.field(default_factory=Bucket)

    @property
    def is_over(self) -> bool:
        """Whether the PBX no longer has it."""
        return self.phase >= Phase.GONE

    @property
    def is_with_pbx(self) -> bool:
        """Whether the PBX should have it."""
        return Phase.DIALLED <= self.phase <= Phase.ANSWERED


class Recording(msgspec.Struct, kw_only=True):
    """One recording, from its request until its audio is in S3 or known to be missing."""

    recording_id: RecordingId
    leg_id: LegId
    command: Record | None = None
    is_started: bool = False
    is_spooled: bool = False
    spooled: RecordingSpooled | None = None
    """What a predecessor said of its closed file."""
    is_finished: bool = False
    is_lost: bool = False
    """It was said that there is no audio."""


class SeenDevice(msgspec.Struct, kw_only=True):
    """A registered phone as the PBX says it is, and how many changes it may still say at once."""

    state: DeviceState
    changes: Bucket = msgspec.field(default_factory=Bucket)


class LegBridge(msgspec.Struct, kw_only=True):
    """One bridge."""

    bridge_id: BridgeId
    legs: tuple[LegId, ...]
    is_up: bool = False
    is_over: bool = False
    bridging: CommandKey | None = None
    unbridging: CommandKey | None = None


class Answers:
    """Which commands of one source were answered; answers may come out of order, commands don't."""

    def __init__(self) -> None:
        self._first = 1
        self._through = 0
        self._beyond: set[int] = set()
        self._is_known = False
        self.accepted = 0

    def start_at(self, seq: int) -> None:
        """Note the first number of this source that we see; the log has nothing about earlier ones.

        An earlier command that is read (again) was not answered, since commands are kept a day and facts
        longer, so it is carried out. Used ids are known, so nobody is dialled twice.
        """
        if not self._is_known:
            self._first, self._through, self.accepted = seq, seq - 1, seq - 1
            self._is_known = True

    @property
    def is_known(self) -> bool:
        """Whether any number of this source is known."""
        return self._is_known

    def accept(self, seq: int) -> None:
        """Note that a command was taken on."""
        self._is_known = True
        self.accepted = max(self.accepted, seq)

    def answer(self, seq: int) -> None:
        """Note that a command was answered on the log."""
        self.accept(seq)
        if seq > self._through or seq < self._first:
            self._beyond.add(seq)
        while self._through + 1 in self._beyond:
            self._through += 1
            self._beyond.discard(self._through)

    def is_answered(self, seq: int) -> bool:
        """Whether a command was answered."""
        return self._first <= seq <= self._through or seq in self._beyond


class Timers:
    """The gateway's timers, earliest first; one of each kind per subject."""

    def __init__(self) -> None:
        self._due_at: dict[tuple[str, str], Instant] = {}
        self._order: SortedDict[tuple[Instant, str, str], None] = SortedDict()

    def set(self, kind: str, subject: str, due_at: int) -> None:
        """Set a timer; it replaces the subject's timer of that kind."""
        self.drop(kind, subject)
        self._due_at[(kind, subject)] = Instant(due_at)
        self._order[(Instant(due_at), kind, subject)] = None

    def drop(self, kind: str, subject: str) -> None:
        """Remove a timer, if it is set."""
        due_at = self._due_at.pop((kind, subject), None)
        if due_at is not None:
            del self._order[(due_at, kind, subject)]

    def is_set(self, kind: str, subject: str) -> bool:
        """Whether the subject has a timer of that kind."""
        return (kind, subject) in self._due_at

    def next_at(self) -> Instant | None:
        """When the next timer is due."""
        return self._order.peekitem(0)[0][0] if self._order else None

    def take_due(self, now: int) -> tuple[str, str] | None:
        """Take the earliest timer that is due; None if none is."""
        if not self._order or self._order.peekitem(0)[0][0] > now:
            return None
        (_, kind, subject), _ = self._order.popitem(0)
        del self._due_at[(kind, subject)]
        return kind, subject
