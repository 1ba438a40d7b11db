"""A customer who has several places or calls: one conversation at a time (C8, C14, C15, EC-30).

While a leg of a number is up, or an agent is being connected to it, no callback to that number is offered, no
apology is granted, and phones that ring for one stop. An agent who is with a callback just then stays:
callback hears of the customer's own call, and a key connects the two.
"""

from typing import Final, NamedTuple

import msgspec

from contracts.callback import (
    ApologyDialled,
    ApologyFailed,
    ApologyQueued,
    CustomerDialled,
    Origin,
)
from contracts.directory import CallbackKeepAsked
from contracts.gateway import CallArrived
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, LegId, PlaceId
from contracts.log import TimerDue
from contracts.queue import (
    ApologyGranted,
    CallbackJoined,
    CallbackTakenOver,
    CustomerOnLine,
    CustomerTalked,
    DeadlinePassed,
    OfferWithdrawn,
    TalkedBefore,
)
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import offer_records, place_end
from services.queue.state import QueueState
from services.queue.state.customers import Customer
from services.queue.state.records import AgentActivity, Apology, Leg, LegKind, Phase, Place

ENGAGED: Final = "customer_engaged"
"""Why an offer is withdrawn: its customer is on the line, or talks to another department's agent."""
ON_LINE: Final = "customer_on_line"
"""Why a deadline led to no apology: the customer was on the line for too long after it."""
RUNNING: Final = (Phase.ACCEPTED, Phase.WITH_CALLBACK)
"""Phases in which an agent is with the callback."""
STANDING: Final = (Phase.WAITING, Phase.EXPIRED, *RUNNING)
"""Phases in which the customer may still be called for the callback."""
CALM_MS: Final = 60_000
"""C15: no apology call within this time after the customer's last call."""


# A leg of the customer comes up, or an agent takes the customer elsewhere.


def decide_arrived(state: QueueState, fact: CallArrived) -> Decision:
    """The customer calls in: offers of callbacks to that number stop, and callback hears of the call."""
    leg = state.legs.get(fact.leg_id)
    if leg is None or leg.number is None or leg.place_id is not None:
        return NOTHING
    return _stop_others(state, state.customers.of(leg.number), None, leg)


def withdraw_elsewhere(state: QueueState, place: Place) -> Decision:
    """An agent takes this customer: other departments' offers of callbacks to that number stop."""
    return _stop_others(state, state.customers.of(state.number_of_place(place)), place.place_id, None)


def _stop_others(state: QueueState, customer: Customer, but: PlaceId | None, leg: Leg | None) -> Decision:
    leg_id = None if leg is None else leg.leg_id
    others = [each for each in state.callbacks_of(customer) if each.place_id != but]
    withdrawn = (
        offer_records.end(state, offer_id, OfferWithdrawn, reason=ENGAGED)
        for other in others
        if other.leg_id is None
        for offer_id in other.offers
    )
    on_line = [
        CustomerOnLine(place_id=other.place_id, callback_id=other.callback_id, leg_id=leg_id)
        for other in others
        if leg is not None and other.phase is Phase.WITH_CALLBACK and other.callback_id is not None
    ]
    for callback_id in sorted(customer.granted):
        apology = state.apologies[callback_id]
        answered = state.legs.get(apology.leg_id)
        if apology.place_id != but and not (answered is not None and answered.is_answered):
            on_line.append(CustomerOnLine(place_id=apology.place_id, callback_id=callback_id, leg_id=leg_id))
    return together((*withdrawn, Decision(facts=tuple(on_line))))


def withdraw_if_engaged(state: QueueState, place: Place) -> Decision:
    """Withdraw a callback's offers if its customer is on another line."""
    return offer_records.withdraw_all(state, place, ENGAGED) if state.is_engaged(place) else NOTHING


def on_another_line(state: QueueState, place: Place) -> tuple[CustomerOnLine, ...]:
    """Tell callback, as it gets an agent for this place, that the customer is on another line."""
    if place.callback_id is None or not state.is_engaged(place):
        return ()
    legs = state.customers.of(place.caller).legs
    leg_id = min((each for each, place_id in legs if place_id != place.place_id), default=None)
    return (CustomerOnLine(place_id=place.place_id, callback_id=place.callback_id, leg_id=leg_id),)


def apply_on_line(state: QueueState, fact: CustomerOnLine) -> None:
    """The apology is no longer granted; it is due again once no call of the customer stands against it."""
    apology = state.apologies.get(fact.callback_id)
    if apology is not None:
        state.apologies.change(apology, is_granted=False, is_due=True)


# Legs that callback dials.


def apply_dialled(state: QueueState, fact: CustomerDialled) -> None:
    """The customer is being called: the number is engaged until the leg has ended."""
    place = state.places.get(fact.place_id)
    if place is not None:
        leg = Leg(fact.leg_id, LegKind.CUSTOMER, place.pbx_id, place.place_id, number=place.caller)
        _put_dialled(state, leg)


