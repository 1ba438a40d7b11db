"""Where a call goes: to an employee's phones, or over to a department's queue or a voicemail (D1, D4, D7)."""

from contracts.ids import AgentId, DepartmentId, Instant
from contracts.routing import (
    DepartmentReached,
    Hop,
    MissReason,
    PersonMissed,
    PersonRung,
    Rule,
    VoicemailReached,
)
from runtime.decision import Decision
from services.routing.decider import calls
from services.routing.rules import availability, direct_rules, ring_plans, trail
from services.routing.state import RoutingState
from services.routing.state.records import Call


def person(state: RoutingState, call: Call, agent_id: AgentId) -> Decision:
    """Ring an employee's phones, or say at once why not: removed, absent, out of hours, busy (D4, D7)."""
    reason = availability.obstacle(state, agent_id)
    if reason is not None:
        return Decision(facts=(PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason),))
    known, try_id = state.person(agent_id), calls.next_try(call)
    legs = ring_plans.plan(state, try_id, known, call.pbx_id)
    if not legs:
        return _unreachable(call, agent_id)
    element = state.element_of(call)
    if element is not None and element.wait_ms is not None and state.is_limited(call):
        # The seconds of a scenario include the set-up (S3), those of D1 begin with the first ringing.
        ring_ms, set_up_ms = max(0, element.wait_ms), 0
    else:
        ring_ms, set_up_ms = max(0, direct_rules.rules_of(known).no_answer_ms), ring_plans.set_up_ms(legs)
    rung = PersonRung(
        leg_id=call.leg_id,
        try_id=try_id,
        agent_id=agent_id,
        rule=call.rule,
        legs=legs,
        until_at=Instant(state.now_at + ring_ms + set_up_ms),
        ring_ms_max=ring_ms,
    )
    return Decision(facts=(rung,))


def own_mobile(state: RoutingState, call: Call, agent_id: AgentId) -> Decision:
    """Ring an employee's own mobile, as their rule says, whether or not they are absent (P5)."""
    if not state.is_person_there(agent_id):
        reason = MissReason.REMOVED
        return Decision(facts=(PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason),))
    known, try_id = state.person(agent_id), calls.next_try(call)
    legs = ring_plans.own_mobile(state, try_id, known)
    if not legs:
        return _unreachable(call, agent_id)
    ring_ms = max(0, direct_rules.rules_of(known).no_answer_ms)
    rung = PersonRung(
        leg_id=call.leg_id,
        try_id=try_id,
        agent_id=agent_id,
        rule=call.rule,
        legs=legs,
        until_at=Instant(state.now_at + ring_ms + ring_plans.set_up_ms(legs)),
        ring_ms_max=ring_ms,
    )
    return Decision(facts=(rung,))


def _unreachable(call: Call, agent_id: AgentId) -> Decision:
    reason = MissReason.UNREACHABLE
    return Decision(facts=(PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason),))


def department(state: RoutingState, call: Call, department_id: DepartmentId) -> Decision:
    """Hand the call over to queue, with the trail that it has come (Q11)."""
    hop = Hop(rule=call.rule, department_id=department_id)
    fact = DepartmentReached(
        leg_id=call.leg_id,
        pbx_id=call.pbx_id,
        department_id=department_id,
        caller=call.caller,
        line=call.line,
        rule=call.rule,
        is_internal=call.is_internal,
        is_answered=call.is_answered,
        trail=call.trail if trail.has_visited(call, hop) else (*call.trail, hop),
    )
    return Decision(facts=(fact,))


def apply_department_reached(state: RoutingState, fact: DepartmentReached) -> None:
    """The call is queue's from here on."""
    calls.drop(state, fact.leg_id)


def voicemail(
    call: Call,
    rule: Rule,
    *,
    agent_id: AgentId | None = None,
    department_id: DepartmentId | None = None,
) -> Decision:
    """Hand the call over to voicemail, which answers and greets."""
    fact = VoicemailReached(
        leg_id=call.leg_id,
        pbx_id=call.pbx_id,
        caller=call.caller,
        line=call.line,
        arrived_at=call.arrived_at,
        agent_id=agent_id,
        department_id=department_id,
        is_answered=call.is_answered,
        rule=rule,
        missed_by=trail.first_wanted(call),
    )
    return Decision(facts=(fact,))


def apply_voicemail_reached(state: RoutingState, fact: VoicemailReached) -> None:
    """The call is voicemail's from here on."""
    calls.drop(state, fact.leg_id)
