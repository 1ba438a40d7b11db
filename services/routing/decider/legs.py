"""What is told of a leg goes to whom it concerns: the caller's own, a phone that rings, one that talks."""

from contracts.gateway import TOO_LATE, CommandRefused, DigitsEntered, LegAnswered, LegEnded
from contracts.ids import LegId
from contracts.message import type_name
from contracts.telephony import DialLeg
from runtime.decision import NOTHING, Decision
from services.routing.decider import answering, ending, ringing, scenario, telling
from services.routing.state import RoutingState
from services.routing.state.records import Try


def _try_of_leg(state: RoutingState, leg_id: LegId | None) -> Try | None:
    call = state.call_of_leg(leg_id)
    a_try = state.try_of(call) if call is not None else None
    return a_try if a_try is not None and leg_id in a_try.open_legs else None


def decide_answered(state: RoutingState, fact: LegAnswered) -> Decision:
    """The caller's leg is up, or somebody picked up who was rung."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        return telling.decide_caller_answered(state, call)
    a_try = _try_of_leg(state, fact.leg_id)
    return NOTHING if a_try is None else answering.decide_phone_answered(state, a_try, fact.leg_id)


def decide_digits(state: RoutingState, fact: DigitsEntered) -> Decision:
    """A caller's choice, or the key of an employee's mobile."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        return scenario.decide_digits(state, call, fact)
    a_try = _try_of_leg(state, fact.leg_id)
    return NOTHING if a_try is None else answering.decide_key(state, a_try, fact)


def apply_ended(state: RoutingState, fact: LegEnded) -> None:
    """A phone that rang is out; `decide` still sees for whom it rang."""
    a_try = _try_of_leg(state, fact.leg_id)
    state.try_with_leg_gone = None if a_try is None else a_try.try_id
    if a_try is not None:
        ringing.apply_leg_ended(state, a_try, fact)


def decide_ended(state: RoutingState, fact: LegEnded) -> Decision:
    """One phone fewer, or the end of a contact."""
    a_try = state.tries.get(state.try_with_leg_gone) if state.try_with_leg_gone is not None else None
    if a_try is not None:
        return ringing.decide_leg_ended(state, a_try, fact.outcome)
    return ending.decide_leg_ended(state, fact)


def apply_refused(state: RoutingState, fact: CommandRefused) -> None:
    """A leg whose dialling the gateway refused is none: it will say no more of it."""
    a_try = _try_of_leg(state, fact.leg_id) if fact.command == type_name(DialLeg) else None
    state.try_with_leg_gone = None if a_try is None else a_try.try_id
    if a_try is not None and fact.leg_id is not None and fact.reason != TOO_LATE:
        ringing.close_leg(state, fact.leg_id, None)


def decide_refused(state: RoutingState, fact: CommandRefused) -> Decision:
    """One phone fewer, or something that the caller does not hear."""
    a_try = state.tries.get(state.try_with_leg_gone) if state.try_with_leg_gone is not None else None
    if a_try is None or fact.leg_id is None:
        return telling.decide_refused(state, fact)
    if fact.reason == TOO_LATE:
        return ringing.dial_again(state, a_try, fact.leg_id)
    return ringing.go_on(state, a_try)
