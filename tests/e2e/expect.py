"""A connected callback's facts on the log: the same on every broker, whichever service was killed."""

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from tests.e2e.company import Company


def in_order(steps: dict[str, int]) -> None:
    """The steps stand on the log in this order."""
    assert list(steps) == sorted(steps, key=lambda step: steps[step]), steps


def agent_first(company: Company, customer: str) -> c.CallbackConnected:
    """C2, C3: the place is kept, the agent's leg is up before the customer's is dialled, both are bridged."""
    place = company.place(customer)
    order = company.one(c.CallbackOrdered, number=company.phone(customer))
    end = company.one(c.CallbackConnected, callback_id=order.callback_id)
    dialled = company.one(c.CustomerDialled, leg_id=end.leg_id)
    asked = company.one(g.LegRequested, leg_id=end.leg_id)
    in_order(
        {
            "place taken": company.offset(q.PlaceTaken, place_id=place.place_id),
            "asked for": company.offset(q.CallbackRequested, place_id=place.place_id),
            "ordered": company.offset(c.CallbackOrdered, callback_id=order.callback_id),
            "the agent is dialled": company.offset(g.LegRequested, leg_id=end.agent_leg_id),
            "the agent answered": company.offset(g.LegAnswered, leg_id=end.agent_leg_id),
            "accepted": company.offset(q.OfferAccepted, leg_id=end.agent_leg_id),
            "the customer is dialled": company.offset(g.LegRequested, leg_id=end.leg_id),
            "the customer answered": company.offset(g.LegAnswered, leg_id=end.leg_id),
            "bridged": company.offset_of_bridge(end.agent_leg_id, end.leg_id),
            "connected": company.offset(c.CallbackConnected, callback_id=order.callback_id),
            "the place ended": company.offset(q.PlaceClosed, place_id=place.place_id),
        }
    )
    # A step's commands are sent before its facts: the gateway may have dialled before this stands on the log.
    assert company.offset(q.OfferAccepted, leg_id=end.agent_leg_id) < company.offset(
        c.CustomerDialled, leg_id=end.leg_id
    )
    kept = (place.place_id, place.joined_at, place.deadline_at)
    assert (order.place_id, order.joined_at, order.deadline_at) == kept
    assert (dialled.agent_id, dialled.agent_leg_id) == (end.agent_id, end.agent_leg_id)
    assert asked.address == f"tel:{company.phone(customer)}"
    assert company.offset(g.LegEnded, leg_id=place.leg_id) < company.offset(g.LegRequested, leg_id=end.leg_id)
    assert end.story
    return end