def _put_dialled(state: QueueState, leg: Leg) -> None:
    """Put a leg that callback dials, unless it was over before callback spoke of it."""
    if state.early_ends.take(leg.leg_id):
        begin_calm(state, leg.number)
    else:
        state.legs.put(leg)


def apply_apology_wanted(state: QueueState, fact: ApologyQueued | ApologyFailed) -> None:
    """Note when callback wants to make an apology call; without an instant there is no further try."""
    known = state.apologies.get(fact.callback_id)
    if isinstance(fact, ApologyQueued):
        place = state.places.get(fact.place_id)
        number = fact.number or (None if place is None else place.caller)
        known = Apology(fact.callback_id, fact.place_id, number)
    due_at = fact.due_at if isinstance(fact, ApologyQueued) else fact.next_attempt_at
    if known is None or due_at is None:
        return
    # After a call of the customer the apology still waits for the end of its minute (C15).
    is_calm = f"apology/{fact.callback_id}" in state.timers
    is_due = due_at <= state.now_at and not is_calm
    state.apologies.change(known, is_due=is_due, is_granted=False)
    if due_at > state.now_at:
        state.set_timer("apology", fact.callback_id, due_at)


def apply_apology_due(state: QueueState, due: TimerDue) -> None:
    apology = state.apologies.get(due.subject)
    if apology is not None:
        state.apologies.change(apology, is_due=True)


def granted(state: QueueState, callback_id: CallbackId) -> ApologyGranted:
    """Allow this apology to be dialled."""
    apology = state.apologies[callback_id]
    return ApologyGranted(place_id=apology.place_id, callback_id=callback_id)


def apply_granted(state: QueueState, fact: ApologyGranted) -> None:
    """While this apology is granted, no other one to that number is."""
    apology = state.apologies[fact.callback_id]
    state.apologies.change(apology, is_granted=True, is_due=False)


def apply_apology_dialled(state: QueueState, fact: ApologyDialled) -> None:
    apology = state.apologies.get(fact.callback_id)
    if apology is None:
        return
    state.apologies.change(apology, leg_id=fact.leg_id)
    place = state.places.get(apology.place_id)
    if place is not None:
        leg = Leg(fact.leg_id, LegKind.CUSTOMER, place.pbx_id, place.place_id, number=apology.number)
        _put_dialled(state, msgspec.structs.replace(leg, is_apology=True))


def drop_apology(state: QueueState, callback_id: CallbackId) -> None:
    """Forget the apology of a callback that has ended."""
    state.apologies.drop(callback_id)
    state.drop_timer("apology", callback_id)


# A leg of the customer ends.


def begin_calm(state: QueueState, number: str | None) -> None:
    """Deadlines and apologies that waited for this call act no sooner than a minute after it (C15)."""
    customer = state.customers.of(number)
    if customer.legs:
        return
    calm_until_at = Instant(state.now_at + CALM_MS)
    for place in state.callbacks_of(customer):
        if place.is_late and place.phase is Phase.WAITING and place.leg_id is None:
            state.places.change(place, calm_until_at=calm_until_at)
            state.set_timer("calm", place.place_id, calm_until_at)
    for callback_id in sorted(customer.apologies):
        apology = state.apologies[callback_id]
        if apology.is_due and not apology.is_granted:
            state.apologies.change(apology, is_due=False)
            state.set_timer("apology", callback_id, calm_until_at)


def apply_calm_over(state: QueueState, due: TimerDue) -> None:
    """A minute has passed since the customer's call."""
    place = state.places.get(due.subject)
    if place is not None:
        state.places.change(place, calm_until_at=None)


def decide_patience_over(state: QueueState, due: TimerDue) -> Decision:
    """The deadline has waited long enough for another call of the customer: no apology (C15)."""
    place = state.places.get(due.subject)
    if place is None or place.callback_id is None or place.phase is not Phase.WAITING:
        return NOTHING
    if not place.is_late or not (state.is_engaged(place) or place.calm_until_at is not None):
        return NOTHING
    passed = DeadlinePassed(
        place_id=place.place_id,
        callback_id=place.callback_id,
        deadline_at=place.deadline_at,
        reason=ON_LINE,
    )
    return Decision(facts=(passed,))


# Conversations.


def note_talk(state: QueueState, agent_id: AgentId, department_id: DepartmentId | None, but: PlaceId) -> None:
    """Note the conversation on the customer's callbacks in other departments, for their agents (EC-30)."""
    if department_id is None:
        return
    talked = TalkedBefore(department_id=department_id, at=state.now_at)
    for place in state.callbacks_of(state.customers.of(state.activity(agent_id).customer)):
        if place.place_id != but and place.department_id != department_id:
            state.places.change(place, talked_before=talked)


