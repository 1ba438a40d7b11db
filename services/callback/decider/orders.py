"""Orders: a callback is ordered, confirmed once more, given another number, or refused (C1, C8, C10).

The facts of an order made on the line also move its conversation one step on (`order_conversation`).
"""

from typing import Any, Final

from contracts.callback import CallbackConfirmed, CallbackOrdered, CallbackRefused, NumberChanged, Origin
from contracts.dialling import Refusal
from contracts.directory import CallbackSettings
from contracts.ids import CallbackId, Instant, LegId, PbxId, PlaceId, PlayId
from contracts.telephony import Play
from runtime.decision import Decision, together
from services.callback import rules
from services.callback.decider import customer_calls_in, dials, endings, order_limits, spoken_texts
from services.callback.decider.story import with_line
from services.callback.state import CallbackState, callback_id_of
from services.callback.state.records import PROMISED, Callback, Department, Order, OrderPhase, Phase

NO_SETTINGS: Final = CallbackSettings()
"""For an order of a department that is not known any more."""


def next_play_id(order: Order) -> PlayId:
    """The name of the next thing said in a conversation."""
    return PlayId(f"{order.leg_id}.order{order.plays + 1}")


def go_on(state: CallbackState, order: Order, **fields: Any) -> None:
    """The next step of a conversation: something is said, and an answer awaited."""
    fields.setdefault("play_id", next_play_id(order))
    state.orders.change(order, plays=order.plays + 1, **fields)
    await_answer(state, order.leg_id)


def await_answer(state: CallbackState, leg_id: LegId) -> None:
    """Set the timer of a conversation's step."""
    state.set_timer("order", leg_id, Instant(state.now_at + rules.ORDER_STEP_MS_MAX))


def read_back(state: CallbackState, order: Order, number: str, play_id: PlayId) -> Play:
    """Read the number of the order back to the caller."""
    media = spoken_texts.order_taken(state, order.department_id, number)
    return spoken_texts.play(order.pbx_id, order.leg_id, play_id, media, barge_in=True)


def take(state: CallbackState, order: Order, number: str) -> Decision:
    """Take the order of a caller, confirm the one there is, or say why neither (C8, C10)."""
    known = state.callbacks_to(order.department_id, number)
    promised = next((each for each in known if each.phase in PROMISED), None)
    if promised is not None:
        return confirm(state, order, promised)
    if state.now_at >= order.deadline_at:
        return refuse(state, order, Refusal.NO_TIME_LEFT)
    reason = order_limits.refusal(state, order.department_id, number)
    if reason is not None:
        return refuse(state, order, reason)
    # A customer who orders anew while an apology is still to be called needs no apology for the old order.
    replaced = (each for each in known if each.phase in (Phase.APOLOGY_DUE, Phase.APOLOGY_DIALLED))
    endings_first = together(endings.cancelled(state, each, "ordered_again") for each in replaced)
    return together((endings_first, _take_new(state, order, number)))


def _take_new(state: CallbackState, order: Order, number: str) -> Decision:
    confirmation_id = next_play_id(order)
    ordered = CallbackOrdered(
        callback_id=callback_id_of(order.place_id),
        place_id=order.place_id,
        department_id=order.department_id,
        pbx_id=order.pbx_id,
        number=number,
        caller_id=dials.shown_number(state, order.pbx_id, order.department_id, order.line),
        joined_at=order.joined_at,
        deadline_at=order.deadline_at,
        leg_id=order.leg_id,
        confirmation_play_id=confirmation_id,
        is_alarm=order_limits.is_alarm(state),
    )
    command = read_back(state, order, number, confirmation_id)
    return Decision(facts=(ordered,), commands=(command,))


def take_without_place(
    state: CallbackState,
    department: Department,
    number: str,
    *,
    callback_id: CallbackId,
    place_id: PlaceId,
    origin: Origin,
    pbx_id: PbxId,
    caller_id: str,
    abandoned_place_id: PlaceId | None = None,
    joined_at: Instant | None = None,
) -> Decision:
    """Take an order that was not made in a call: queue has yet to take a place for it (C11).

    The customer has waited since `joined_at`, or from now on.
    """
    ordered = CallbackOrdered(
        callback_id=callback_id,
        place_id=place_id,
        department_id=department.department_id,
        pbx_id=pbx_id,
        number=number,
        caller_id=caller_id,
        joined_at=state.now_at if joined_at is None else joined_at,
        deadline_at=Instant(state.now_at + department.no_answer_ms),
        leg_id=None,
        origin=origin,
        abandoned_place_id=abandoned_place_id,
        is_alarm=order_limits.is_alarm(state),
    )
    return Decision(facts=(ordered,))


