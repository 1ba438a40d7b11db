"""One leg as the simulated PBX has it, and its agenda."""

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from contracts.ids import BridgeId, LegId, PlayId, RecordingId
from contracts.telephony import Play, Record
from services.gateway.port import Cause, PlayEnded
from services.gateway.simulated.phones import Handset
from services.gateway.simulated.script import Behaviour
from services.gateway.simulated.sounds import Track

if TYPE_CHECKING:
    from services.gateway.simulated.people import Person


class Line(msgspec.Struct, kw_only=True, eq=False):
    """One leg; `token` changes with every play, so that an end that was planned for another does nothing."""

    leg_id: LegId
    is_arrived: bool
    since_at: int
    handset: Handset | None
    behaviour: Behaviour = Behaviour()
    caller: str | None = None
    line: str = ""
    is_internal: bool = False
    caller_id: str = ""
    headers: dict[str, str] = {}
    ring_ms_max: int = 0
    is_ringing: bool = False
    is_answered: bool = False
    is_over: bool = False
    has_music: bool = False
    bridge_id: BridgeId | None = None
    queue: list[Play] = msgspec.field(default_factory=list)
    token: int = 0
    heard: list[str] = msgspec.field(default_factory=list)
    plays_over: dict[PlayId, PlayEnded] = msgspec.field(default_factory=dict)
    tape: "Tape | None" = None
    person: "Person | None" = None

    @property
    def listening(self) -> str:
        """What is in the ear of whoever is on this leg: a play, a bridge, music, or nothing."""
        if self.queue:
            return str(self.queue[0].play_id)
        if self.bridge_id is not None:
            return str(self.bridge_id)
        return "music" if self.has_music else "silence"


class Tape(msgspec.Struct, kw_only=True, eq=False):
    """One recording: open, or closed and kept until it is released; `told` bytes were told."""

    recording_id: RecordingId
    leg_id: LegId
    command: Record
    track: Track
    other: Line | None = None
    """The other side, when a bridge is recorded."""
    told: int = 0
    closed_at: int | None = None
    cause: Cause | None = None


class Agenda:
    """What will happen, in order of time and then of planning; `now` is the instant it has got to."""

    def __init__(self) -> None:
        self._planned: list[tuple[int, int, Callable[[int], None]]] = []
        self._number = 0
        self.now = 0

    def put(self, at: int, act: Callable[[int], None]) -> None:
        """Do this at an instant; it is given that instant."""
        self._number += 1
        heapq.heappush(self._planned, (at, self._number, act))

    def next_at(self) -> int | None:
        """When the next is due."""
        return self._planned[0][0] if self._planned else None

    def run(self, now: int) -> None:
        """Do everything due up to an instant."""
        while self._planned and self._planned[0][0] <= now:
            at, _, act = heapq.heappop(self._planned)
            self.now = max(self.now, at)
            act(at)
        self.now = max(self.now, now)
