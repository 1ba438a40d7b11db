"""A morning's traffic through the queue's decider in memory: arrivals, calls, misses, abandoned calls.

`Traffic` keeps a given number of callers waiting. Every turn is the same mix of facts whatever that number
is, so that the cost of a fact can be compared between a short queue and a long one.
"""

import time
from collections import deque
from itertools import islice
from typing import Final

from contracts.directory import StrategyKind
from contracts.gateway import DeviceChanged, DeviceState, EndedBy, LegEnded, Outcome
from contracts.ids import Instant, LegId
from contracts.log import TimerDue
from contracts.message import Fact
from contracts.queue import PlaceConnected
from contracts.telephony import DialLeg
from devtools.bench import office, phones
from runtime.decision import step
from services.queue.service import SERVICE
from services.queue.state import QueueState

ABANDONED_EVERY: Final = 5
"""One caller in five gives up: call centres report 5 to 30 % on a busy morning."""
MISSED_EVERY: Final = 10
"""One ring in ten is not answered."""
TIMERS_A_TURN: Final = 2
"""Callers hear their position every half minute, so about two hear it during one call."""


class Traffic:
    """One department in memory, with counts."""

    def __init__(self, *, agents: int, kind: StrategyKind) -> None:
        self.state = QueueState()
        self.now_at = Instant(office.MORNING)
        self.facts_heard = 0
        self.facts_said = 0
        self.commands_said = 0
        self.seconds = 0.0
        self.calls = 0
        self._dials = 0
        self._talking: deque[LegId] = deque()
        self._waiting: deque[LegId] = deque()
        self._pending: deque[Fact] = deque()
        for fact in office.book(agents=agents, kind=kind):
            self._hear(fact)

    def fill(self, waiting: int) -> None:
        """Let callers arrive until so many wait; the first ones keep every agent talking."""
        while len(self.state.places) < waiting:
            self.arrive()

    def arrive(self) -> None:
        """Let one more caller arrive, until an agent talks to it or it has heard the welcome."""
        leg_id = office.caller_leg(self.calls)
        self.calls += 1
        self._waiting.append(leg_id)
        self.now_at = Instant(self.now_at + 1)
        for fact in office.call(leg_id, f"+7912{self.calls:07d}"):
            self._all(fact)

    def turn(self) -> None:
        """Play one call: one ends, one is taken, one arrives; some callers give up or hear their position."""
        self.arrive()
        if self._talking:
            # The caller hangs up; the queue hangs up the agent, who is then free.
            self._all(_ended(self._talking.popleft(), Outcome.COMPLETED))
        if self.calls % ABANDONED_EVERY == 0 and len(self._waiting) > 2:
            self._all(_ended(self._waiting.pop(), Outcome.ABANDONED))
            self.arrive()
        if self.calls % 2 == 0:
            self._all(_phone(self.calls, DeviceState.IN_USE))
            self._all(_phone(self.calls, DeviceState.IDLE))
        self._ring_timers()

    def _ring_timers(self) -> None:
        """Ring the earliest timers early: the same number of them whatever the queue's length."""
        for timer in list(islice(self.state.due(Instant(2**62)), TIMERS_A_TURN)):
            self.now_at = Instant(max(self.now_at, timer.due_at))
            self._all(
                TimerDue(
                    service=SERVICE.name,
                    timer_id=timer.timer_id,
                    due_at=timer.due_at,
                    kind=timer.kind,
                    subject=timer.subject,
                )
            )

    def _all(self, fact: Fact) -> None:
        """Hear a fact, then all facts with which the phones answer."""
        self._pending.append(fact)
        while self._pending:
            self._hear(self._pending.popleft())

    def _hear(self, fact: Fact) -> None:
        began = time.process_time()
        decision = step(SERVICE, self.state, fact, at=self.now_at, cause=f"c{self.facts_heard}")
        self.seconds += time.process_time() - began
        self.facts_heard += 1
        self.facts_said += len(decision.facts)
        self.commands_said += len(decision.commands)
        for said in decision.facts:
            if isinstance(said, PlaceConnected):
                self._talking.append(said.leg_id)
                self._waiting.remove(said.leg_id)
        for command in decision.commands:
            self._dials += isinstance(command, DialLeg)
            ring = phones.Ring.ANSWERED if self._dials % MISSED_EVERY else phones.Ring.MISSED
            self._pending.extend(phones.answers(command, ring))


def _ended(leg_id: LegId, outcome: Outcome) -> LegEnded:
    return LegEnded(pbx_id=office.PBX, leg_id=leg_id, outcome=outcome, by=EndedBy.PARTY)


def _phone(number: int, state: DeviceState) -> DeviceChanged:
    return DeviceChanged(pbx_id=office.PBX, address=office.address(number % 7), state=state)
