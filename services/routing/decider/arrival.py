"""A call arrives: whom it is for, and where it goes first (D5, Q11)."""

from contracts.gateway import CallArrived
from contracts.ids import Instant
from contracts.routing import CallEnded, CallTaken, EndReason
from contracts.telephony import RejectLeg, RejectReason
from runtime.decision import NOTHING, Decision
from services.routing.decider import destinations, scenario_elements
from services.routing.rules import availability, inbound_route
from services.routing.state import RoutingState
from services.routing.state.records import Call


def decide_arrived(state: RoutingState, fact: CallArrived) -> Decision:
    """Say whom the call is for; reject it if the number is nobody's."""
    if fact.leg_id in state.calls:
        return NOTHING
    taken = inbound_route.find(state, fact)
    if taken is not None:
        return Decision(facts=(taken,))
    reject = RejectLeg(pbx_id=fact.pbx_id, leg_id=fact.leg_id, reason=RejectReason.UNAVAILABLE)
    ended = CallEnded(leg_id=fact.leg_id, reason=EndReason.UNKNOWN_NUMBER, waited_ms=0)
    return Decision(facts=(ended,), commands=(reject,))


def apply_taken(state: RoutingState, fact: CallTaken) -> None:
    """The contact begins; its lease ends it even if nothing more is heard of it (G3)."""
    found = state.scenarios.get(fact.scenario_id)
    state.calls.put(
        Call(
            fact.leg_id,
            fact.pbx_id,
            fact.caller,
            fact.line,
            state.now_at,
            fact.rule,
            is_internal=fact.is_internal,
            caller_agent_id=fact.caller_agent_id,
            second_agent_id=fact.second_agent_id,
            scenario_id=fact.scenario_id,
            scenario_version=0 if found is None else found.saved.version,
        )
    )
    state.set_timer("lease", fact.leg_id, Instant(state.now_at + availability.CALL_MS_MAX))


def decide_taken(state: RoutingState, fact: CallTaken) -> Decision:
    """To the department, into the scenario, or to the employee's phones."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return NOTHING
    if fact.department_id is not None:
        return destinations.department(state, call, fact.department_id)
    if fact.agent_id is not None:
        return destinations.person(state, call, fact.agent_id)
    return scenario_elements.begin(state, call)
