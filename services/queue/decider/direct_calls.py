"""Direct calls, which routing owns: they keep an agent busy (Q2) and end a pause (Q8).

A PBX reports that a desk phone is in use; only routing's facts tell of a mobile.
"""

from contracts.gateway import LegEnded
from contracts.ids import AgentId, Instant
from contracts.log import TimerDue
from contracts.routing import PersonAnswered
from runtime.decision import NOTHING, Decision
from services.queue.decider import customers, pauses
from services.queue.rules import agent_selection, ring_plans
from services.queue.state import QueueState


def apply_answered(state: QueueState, fact: PersonAnswered) -> None:
    """The agent is busy until the leg ends, which may be on the log already, or the lease (G3)."""
    pauses.reset_misses(state, fact.agent_id)
    activity = state.activity(fact.agent_id)
    if state.early_ends.take(fact.agent_leg_id):
        state.activities.change(activity, idle_since_at=state.now_at)
        return
    state.activities.change(
        activity, direct_leg_id=fact.agent_leg_id, direct_caller_leg_id=fact.leg_id, direct_at=state.now_at
    )
    state.set_timer("direct", fact.agent_id, Instant(state.now_at + ring_plans.CALL_MS_MAX))


def decide_answered(state: QueueState, fact: PersonAnswered) -> Decision:
    """Answering a call ends a pause."""
    return pauses.resume_on_call(state, fact.agent_id, cause="answered")


def apply_ended(state: QueueState, fact: LegEnded) -> None:
    """Free the agent if it was the agent's leg of a direct call; keep the conversation for `decide_ended`."""
    agent_id = state.on_direct.get(fact.leg_id)
    state.talk_over = None
    if agent_id is None:
        return
    activity = state.activity(agent_id)
    caller = state.legs.get(activity.direct_caller_leg_id)
    if activity.direct_at is not None and caller is not None and caller.number is not None:
        state.talk_over = (activity, caller)
    if activity.direct_leg_id == fact.leg_id:
        _end(state, agent_id)
    else:
        state.activities.change(activity, direct_at=None)


def decide_ended(state: QueueState) -> Decision:
    """A direct call to an agent of a department is a conversation with that department (C14)."""
    if state.talk_over is None:
        return NOTHING
    activity, caller = state.talk_over
    if activity.direct_at is None or activity.direct_leg_id is None or caller.number is None:
        return NOTHING
    departments = agent_selection.departments_of(state, activity.agent_id)
    talk = customers.Talk(
        activity, caller.number, activity.direct_at, activity.direct_leg_id, caller.leg_id, departments
    )
    return customers.talked(state, talk)


def apply_lease_over(state: QueueState, due: TimerDue) -> None:
    """No call lasts this long: the fact of its end was lost."""
    _end(state, AgentId(due.subject))


def _end(state: QueueState, agent_id: AgentId) -> None:
    activity = state.activity(agent_id)
    state.activities.change(
        activity, direct_leg_id=None, direct_caller_leg_id=None, direct_at=None, idle_since_at=state.now_at
    )
    state.drop_timer("direct", agent_id)
