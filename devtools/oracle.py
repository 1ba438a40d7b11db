"""Checks that an offline run of the deciders over the final log gives exactly the facts on it.

It shares no code with the host except the deciders themselves and `step`, so it detects a host that loses,
doubles, reorders or invents something. It judges a `devtools.invariants.History`.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from contracts import codec
from contracts.ids import DepartmentId
from contracts.message import Fact
from devtools.invariants import History
from ringback.log_replay import Record, Replaying
from runtime.decision import Decider, Decision
from services.queue.rules import agent_selection
from services.queue.state import QueueState


class Replay(Replaying):
    """Runs one decider over the log and compares its output with the log's."""

    def __init__(self, decider: Decider[Any]) -> None:
        super().__init__(decider)
        self.owed: deque[bytes] = deque()
        self.commands: list[bytes] = []
        self.wrong: list[str] = []
        self._confirmed = 0

    def hear(self, record: Record) -> Decision:
        """Hear one record."""
        if self.is_own(record):
            self._compare(record)
        decision = super().hear(record)
        self.owed.extend(codec.encode(fact) for fact in decision.facts)
        self.commands.extend(codec.encode(command) for command in decision.commands)
        return decision

    def _compare(self, record: Record) -> None:
        if record.envelope.seq != self._confirmed + 1:
            return
        self._confirmed += 1
        expected = self.owed.popleft() if self.owed else None
        if record.fact is None or expected != codec.encode(record.fact):
            self.wrong.append(
                f"{self.decider.name} said {record.fact} at {record.offset}, the replay {expected!r}"
            )


def replayed(history: History, decider: Decider[Any]) -> Replay:
    """Run a decider over the whole log."""
    replay = Replay(decider)
    for said in history.facts:
        replay.hear(said)
    return replay


def the_log_explains_itself(history: History, deciders: tuple[Decider[Any], ...]) -> Iterator[str]:
    """Every output on the log follows from the log, each once, in order, none missing."""
    for decider in deciders:
        yield from explained(history, replayed(history, decider))


def explained(history: History, replay: Replay) -> Iterator[str]:
    """Differences that a replay of the whole log found, and outputs missing at the end."""
    decider = replay.decider
    yield from replay.wrong[:1]
    if replay.owed:
        yield f"{decider.name} owes {len(replay.owed)} facts, the first {replay.owed[0]!r}"
    yield from _compare_commands(history, replay)
    missing = set(decider.owed(replay.state)) - {timer.timer_id for timer in replay.state.timers}
    if missing:
        yield f"{decider.name} has forgotten the timers {sorted(missing)}"


def _compare_commands(history: History, replay: Replay) -> Iterator[str]:
    """Every expected command was sent with the next number of its stream; repeats are identical."""
    sent: dict[tuple[str, int], bytes] = {}
    for each in history.commands:
        if each.envelope.source != replay.decider.name:
            continue
        key = (_stream(each.envelope.id), each.envelope.seq)
        value = codec.encode(each.command)
        if sent.setdefault(key, value) != value:
            yield f"{replay.decider.name} sent two commands as {key}"
    if sorted(sent.values()) != sorted(replay.commands):
        first = next((each for each in replay.commands if each not in set(sent.values())), None)
        extra = next((each for each in sent.values() if each not in set(replay.commands)), None)
        counts = f"{len(sent)} commands, the replay {len(replay.commands)}"
        yield f"{replay.decider.name} sent {counts}; missing {first!r}, too many {extra!r}"


def _stream(id_: str) -> str:
    return id_.rpartition("/")[0]


def no_offer_inverts_the_order(history: History, decider: Decider[Any]) -> Iterator[str]:
    """No agent is offered a later place while an earlier one of the department could have the agent (Q3)."""
    replay = Replay(decider)
    for said in history.facts:
        decision = replay.hear(said)
        assert isinstance(replay.state, QueueState)
        yield from inversions(replay.state, decision.facts)


def inversions(state: QueueState, facts: tuple[Fact, ...]) -> Iterator[str]:
    """Agents who are free although a place could have them, after the step that said these facts."""
    for department_id, free in state.free.items():
        if _has_no_room(state, department_id):
            continue
        # After every step, no agent is free while a place could have that agent.
        for rank in state.first_places(department_id):
            place = state.places[rank[2]]
            for _, _, agent_id in free:
                if agent_selection.refuses(place, agent_id, state.now_at) is None and not place.declined:
                    yield f"{agent_id} is free beside {place.place_id} at {state.now_at} after {facts}"
                    return


def _has_no_room(state: QueueState, department_id: DepartmentId) -> bool:
    """Whether enough phones ring for a department's limit (Q13), or the next agent has too many phones."""
    legs_max = state.departments[department_id].saved.legs_max
    if legs_max is None:
        return False
    rung = sum(
        len(offer.open_legs)
        for offer in state.offers
        if offer.department_id == department_id and not offer.is_fallback
    )
    agents = (state.agents[agent_id].saved for _, _, agent_id in state.free.get(department_id, ()))
    needed = max((len(agent.devices) for agent in agents if agent is not None), default=0)
    return rung > 0 and rung + min(needed, legs_max) > legs_max
