"""Keys: on an agent's mobile any key accepts; a caller presses 1."""

from typing import Final

from contracts.callback import JoinRefused
from contracts.gateway import DigitsEntered
from contracts.queue import CallbackRequested
from runtime.decision import NOTHING, Decision
from services.queue.decider import announcements, answering, customers
from services.queue.state import QueueState
from services.queue.state.records import LegKind, Phase, Place

ORDER_KEY: Final = "1"


def decide_digits(state: QueueState, fact: DigitsEntered) -> Decision:
    """An agent's key accepts; a caller's 1 orders a callback, or takes over the standing callback's place."""
    leg = state.legs.get(fact.leg_id)
    if leg is None:
        return NOTHING
    if leg.kind is LegKind.AGENT:
        return answering.key_pressed(state, leg) if fact.digits else NOTHING
    place = state.places.get(leg.place_id)
    if place is None or not announcements.can_announce(place) or not fact.digits.startswith(ORDER_KEY):
        return NOTHING
    if place.callback_id is not None:
        return NOTHING
    if place.is_invited:  # the 1 answers the question that was asked last
        return _request(state, place)
    return NOTHING if place.existing_place_id is None else _take(state, place)


def _take(state: QueueState, place: Place) -> Decision:
    """The caller wants the callback's place that was announced; the key is answered in any case (C8)."""
    existing = state.places.get(place.existing_place_id)
    if existing is None or not customers.is_announced(state, existing):
        return announcements.key_came_too_late(state, place)
    if existing.phase is Phase.WAITING:
        return customers.take_over(state, place, existing)
    return customers.join_attempt(state, place, existing)


def decide_join_refused(state: QueueState, fact: JoinRefused) -> Decision:
    """The agent is no longer with the callback: the caller takes its place over, or both wait on."""
    place, existing = state.places.get(fact.new_place_id), state.places.get(fact.place_id)
    if place is None or place.leg_id is None or place.phase is not Phase.WAITING:
        return NOTHING
    is_waiting = existing is not None and existing.phase is Phase.WAITING and existing.leg_id is None
    if existing is not None and is_waiting and existing.callback_id:
        return customers.take_over(state, place, existing)
    return announcements.key_came_too_late(state, place)


def _request(state: QueueState, place: Place) -> Decision:
    assert place.leg_id is not None
    fact = CallbackRequested(
        place_id=place.place_id,
        department_id=place.department_id,
        pbx_id=place.pbx_id,
        leg_id=place.leg_id,
        caller=place.caller,
        line=place.line,
        joined_at=place.joined_at,
        deadline_at=place.deadline_at,
    )
    return Decision(facts=(fact,))
