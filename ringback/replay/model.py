"""Runs the real deciders of queue and callback in the model's world from the first record to the last."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from contracts.ids import Instant
from contracts.log import TimerDue
from contracts.message import Fact
from ringback.replay.recorded import Recorded
from ringback.replay.world import World
from runtime.decision import Decider, step
from runtime.records import State, Timer
from services.callback.service import SERVICE as CALLBACK
from services.callback.state import CallbackState
from services.queue.service import SERVICE as QUEUE
from services.queue.state import QueueState

DECIDERS: Final[tuple[Decider[Any], ...]] = (QUEUE, CALLBACK)
WORLD: Final = "world"
AFTER_MS_MAX: Final = 24 * 60 * 60 * 1000
"""Every place ends by its deadline and a few attempts; one a day later is a fault of the model."""


class Said(NamedTuple):
    """One fact of the model: its source (`world` or a decider) and its cause's index (-1: none)."""

    at: int
    fact: Fact
    source: str
    cause: int


class Endless(Exception):
    """The model did not end."""


class Model:
    """One run."""

    def __init__(self, recorded: Recorded, book: Sequence[tuple[int, Fact]]) -> None:
        self.said: list[Said] = []
        self._queue, self._callback = QueueState(), CallbackState()
        self._states: dict[str, State] = {QUEUE.name: self._queue, CALLBACK.name: self._callback}
        self._world = World(recorded, book)
        self._timer_ms = recorded.delays.timer_ms()
        self._last_at = max(recorded.begun_at(), default=recorded.end_at)
        self._now = 0

    def run(self) -> list[Said]:
        """Run the model; its facts in order. Raises Endless."""
        while not self._is_over():
            due = self._next_timer()
            world_at = self._world.next_at()
            if world_at is None and due is None:
                break
            if due is not None and (world_at is None or due[0] < world_at):
                self._now = max(self._now, due[0])
                decider, timer = due[1], due[2]
                fact = TimerDue(
                    service=decider.name,
                    timer_id=timer.timer_id,
                    due_at=timer.due_at,
                    kind=timer.kind,
                    subject=timer.subject,
                )
                self._say(fact, decider.name)
            else:
                at, told = self._world.go_on()
                self._now = max(self._now, at)
                for each in told:
                    self._say(each, WORLD)
            if self._now > self._last_at + AFTER_MS_MAX:
                raise Endless(f"{len(self._queue.places)} places are still there a day after the last call")
        return self.said

    def _is_over(self) -> bool:
        return (
            self._now >= self._last_at and not len(self._queue.places) and not len(self._callback.callbacks)
        )

    def _next_timer(self) -> tuple[int, Decider[Any], Timer] | None:
        found: tuple[int, Decider[Any], Timer] | None = None
        for decider in DECIDERS:
            state = self._states[decider.name]
            due_at = state.earliest_due_at()
            if due_at is not None and (found is None or due_at + self._timer_ms < found[0]):
                found = (due_at + self._timer_ms, decider, next(state.due(due_at)))
        return found

    def _say(self, fact: Fact, source: str) -> None:
        """Append a fact to the model's log; each decider hears it, then what follows from it, in order."""
        unsaid = deque(((fact, source, -1),))
        while unsaid:
            said, by, cause = unsaid.popleft()
            number = len(self.said)
            self.said.append(Said(self._now, said, by, cause))
            for decider in DECIDERS:
                if not _hears(decider, said, by):
                    continue
                decision = step(
                    decider,
                    self._states[decider.name],
                    said,
                    at=Instant(self._now),
                    cause=f"model/{number}",
                )
                for each in decision.facts:
                    self._world.note(self._now, each)
                for command in decision.commands:
                    self._world.command(self._now, command)
                unsaid.extend((each, decider.name, number) for each in decision.facts)


def _hears(decider: Decider[Any], fact: Fact, by: str) -> bool:
    """Whether a decider hears a fact: not its own, and no timer of another decider."""
    if isinstance(fact, TimerDue):
        return by == decider.name
    return by != decider.name and isinstance(fact, decider.hears)


def replayed(recorded: Recorded, book: Sequence[tuple[int, Fact]] | None = None) -> list[tuple[int, Fact]]:
    """What would have happened with this directory; None: with the recorded one. Raises Endless."""
    said = Model(recorded, recorded.book if book is None else book).run()
    return [(each.at, each.fact) for each in said]
