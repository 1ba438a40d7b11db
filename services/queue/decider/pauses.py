"""Auto-pause: misses in a row pause an agent, and a call of any kind ends a pause (Q8)."""

import msgspec

from contracts.directory import StrategyKind
from contracts.ids import AgentId, DepartmentId
from contracts.queue import AgentPaused, AgentResumed, OfferMissed, SkipReason
from runtime.decision import NOTHING, Decision, together
from services.queue.rules import agent_selection
from services.queue.state import QueueState
from services.queue.state.records import Offer

COUNTING = (StrategyKind.LONGEST_IDLE, StrategyKind.LINEAR)
"""Strategies that ring one agent at a time: elsewhere a colleague may have been quicker."""
COMES_BACK = (None, SkipReason.ON_CALL, SkipReason.HOLDS_OFFER, SkipReason.WRAP_UP)
"""Reasons that pass by themselves: an agent with one of them could still come."""


def count_miss(state: QueueState, offer: Offer) -> None:
    """Count a missed place, each place once; only as many are kept as the department counts."""
    misses_max = _misses_max(state, offer.department_id)
    activity = state.activity(offer.agent_id)
    if misses_max is None or offer.is_fallback or offer.place_id in activity.missed:
        return
    missed = (*activity.missed, offer.place_id)[-misses_max:]
    state.activities.change(activity, missed=missed)


def reset_misses(state: QueueState, agent_id: AgentId) -> None:
    """The agent is present: earlier misses no longer count."""
    activity = state.activity(agent_id)
    if activity.missed:
        state.activities.change(activity, missed=())


def _misses_max(state: QueueState, department_id: DepartmentId) -> int | None:
    department = state.departments[department_id].saved
    if department.auto_pause_misses is None or department.strategy.kind not in COUNTING:
        return None
    return max(1, department.auto_pause_misses)


def pause_if_missed_too_often(state: QueueState, fact: OfferMissed) -> Decision:
    """Pause an agent who missed too many, unless that would leave a department with nobody who could come."""
    place = state.places.get(fact.place_id)
    if place is None:
        return NOTHING
    misses_max = _misses_max(state, place.department_id)
    missed = state.activity(fact.agent_id).missed
    if misses_max is None or len(missed) < misses_max or _is_last_somewhere(state, fact.agent_id):
        return NOTHING
    paused = AgentPaused(agent_id=fact.agent_id, department_id=place.department_id, misses=len(missed))
    return Decision(facts=(paused,))


def _is_last_somewhere(state: QueueState, agent_id: AgentId) -> bool:
    return any(
        not any(
            state.skip(department_id, seat.agent_id) in COMES_BACK
            for seat in state.departments[department_id].saved.agents
            if seat.agent_id != agent_id
        )
        for department_id in agent_selection.departments_of(state, agent_id)
    )


def apply_paused(state: QueueState, fact: AgentPaused) -> None:
    """The agent is paused, and misses are counted anew."""
    activity = state.activity(fact.agent_id)
    state.activities.change(activity, missed=(), is_auto_paused=True)


def apply_resumed(state: QueueState, fact: AgentResumed) -> None:
    """Both kinds of pause end: the automatic one and the agent's own."""
    end_auto_pause(state, fact.agent_id)
    agent = state.agents.get(fact.agent_id)
    if agent is not None and agent.pause is not None and agent.pause.is_paused:
        pause = msgspec.structs.replace(agent.pause, is_paused=False)
        state.agents.change(agent, pause=pause)


def end_auto_pause(state: QueueState, agent_id: AgentId) -> None:
    """End an automatic pause and forget the misses before it."""
    activity = state.activity(agent_id)
    state.activities.change(activity, missed=(), is_auto_paused=False)


def resume_on_call(state: QueueState, *agents: AgentId, cause: str) -> Decision:
    """End the pause of agents who make or answer a call, which shows that they are present."""
    return together(
        Decision(facts=(AgentResumed(agent_id=agent_id, cause=cause),))
        for agent_id in agents
        if state.is_paused(agent_id)
    )
