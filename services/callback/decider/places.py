"""How what queue says changes the state: orders asked for, legs that are accepted, agents who are ready."""

import msgspec

from contracts.callback import Origin
from contracts.ids import Instant, PlaceId
from contracts.message import Fact
from contracts.queue import (
    AgentReady,
    ApologyGranted,
    CallbackRequested,
    CallbackTakenOver,
    CustomerOnLine,
    DeadlinePassed,
    OfferAccepted,
    OfferReopened,
    PlaceAbandoned,
    PlaceConnected,
    PlaceDiverted,
)
from services.callback import rules
from services.callback.decider.changes import (
    ORDER_TIMER,
    can_start,
    change,
    close_order,
    go_on,
    take_leave,
    told,
)
from services.callback.state import CallbackState, Order, Phase, callback_id_of


def hear_queue(state: CallbackState, fact: Fact) -> None:
    """Fold a fact of queue into the state; what does not concern it changes nothing."""
    match fact:
        case CallbackRequested():
            _hear_callback_requested(state, fact)
        case CallbackTakenOver():
            _hear_taken_over(state, fact)
        case OfferAccepted():
            _hear_accepted(state, fact)
        case OfferReopened():
            _hear_reopened(state, fact)
        case AgentReady():
            _hear_agent_ready(state, fact)
        case PlaceConnected() | PlaceDiverted() | PlaceAbandoned():
            _leave_leg_to_queue(state, fact.place_id)
        case DeadlinePassed():
            _hear_deadline_passed(state, fact)
        case CustomerOnLine():
            _hear_on_line(state, fact)
        case ApologyGranted():
            _hear_granted(state, fact)
        case _:
            pass


def _hear_taken_over(state: CallbackState, fact: CallbackTakenOver) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and callback.phase is Phase.WAITING:
        change(
            state,
            told(state, callback, "taken_over", leg_id=fact.leg_id),
            order_leg_id=fact.leg_id,
            joined_at=fact.joined_at or callback.joined_at,
            deadline_at=fact.deadline_at or callback.deadline_at,
            origin=Origin.QUEUE,
        )


def _hear_on_line(state: CallbackState, fact: CustomerOnLine) -> None:
    """The customer has called in, or an agent has the customer: no apology now, and no dial (C15)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    if callback.phase is Phase.APOLOGY_DUE:
        change(state, callback, is_apology_ready=False)
    elif callback.phase in (Phase.WHISPERING, Phase.DIALLING) and fact.leg_id is not None:
        change(state, told(state, callback, "customer_on_line", leg_id=fact.leg_id), live_leg_id=fact.leg_id)


def _hear_granted(state: CallbackState, fact: ApologyGranted) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and callback.phase is Phase.APOLOGY_DUE:
        change(state, callback, is_apology_ready=True)


def _hear_accepted(state: CallbackState, fact: OfferAccepted) -> None:
    order = state.order_about(fact.place_id)
    if order is not None:
        state.orders.put(msgspec.structs.replace(order, is_accepted=True))
    callback = state.callback_of(fact.place_id)
    if callback is not None:
        state.callbacks.put(told(state, callback, "offer_accepted", agent_id=fact.agent_id))


def _hear_reopened(state: CallbackState, fact: OfferReopened) -> None:
    order = state.order_about(fact.place_id)
    if order is not None and order.is_accepted:
        go_on(state, order, is_accepted=False)


def _hear_agent_ready(state: CallbackState, fact: AgentReady) -> None:
    callback = state.callbacks.get(fact.callback_id)
    is_known = callback is not None and callback.agent_leg_id == fact.leg_id
    if not is_known and (callback is None or not can_start(callback)):
        take_leave(state, fact.leg_id, fact.pbx_id)


def _hear_deadline_passed(state: CallbackState, fact: DeadlinePassed) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and callback.phase in (Phase.WAITING, Phase.HELD):
        state.callbacks.put(told(state, callback, "deadline_passed"))


def _leave_leg_to_queue(state: CallbackState, place_id: PlaceId) -> None:
    order = state.order_about(place_id)
    if order is not None:
        close_order(state, order.leg_id)


def _hear_callback_requested(state: CallbackState, fact: CallbackRequested) -> None:
    if fact.leg_id in state.orders or callback_id_of(fact.place_id) in state.callbacks:
        return
    order = Order(
        fact.leg_id,
        fact.place_id,
        fact.department_id,
        fact.pbx_id,
        fact.caller,
        fact.line,
        fact.joined_at,
        fact.deadline_at,
    )
    state.orders.put(order)
    state.set_timer(ORDER_TIMER, fact.leg_id, Instant(state.now_at + rules.ORDER_STEP_MS_MAX))