def with_current_talk(state: QueueState, place: Place) -> Place:
    """The place with a note of the conversation that its customer has with another department just now."""
    for agent_id in sorted(state.customers.of(place.caller).agents):
        activity = state.activity(agent_id)
        if activity.connected_at is not None and activity.department_id not in (None, place.department_id):
            talked = TalkedBefore(department_id=activity.department_id, at=activity.connected_at)
            return msgspec.structs.replace(place, talked_before=talked)
    return place


class Talk(NamedTuple):
    """A conversation that has just ended."""

    activity: AgentActivity
    number: str
    bridged_at: Instant
    agent_leg_id: LegId
    leg_id: LegId
    departments: tuple[DepartmentId, ...]


def talk_over(state: QueueState, leg: Leg) -> Decision:
    """What follows when the first leg of a department's conversation has ended (C14)."""
    peer = state.legs.get(leg.peer_leg_id)
    agents = leg if leg.kind is LegKind.AGENT else peer
    customers = peer if leg.kind is LegKind.AGENT else leg
    if peer is None or agents is None or agents.agent_id is None or customers is None:
        return NOTHING
    activity = state.activity(agents.agent_id)
    if activity.connected_at is None or activity.department_id is None or activity.customer is None:
        return NOTHING
    departments = (activity.department_id,)
    return talked(
        state,
        Talk(
            activity, activity.customer, activity.connected_at, agents.leg_id, customers.leg_id, departments
        ),
    )


def talked(state: QueueState, talk: Talk) -> Decision:
    """End callbacks of the conversation's departments to that customer, who has been served (C14)."""
    if talk.activity.keeps_callback:
        return NOTHING
    found = []
    for place in state.callbacks_of(state.customers.of(talk.number)):
        if place.department_id not in talk.departments or place.leg_id is not None:
            continue
        since_at = max(talk.bridged_at, place.ordered_at or talk.bridged_at)
        talk_ms_min = state.departments[place.department_id].saved.callback.talk_ms_min
        if place.phase not in STANDING or state.now_at - since_at < talk_ms_min:
            continue
        assert place.callback_id is not None
        found.append(
            CustomerTalked(
                place_id=place.place_id,
                callback_id=place.callback_id,
                agent_id=talk.activity.agent_id,
                agent_leg_id=talk.agent_leg_id,
                leg_id=talk.leg_id,
                bridged_at=talk.bridged_at,
                talk_place_id=talk.activity.talk_place_id,
            )
        )
    return Decision(facts=tuple(found))


def apply_talked(state: QueueState, fact: CustomerTalked) -> None:
    """The place waits until callback ends it, or the attempt that runs."""
    place = state.places[fact.place_id]
    if place.phase not in RUNNING:
        place_end.drop_timers(state, place)
        state.places.change(place, phase=Phase.EXPIRED)


def apply_keep_asked(state: QueueState, fact: CallbackKeepAsked) -> None:
    """The agent wants the customer's callback to stand (C14)."""
    if fact.by is not None:
        state.activities.change(state.activity(fact.by), keeps_callback=True)


# The key that takes a callback's place.


def is_announced(state: QueueState, place: Place) -> bool:
    """Whether a caller of that number is told of this callback's place: it waits, or an agent has it.

    The callback of an abandoned call is not mentioned: the caller gets a new place, and the callback is void
    (C11).
    """
    is_there = place.phase in (Phase.WAITING, Phase.WITH_CALLBACK)
    is_callbacks = place.leg_id is None and place.callback_id is not None
    return is_there and is_callbacks and place.origin is not Origin.ABANDONED


def place_to_announce(state: QueueState, customer: Customer, department_id: DepartmentId) -> PlaceId | None:
    """The place of the customer's callback in a department, if a caller is told of it, or None (C8)."""
    return next(
        (
            place.place_id
            for place in state.callbacks_of(customer)
            if place.department_id == department_id and is_announced(state, place)
        ),
        None,
    )


def take_over(state: QueueState, place: Place, existing: Place) -> Decision:
    """The caller in `place` takes the callback's place on this line (C8)."""
    assert place.leg_id is not None
    assert existing.callback_id is not None
    fact = CallbackTakenOver(
        place_id=existing.place_id,
        new_place_id=place.place_id,
        callback_id=existing.callback_id,
        leg_id=place.leg_id,
        joined_at=Instant(min(place.joined_at, existing.joined_at)),
        deadline_at=Instant(max(place.deadline_at, existing.deadline_at)),
    )
    return together((offer_records.withdraw_all(state, place, "taken_over"), Decision(facts=(fact,))))


def join_attempt(state: QueueState, place: Place, existing: Place) -> Decision:
    """An agent is with the callback just now: ask callback to connect the two (C8)."""
    assert place.leg_id is not None
    assert existing.callback_id is not None
    fact = CallbackJoined(
        place_id=existing.place_id,
        new_place_id=place.place_id,
        callback_id=existing.callback_id,
        leg_id=place.leg_id,
    )
    return together((offer_records.withdraw_all(state, place, "taken_over"), Decision(facts=(fact,))))
