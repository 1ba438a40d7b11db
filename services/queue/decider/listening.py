"""What people answer: a key on an agent's mobile, a caller's 1, and a play that was heard to its end."""

from typing import Final

from contracts.gateway import DigitsEntered, PlayFinished
from contracts.queue import CallbackJoined, CallbackRequested
from contracts.telephony import HangUp
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import answering, customers, ending, offers, telling
from services.queue.state import QueueState
from services.queue.state.records import LegKind, Phase, Place

ORDER_KEY: Final = "1"


def decide_digits(state: QueueState, fact: DigitsEntered) -> Decision:
    """A key on an agent's mobile accepts; a caller's first 1 orders, or takes the callback's place over."""
    leg = state.legs.get(fact.leg_id)
    if leg is None:
        return NOTHING
    if leg.kind is LegKind.AGENT:
        return answering.key_pressed(state, leg) if fact.digits else NOTHING
    place = state.places.get(leg.place_id) if leg.place_id is not None else None
    if place is None or not telling.can_be_told(place) or not fact.digits.startswith(ORDER_KEY):
        return NOTHING
    if place.callback_id is not None:
        return NOTHING
    if place.is_invited:  # the 1 answers the last question that was asked
        return _request(state, place)
    existing = state.places.get(place.existing_place_id) if place.existing_place_id else None
    if existing is None or not customers.tellable(state, existing):
        return NOTHING
    if existing.phase is Phase.WAITING:
        return customers.take_over(state, place, existing)
    return _join(state, place, existing)


def _join(state: QueueState, place: Place, existing: Place) -> Decision:
    """An agent is with the callback just now: callback brings the two together (C8)."""
    assert place.leg_id is not None
    assert existing.callback_id is not None
    fact = CallbackJoined(
        place_id=existing.place_id,
        new_place_id=place.place_id,
        callback_id=existing.callback_id,
        leg_id=place.leg_id,
    )
    return together((offers.withdraw_all(state, place, "taken_over"), Decision(facts=(fact,))))


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


def decide_play_finished(state: QueueState, fact: PlayFinished) -> Decision:
    """A notice before an action, a whisper before a bridge, or a goodbye was heard."""
    leg = state.legs.get(fact.leg_id)
    if leg is None:
        return NOTHING
    if leg.goodbye_play_id == fact.play_id:
        return Decision(commands=(HangUp(pbx_id=leg.pbx_id, leg_id=leg.leg_id, reason="caller_gone"),))
    place = state.places.get(leg.place_id) if leg.place_id is not None else None
    if place is None:
        return NOTHING
    if place.phase is Phase.NO_ANSWER:
        return ending.notice_finished(state, place, fact)
    return answering.play_finished(place, fact) if place.phase is Phase.ACCEPTED else NOTHING