def apply_ordered(state: CallbackState, fact: CallbackOrdered) -> None:
    department = state.departments.get(fact.department_id)
    settings = NO_SETTINGS if department is None else department.settings
    callback = Callback(
        fact.callback_id,
        fact.place_id,
        fact.department_id,
        fact.pbx_id,
        fact.number,
        fact.caller_id,
        fact.joined_at,
        fact.deadline_at,
        state.now_at,
        # C11: one attempt for a customer who has not asked for any.
        1 if fact.origin is Origin.ABANDONED else settings.attempts_max,
        settings.attempt_gap_ms,
        settings.ring_ms,
        order_leg_id=fact.leg_id,
        origin=fact.origin,
    )
    if fact.leg_id is None:
        order_limits.note_web_order(state, fact.callback_id)
    state.callbacks.put(with_line(state, callback, "ordered", leg_id=fact.leg_id, reason=fact.origin))
    order_limits.count(state, fact.department_id, fact.number)
    order = state.order_on(fact.leg_id)
    if order is not None:
        go_on(
            state,
            order,
            phase=OrderPhase.READ_BACK,
            callback_id=fact.callback_id,
            number=fact.number,
            play_id=fact.confirmation_play_id,
        )


def confirm(state: CallbackState, order: Order, first: Callback) -> Decision:
    """Two claims of one customer become one: the earlier joining time, with its deadline (C8).

    If an agent is here for the first one, the customer is brought together with that agent at once.
    """
    if first.phase in customer_calls_in.JOINABLE and not order.is_accepted:
        return customer_calls_in.join(state, first, leg_id=order.leg_id, new_place_id=order.place_id)
    earlier = min((first.joined_at, first.deadline_at), (order.joined_at, order.deadline_at))
    if first.order_leg_id is not None:  # somebody is on the line for it, with the later deadline
        earlier = (earlier[0], first.deadline_at)
    confirmed = CallbackConfirmed(
        callback_id=first.callback_id,
        place_id=first.place_id,
        new_place_id=order.place_id,
        leg_id=order.leg_id,
        joined_at=earlier[0],
        deadline_at=earlier[1],
    )
    command = read_back(state, order, first.number, next_play_id(order))
    return Decision(facts=(confirmed,), commands=(command,))


def apply_confirmed(state: CallbackState, fact: CallbackConfirmed) -> None:
    """Asked for again by the API, or ordered again on the line; a leg without an order changes nothing."""
    first = state.callbacks.get(fact.callback_id)
    if fact.asked_id is not None:
        order_limits.note_web_order(state, fact.asked_id)
    else:
        order = state.order_on(fact.leg_id)
        if order is None:
            return
        if first is not None and _takes_leg(first):
            # Of an earlier call about that place, whose end came before its order, nothing more is heard.
            earlier = state.order_about(first.place_id)
            state.close_order(None if earlier is None else earlier.leg_id)
        go_on(
            state,
            order,
            phase=OrderPhase.READ_BACK,
            callback_id=fact.callback_id,
            number=order.number if first is None else first.number,
            place_id=first.place_id if first is not None and _takes_leg(first) else order.place_id,
        )
    if first is not None:
        _merge(state, first, fact)


def _merge(state: CallbackState, first: Callback, fact: CallbackConfirmed) -> None:
    """Two claims become one (C8); merged with the customer's own call it is the customer's own (C12)."""
    is_own_call = fact.leg_id is not None
    reason = "" if is_own_call else Origin.API
    state.callbacks.change(
        with_line(state, first, "confirmed", leg_id=fact.leg_id, reason=reason),
        joined_at=fact.joined_at or first.joined_at,
        deadline_at=fact.deadline_at or first.deadline_at,
        origin=Origin.QUEUE if is_own_call else first.origin,
        order_leg_id=fact.leg_id if is_own_call and _takes_leg(first) else first.order_leg_id,
    )


def _takes_leg(first: Callback) -> bool:
    """Whether the caller who orders again is on this callback's line from now on: nobody else is."""
    return first.phase is Phase.WAITING and first.order_leg_id is None


def say_number(state: CallbackState, order: Order, callback: Callback, number: str) -> Decision:
    """The order stands with this number, which is read back."""
    changed = NumberChanged(callback_id=callback.callback_id, place_id=callback.place_id, number=number)
    command = read_back(state, order, number, next_play_id(order))
    return Decision(facts=(changed,), commands=(command,))


def apply_number(state: CallbackState, fact: NumberChanged) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    if fact.number != callback.number:
        order_limits.count_number(state, fact.number)
    state.callbacks.change(with_line(state, callback, "number_changed"), number=fact.number)
    order = state.order_about(fact.place_id)
    if order is not None:
        go_on(state, order, phase=OrderPhase.READ_BACK, number=fact.number, changes=order.changes + 1)


def refuse(state: CallbackState, order: Order, reason: Refusal) -> Decision:
    """No order: the caller is told why and stays in the queue."""
    refusal_id = next_play_id(order)
    refused = CallbackRefused(
        place_id=order.place_id,
        department_id=order.department_id,
        leg_id=order.leg_id,
        reason=reason,
        play_id=refusal_id,
    )
    media = spoken_texts.refused(state, order.department_id, reason)
    play = spoken_texts.play(order.pbx_id, order.leg_id, refusal_id, media)
    return Decision(facts=(refused,), commands=(play,))


def apply_refused(state: CallbackState, fact: CallbackRefused) -> None:
    state.close_order(fact.leg_id)
    if fact.callback_id is not None and fact.leg_id is None:
        order_limits.note_web_order(state, fact.callback_id)
