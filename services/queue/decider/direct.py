"""Direct calls are routing's; whoever talks on one is offered nothing (Q2), and is there (Q8).

A desk phone's PBX tells that it is in use; of a mobile nobody tells but routing.
"""

import msgspec

from contracts.gateway import LegEnded
from contracts.ids import AgentId, Instant
from contracts.log import TimerDue
from contracts.routing import PersonAnswered
from runtime.decision import NOTHING, Decision
from services.queue.decider import offering, pauses
from services.queue.rules import phones, sharing
from services.queue.state import QueueState


def apply_answered(state: QueueState, fact: PersonAnswered) -> None:
    """An agent took a direct call: busy until that leg ends, or the lease (G3)."""
    pauses.end_row(state, fact.agent_id)
    line = state.line(fact.agent_id)
    state.lines.put(msgspec.structs.replace(line, direct_leg_id=fact.agent_leg_id))
    state.set_timer("direct", fact.agent_id, Instant(state.now_at + phones.CALL_MS_MAX))


def decide_answered(state: QueueState, fact: PersonAnswered) -> Decision:
    """A call that was answered ends a pause."""
    return pauses.if_on_call(state, fact.agent_id, cause="answered")


def apply_ended(state: QueueState, fact: LegEnded) -> None:
    """If it was a direct call's, its agent is free; `decide` still sees who that was."""
    state.direct_over = state.on_direct.get(fact.leg_id)
    if state.direct_over is not None:
        _end(state, state.direct_over)


def decide_ended(state: QueueState) -> Decision:
    """Who came free by the end of a direct call is offered what waits."""
    agent_id = state.direct_over
    return NOTHING if agent_id is None else offering.serve(state, sharing.departments_of(state, agent_id))


def apply_lease_over(state: QueueState, due: TimerDue) -> None:
    """No call lasts this long: its end was lost."""
    _end(state, AgentId(due.subject))


def decide_lease_over(state: QueueState, due: TimerDue) -> Decision:
    """Whom that frees is offered what waits."""
    return offering.serve(state, sharing.departments_of(state, AgentId(due.subject)))


def _end(state: QueueState, agent_id: AgentId) -> None:
    line = state.line(agent_id)
    state.lines.put(msgspec.structs.replace(line, direct_leg_id=None, idle_since_at=state.now_at))
    state.drop_timer("direct", agent_id)
