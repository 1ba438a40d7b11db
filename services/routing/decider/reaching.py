"""A call gets to somebody: an employee's phones ring, or a department or a machine has it (D1, D4, D7)."""

import msgspec

from contracts.ids import AgentId, DepartmentId, Instant, LegId, TryId
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
from services.routing.rules import people, phones, trail
from services.routing.state import RoutingState
from services.routing.state.records import Call, former_key

CALL_TIMERS = ("lease", "notice", "bridge")


def next_try(call: Call) -> TryId:
    """The name of the next one to be rung for a call."""
    return TryId(f"{call.leg_id}.t{call.try_count + 1}")


def person(state: RoutingState, call: Call, agent_id: AgentId) -> Decision:
    """Ring somebody's phones, or say at once why not: removed, absent, out of hours, busy (D4, D7)."""
    reason = people.standing(state, agent_id)
    if reason is not None:
        return Decision(facts=(PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason),))
    known, try_id = state.person(agent_id), next_try(call)
    legs = phones.plan(state, try_id, known, call.pbx_id)
    if not legs:
        return _unreachable(call, agent_id)
    element = state.element_of(call)
    if element is not None and element.wait_ms is not None and state.is_limited(call):
        # The seconds of a scenario include the set-up (S3), those of D1 begin with the first ringing.
        ring_ms, set_up_ms = max(0, element.wait_ms), 0
    else:
        ring_ms, set_up_ms = max(0, people.rules_of(known).no_answer_ms), phones.SILENT_MS
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
    """Ring the own mobile of somebody whose rule says so, absent or not: it is they who wish it (P5)."""
    if not state.is_person_there(agent_id):
        reason = MissReason.REMOVED
        return Decision(facts=(PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason),))
    known, try_id = state.person(agent_id), next_try(call)
    legs = phones.own_mobile(state, try_id, known)
    if not legs:
        return _unreachable(call, agent_id)
    ring_ms = max(0, people.rules_of(known).no_answer_ms)
    rung = PersonRung(
        leg_id=call.leg_id,
        try_id=try_id,
        agent_id=agent_id,
        rule=call.rule,
        legs=legs,
        until_at=Instant(state.now_at + ring_ms + phones.SILENT_MS),
        ring_ms_max=ring_ms,
    )
    return Decision(facts=(rung,))


def _unreachable(call: Call, agent_id: AgentId) -> Decision:
    reason = MissReason.UNREACHABLE
    return Decision(facts=(PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason),))


def department(state: RoutingState, call: Call, department_id: DepartmentId) -> Decision:
    """Hand the call over to the queue, with the trail that it has come (Q11)."""
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


def voicemail(
    call: Call,
    rule: Rule,
    *,
    agent_id: AgentId | None = None,
    department_id: DepartmentId | None = None,
) -> Decision:
    """Hand the call over to a machine, which answers and greets."""
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
    drop(state, fact.leg_id)


def visited(state: RoutingState, call: Call, agent_id: AgentId) -> Call:
    """The call with one more employee on its trail, unless a forward put them there."""
    hop = Hop(rule=call.rule, agent_id=agent_id)
    if trail.has_visited(call, hop):
        return call
    return msgspec.structs.replace(call, trail=(*call.trail, hop))


def drop(state: RoutingState, leg_id: LegId) -> None:
    """Forget a call and all that waits for it."""
    call = state.calls.get(leg_id)
    if call is None:
        return
    drop_try(state, call)
    for kind in CALL_TIMERS:
        state.drop_timer(kind, leg_id)
    state.calls.drop(leg_id)
    _drop_former_scenario(state, call)


def drop_try(state: RoutingState, call: Call) -> None:
    """Forget who is rung, with the timers; what rings was cancelled by whoever said that it is over."""
    a_try = state.try_of(call)
    if a_try is None:
        return
    state.tries.drop(a_try.try_id)
    state.drop_timer("ring", a_try.try_id)
    for leg in a_try.legs:
        state.drop_timer("dial", leg.leg_id)
        state.drop_timer("key", leg.leg_id)


def _drop_former_scenario(state: RoutingState, call: Call) -> None:
    if call.scenario_id is None:
        return
    key = former_key(call.scenario_id, call.scenario_version)
    begun = (call.scenario_id, call.scenario_version)
    if key in state.former_scenarios and not any(
        (each.scenario_id, each.scenario_version) == begun for each in state.calls
    ):
        state.former_scenarios.drop(key)
