"""What the gateway says of a leg: handled by whose leg it is, the caller's or a phone's of a try."""

from contracts.gateway import TOO_LATE, CommandRefused, DigitsEntered, LegAnswered, LegEnded
from contracts.ids import LegId
from contracts.message import type_name
from contracts.telephony import AnswerLeg, DialLeg, Play
from runtime.decision import NOTHING, Decision
from services.routing.decider import (
    announcement_end,
    announcements,
    calls,
    connection,
    hangup,
    scenario_elements,
    tries,
)
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Try


def _try_of_leg(state: RoutingState, leg_id: LegId | None) -> Try | None:
    a_try = state.try_of_leg(leg_id)
    return a_try if a_try is not None and leg_id in a_try.open_legs else None


def decide_answered(state: RoutingState, fact: LegAnswered) -> Decision:
    """The caller's leg, or a phone of a try, was answered."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        return _decide_caller_answered(state, call)
    a_try = _try_of_leg(state, fact.leg_id)
    return NOTHING if a_try is None else connection.decide_phone_answered(state, a_try, fact.leg_id)


def _decide_caller_answered(state: RoutingState, call: Call) -> Decision:
    match call.stage:
        case Stage.TELLING | Stage.CHOOSING:
            return announcements.tell(state, call)
        case Stage.ANSWERED:
            return connection.join(state, call)
        case _:
            return NOTHING


def decide_digits(state: RoutingState, fact: DigitsEntered) -> Decision:
    """A caller's choice at a menu, or the key on an employee's mobile."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        return scenario_elements.decide_digits(state, call, fact)
    a_try = _try_of_leg(state, fact.leg_id)
    return NOTHING if a_try is None else connection.decide_key(state, a_try, fact)


def apply_ended(state: RoutingState, fact: LegEnded) -> None:
    """A phone of a try is gone; `decide` still needs to know of which try."""
    a_try = _try_of_leg(state, fact.leg_id)
    state.try_with_leg_gone = None if a_try is None else a_try.try_id
    if a_try is not None:
        tries.apply_leg_ended(state, a_try, fact)


def decide_ended(state: RoutingState, fact: LegEnded) -> Decision:
    """A try has one phone fewer, or a party of the call is gone."""
    a_try = state.tries.get(state.try_with_leg_gone)
    if a_try is not None:
        return tries.decide_leg_ended(state, a_try, fact.outcome)
    return hangup.decide_leg_ended(state, fact)


def apply_refused(state: RoutingState, fact: CommandRefused) -> None:
    """A phone whose dialling was refused never rings, and the gateway says no more of it."""
    a_try = _try_of_leg(state, fact.leg_id) if fact.command == type_name(DialLeg) else None
    state.try_with_leg_gone = None if a_try is None else a_try.try_id
    if a_try is not None and fact.leg_id is not None and fact.reason != TOO_LATE:
        tries.close_leg(state, fact.leg_id, None)


def decide_refused(state: RoutingState, fact: CommandRefused) -> Decision:
    """A try has one phone fewer, or something did not reach the caller."""
    a_try = state.tries.get(state.try_with_leg_gone)
    if a_try is None or fact.leg_id is None:
        return _decide_too_late(state, fact)
    if fact.reason == TOO_LATE:
        return tries.dial_again(state, a_try, fact.leg_id)
    return tries.go_on(state, a_try)


def _decide_too_late(state: RoutingState, fact: CommandRefused) -> Decision:
    """Answer a caller who still rings after all; go on after a play that came too late."""
    call = state.call_of_leg(fact.leg_id)
    if call is None or fact.reason != TOO_LATE:
        return NOTHING
    if fact.command == type_name(AnswerLeg) and fact.leg_id == call.leg_id and not call.is_answered:
        is_wanted = call.stage in (Stage.TELLING, Stage.CHOOSING, Stage.ANSWERED)
        return Decision(commands=(calls.answer(state, call),)) if is_wanted else NOTHING
    if fact.command == type_name(Play) and fact.leg_id in (call.leg_id, call.with_leg_id):
        return announcement_end.go_on(state, call)
    return NOTHING
