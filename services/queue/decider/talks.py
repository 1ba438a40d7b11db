"""One customer who waits in several departments (E-30): two places, and one conversation at a time.

While an agent talks to a number, or is being brought together with it, no callback to that number is offered;
what rings for one stops. Afterwards it is offered, with whom the customer has talked to meanwhile.
"""

import msgspec

from contracts.ids import AgentId, DepartmentId, PlaceId
from contracts.queue import OfferWithdrawn, TalkedBefore, WrapUpStarted
from runtime.decision import Decision, together
from services.queue.decider import ending, offering, offers
from services.queue.state import QueueState
from services.queue.state.records import Place

ENGAGED = "customer_engaged"
"""Why an offer is withdrawn whose customer has just been taken by another department's agent."""


def customer_of(state: QueueState, place: Place) -> str | None:
    """The number by which a customer is known in other departments; a colleague has none."""
    if place.caller is None or place.is_internal:
        return None
    return state.number_of(place.caller)


def let_go(state: QueueState, agent_id: AgentId) -> None:
    """An agent's call is over; `decide` still sees whose it was."""
    number = state.line(agent_id).customer
    if number is None:
        state.let_go.pop(agent_id, None)
    else:
        state.let_go[agent_id] = number


def elsewhere(state: QueueState, place: Place) -> Decision:
    """An agent takes this customer: other departments ring nobody for a callback to that number."""
    number = customer_of(state, place)
    others = (state.places[each] for each in _others(state, number, place.place_id))
    return together(
        offers.end(state, offer_id, OfferWithdrawn, reason=ENGAGED)
        for other in others
        if other.leg_id is None
        for offer_id in other.offers
    )


def _others(state: QueueState, number: str | None, but: PlaceId) -> tuple[PlaceId, ...]:
    return () if number is None else tuple(each for each in state.places_of(number) if each != but)


def afterwards(state: QueueState, agent_id: AgentId, departments: tuple[DepartmentId, ...] = ()) -> Decision:
    """A conversation is over: that number's callbacks may be offered, or have met their deadline.

    They are served together with what the agent can take now: two servings would offer one agent twice.
    """
    number = state.let_go.get(agent_id)
    places = [] if number is None else [state.places[each] for each in state.places_of(number)]
    departments = (*departments, *(place.department_id for place in places))
    late = (ending.if_late(state, place) for place in places)
    return together((*late, offering.serve(state, departments)))


def decide_wrap_up(state: QueueState, fact: WrapUpStarted) -> Decision:
    """The agent makes notes; the customer may be called again."""
    return afterwards(state, fact.agent_id)


def note_talk(state: QueueState, agent_id: AgentId, department_id: DepartmentId | None, but: PlaceId) -> None:
    """They are bridged: other departments' agents shall know of it when their turn comes."""
    if department_id is None:
        return
    talked = TalkedBefore(department_id=department_id, at=state.now_at)
    for place_id in _others(state, state.line(agent_id).customer, but):
        state.places.put(msgspec.structs.replace(state.places[place_id], talked_before=talked))


def joined(state: QueueState, place: Place) -> Place:
    """A callback's place that comes while its customer talks to a department knows of that, too."""
    for agent_id in sorted(state.engaged.get(place.caller or "", ())):
        line = state.line(agent_id)
        if line.connected_at is not None and line.department_id is not None:
            talked = TalkedBefore(department_id=line.department_id, at=line.connected_at)
            return msgspec.structs.replace(place, talked_before=talked)
    return place
