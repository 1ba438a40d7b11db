"""Erasure of a customer (V6): calls and places go on without the number; callback ends open callbacks.

Routing may hear of it later, and hand a call over with the number: see `arrival`.
"""

from contracts import queue as said
from contracts.erasure import counted
from contracts.history import CustomerErased
from runtime.decision import NOTHING, Decision
from services.queue.state import QueueState


def apply_erased(state: QueueState, fact: CustomerErased) -> None:
    """Forget the number in every record; whoever is on the line counts as withheld from now on.

    A callback without a number waits for callback's word: no agent is rung for it, its deadline leads to
    nothing, and its apology is not granted.
    """
    places = legs = activities = apologies = 0
    for place in tuple(state.places):
        if place.caller is not None and state.number_of(place.caller, is_internal=False) == fact.number:
            state.places.change(place, caller=None)
            places += 1
    for leg in tuple(state.legs):
        if leg.number == fact.number:
            state.legs.change(leg, number=None)
            legs += 1
    for activity in tuple(state.activities):
        if activity.customer == fact.number:
            state.activities.change(activity, customer=None)
            activities += 1
    for apology in tuple(state.apologies):
        if apology.number == fact.number:
            state.apologies.change(apology, number=None)
            apologies += 1
    state.erased = counted(places=places, legs=legs, talks=activities, apologies=apologies)


def decide_erased(state: QueueState, fact: CustomerErased) -> Decision:
    """Answer for it."""
    if not fact.erasure_id:
        return NOTHING
    return Decision(facts=(said.NumberErased(erasure_id=fact.erasure_id, erased=state.erased),))
