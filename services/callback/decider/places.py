"""Places that end in the queue: connected by queue itself, diverted to the no-answer action, or abandoned.

A conversation about an order ends with its place. An order on a leg that was connected or diverted is void.
"""

from contracts.queue import PlaceAbandoned, PlaceConnected, PlaceDiverted
from runtime.decision import NOTHING, Decision
from services.callback.decider import abandoned_calls, apologies, endings
from services.callback.state import CallbackState
from services.callback.state.records import Phase


def apply_ended(state: CallbackState, fact: PlaceConnected | PlaceDiverted | PlaceAbandoned) -> None:
    order = state.order_about(fact.place_id)
    if order is not None:
        state.close_order(order.leg_id)


def decide_connected(state: CallbackState, fact: PlaceConnected) -> Decision:
    """Queue has bridged the customer: a held one is connected, and an order made on this leg is void."""
    callback = state.callback_of(fact.place_id)
    if callback is None:
        return NOTHING
    if callback.phase is Phase.HELD:
        return endings.connected(
            state, callback, fact.agent_id, fact.agent_leg_id, fact.leg_id, fact.recording_id
        )
    return endings.cancelled(state, callback, "talked_on_ordering_leg")


def decide_diverted(state: CallbackState, fact: PlaceDiverted) -> Decision:
    """The caller got the no-answer action on the line, which makes the order void."""
    callback = state.callback_of(fact.place_id)
    if callback is None or callback.phase is not Phase.WAITING:
        return NOTHING
    return endings.cancelled(state, callback, "diverted")


def decide_abandoned(state: CallbackState, fact: PlaceAbandoned) -> Decision:
    """The caller has left: a callback that holds the place owes an apology; without one C11 may order one."""
    callback = state.callback_of(fact.place_id)
    if callback is None:
        return abandoned_calls.order(state, fact)
    return apologies.decide_nobody_came(state, callback) if callback.phase is Phase.WAITING else NOTHING
