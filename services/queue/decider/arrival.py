"""A call or a callback reaches a department and takes a place."""

import msgspec

from contracts.callback import CallbackOrdered
from contracts.gateway import CallArrived
from contracts.ids import Instant, PlaceId
from contracts.queue import DeadlinePassed, PlaceTaken
from contracts.routing import DepartmentReached
from contracts.telephony import AnswerLeg
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import announcements, customers, no_answer, quiet_hours
from services.queue.rules import deadlines, ring_plans, waiting
from services.queue.state import QueueState
from services.queue.state.records import Leg, LegKind, Place


def apply_arrived(state: QueueState, fact: CallArrived) -> None:
    """Keep every arriving call's leg, so that a caller who hangs up before the hand-over is noticed."""
    if fact.leg_id not in state.legs:
        number = state.number_of(fact.caller, is_internal=fact.is_internal)
        state.legs.put(Leg(fact.leg_id, LegKind.CALLER, fact.pbx_id, number=number))


def decide_reached(state: QueueState, fact: DepartmentReached) -> Decision:
    """Routing hands a call over: it joins once, on whichever way it came, unless it has ended (Q11)."""
    department_id = fact.department_id
    leg = state.legs.get(fact.leg_id)
    if department_id not in state.departments or leg is None or leg.was_taken or leg.place_id is not None:
        return NOTHING
    place_id = PlaceId(f"p.{fact.leg_id}")
    order = state.order.get(department_id, ())
    rank = (1, state.now_at, place_id)
    taken = PlaceTaken(
        place_id=place_id,
        department_id=department_id,
        pbx_id=fact.pbx_id,
        leg_id=fact.leg_id,
        caller=_caller(state, leg, fact),
        line=fact.line,
        joined_at=state.now_at,
        deadline_at=deadlines.deadline_at(state, department_id),
        position=(order.bisect_left(rank) if order else 0) + 1,
        is_internal=fact.is_internal,
        is_answered=fact.is_answered,
    )
    return Decision(facts=(taken,))


def _caller(state: QueueState, leg: Leg, fact: DepartmentReached) -> str | None:
    """The caller's number; None, too, if the leg had a number and has lost it to an erasure (V6).

    Routing may hear of the erasure later than queue, and still hand the call over with the number.
    """
    if leg.number is None and state.number_of(fact.caller, is_internal=fact.is_internal) is not None:
        return None
    return fact.caller


def decide_order_without_call(state: QueueState, fact: CallbackOrdered) -> Decision:
    """A callback that was not ordered in a call of this log has no place yet: it joins now (C11)."""
    if fact.department_id not in state.departments:
        passed = DeadlinePassed(
            place_id=fact.place_id, callback_id=fact.callback_id, deadline_at=fact.deadline_at
        )
        return Decision(facts=(passed,))
    order = state.order.get(fact.department_id, ())
    rank = (1, fact.joined_at, fact.place_id)
    taken = PlaceTaken(
        place_id=fact.place_id,
        department_id=fact.department_id,
        pbx_id=fact.pbx_id,
        leg_id=None,
        caller=fact.number,
        line=fact.caller_id,
        joined_at=fact.joined_at,
        deadline_at=fact.deadline_at,
        position=(order.bisect_left(rank) if order else 0) + 1,
        callback_id=fact.callback_id,
        origin=fact.origin,
    )
    return Decision(facts=(taken,))


def apply_taken(state: QueueState, fact: PlaceTaken) -> None:
    """Put the place and its timers; its joining time and deadline are fixed now (Q3, Q5)."""
    leg = state.legs.get(fact.leg_id)
    existing = None
    if fact.leg_id is not None:
        number = leg.number if leg else state.number_of(fact.caller, is_internal=fact.is_internal)
        customer = state.customers.of(number)
        existing = customers.place_to_announce(state, customer, fact.department_id)
    place = Place(
        fact.place_id,
        fact.department_id,
        fact.pbx_id,
        fact.leg_id,
        fact.caller,
        fact.line,
        fact.joined_at,
        fact.deadline_at,
        is_internal=fact.is_internal,
        is_answered=fact.is_answered or (leg is not None and leg.is_answered),
        existing_place_id=existing,
        hops=fact.place_id.count("+"),
        callback_id=fact.callback_id,
        origin=fact.origin,
        is_beyond_limit=existing is not None
        and waiting.is_full(state, fact.department_id)
        and not waiting.nobody_can_come(state, fact.department_id),
        ordered_at=None if fact.callback_id is None else state.now_at,
    )
    if place.callback_id is not None:
        place = quiet_hours.hold(state, customers.with_current_talk(state, place))
    state.places.put(place)
    if fact.leg_id is not None:
        known = leg or Leg(fact.leg_id, LegKind.CALLER, fact.pbx_id)
        is_answered = known.is_answered or fact.is_answered
        known = msgspec.structs.replace(
            known, place_id=fact.place_id, is_answered=is_answered, was_taken=True
        )
        state.legs.put(known)
    state.set_timer("deadline", fact.place_id, fact.deadline_at)
    if place.is_beyond_limit:
        state.set_timer("overflow", fact.place_id, Instant(state.now_at + announcements.TOLD_MS_MAX))
    announcements.schedule_invitation(state, place, state.now_at)


def decide_taken(state: QueueState, fact: PlaceTaken) -> Decision:
    """Answer the call and announce the position; act at once if too many wait (Q13)."""
    place = state.places.get(fact.place_id)
    if place is None or place.leg_id is None:  # a callback waits until its deadline, and no limit counts it
        return NOTHING
    first = _answer(state, place)
    department = state.departments[place.department_id].saved
    if waiting.nobody_can_come(state, place.department_id):
        return first
    # Who is beyond the limit with a callback is told of that first, however many others wait (C8).
    waiting_max = None if place.is_beyond_limit else department.waiting_max
    if waiting_max is not None and waiting.callers(state, place) > waiting_max:
        return together((first, no_answer.full(state, place)))
    return together((first, _announce(state, place)))


def _announce(state: QueueState, place: Place) -> Decision:
    """Announce the position now if the caller's leg is answered, otherwise as soon as it is."""
    if not place.is_answered:
        return NOTHING
    return announcements.passed_on(state, place) if place.hops > 0 else announcements.answered(state, place)


def _answer(state: QueueState, place: Place) -> Decision:
    if place.leg_id is None or place.is_answered:
        return NOTHING
    not_after = Instant(state.now_at + ring_plans.ANSWER_MS_MAX)
    return Decision(commands=(AnswerLeg(pbx_id=place.pbx_id, leg_id=place.leg_id, not_after=not_after),))
