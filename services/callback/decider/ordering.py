"""The conversation about an order (C1, C8, C9, C10): what is typed, refused, taken, changed, withdrawn.

It speaks on the leg of who orders, from `queue.callback_requested` until the order stands and was read
back, or until the leg is queue's again. Once an agent has accepted the place on this very leg it is
queue's, too, and nothing is said or hung up here unless that agent is lost again.
"""

from contracts import dialling
from contracts.callback import (
    CallbackConfirmed,
    CallbackOrdered,
    CallbackRefused,
    NumberChanged,
    NumberTyped,
    NumberWanted,
    OrderAbandoned,
)
from contracts.dialling import Refusal
from contracts.gateway import CommandRefused, DigitsEntered, LegEnded, PlayFinished
from contracts.ids import PlayId
from contracts.log import TimerDue
from contracts.queue import CallbackRequested, OfferReopened
from contracts.telephony import CollectDigits, HangUp, Play
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import attempts, endings, sayings
from services.callback.decider.changes import (
    ORGANIZATION_KEY,
    Key,
    department_key,
    key_pressed,
    order_play_id,
    orders_taken,
)
from services.callback.state import (
    NUMBER_PREFIX,
    PROMISED,
    Callback,
    CallbackState,
    Order,
    OrderPhase,
    Phase,
    callback_id_of,
)

_ASKING = (OrderPhase.TYPING, OrderPhase.CONFIRMING)


def on_callback_requested(state: CallbackState, fact: CallbackRequested) -> Decision:
    """«1»: with a usable number this is the order (C1)."""
    order = state.orders.get(fact.leg_id)
    if order is None or order.phase is not OrderPhase.REQUESTED:
        return NOTHING
    policy = state.policy()
    department = state.departments.get(order.department_id)
    if department is None or not department.settings.is_on:
        return _refuse(state, order, Refusal.CALLBACKS_OFF)
    if not policy.is_on:
        return _refuse(state, order, Refusal.SWITCHED_OFF)
    reason = dialling.refusal(order.caller, policy)
    if reason is None:
        return _place_order(state, order, dialling.e164(order.caller or "", policy) or "")
    if reason in rules.RETYPED:
        return _ask_number(state, order, reason, rules.TYPING_TRIES_MAX)
    return _refuse(state, order, reason)


def on_digits_entered(state: CallbackState, fact: DigitsEntered) -> Decision:
    """What the caller types or presses in the conversation."""
    order = state.orders.get(fact.leg_id)
    if order is None or order.is_accepted:
        return NOTHING
    match order.phase:
        case OrderPhase.TYPING:
            return _typed(state, order, fact.digits) if fact.is_complete else NOTHING
        case OrderPhase.CONFIRMING:
            return _confirming(state, order, fact.digits)
        case OrderPhase.READ_BACK | OrderPhase.CLOSING:
            return _key_after_order(state, order, fact.digits)
        case _:
            return NOTHING


def on_play_over(state: CallbackState, fact: PlayFinished | CommandRefused) -> Decision:
    """The order was read back to its end: good-bye. An interrupted one waits for the key that did it."""
    order = state.orders.get(fact.leg_id) if fact.leg_id is not None else None
    if order is not None and isinstance(fact, CommandRefused) and order.phase in _ASKING:
        # The leg ended before the queue's request was on the log, so that its end was heard too early.
        return Decision(facts=(OrderAbandoned(place_id=order.place_id, leg_id=order.leg_id),))
    if order is None or order.is_accepted or order.phase not in (OrderPhase.READ_BACK, OrderPhase.CLOSING):
        return NOTHING
    if isinstance(fact, PlayFinished) and (fact.play_id != order.play_id or fact.was_interrupted):
        return NOTHING
    return _hang_up(order)


def on_timer_due(state: CallbackState, fact: TimerDue) -> Decision:
    """Nothing was heard of a step of the conversation: as if nothing had been typed."""
    order = state.orders.get(fact.subject)
    if order is None or order.is_accepted:
        return NOTHING
    match order.phase:
        case OrderPhase.TYPING | OrderPhase.CONFIRMING:
            return _again(state, order, Refusal.WITHHELD)
        case OrderPhase.READ_BACK | OrderPhase.CLOSING:
            return _hang_up(order)
        case _:
            return NOTHING


def on_leg_ended(state: CallbackState, fact: LegEnded) -> Decision:
    """Hanging up before a number was given leaves the queue to its own rules; later it loses nothing."""
    order = state.orders.get(fact.leg_id)
    if order is None:
        return NOTHING
    return Decision(facts=(OrderAbandoned(place_id=order.place_id, leg_id=order.leg_id),))


def on_offer_reopened(state: CallbackState, fact: OfferReopened) -> Decision:
    """The agent who had accepted on this leg is gone: the conversation goes on where it was."""
    order = state.order_about(fact.place_id)
    if order is None or order.is_accepted or order.play_id is None:
        return NOTHING
    match order.phase:
        case OrderPhase.TYPING | OrderPhase.CONFIRMING:
            return _ask_number(state, order, Refusal.WITHHELD, order.tries_left)
        case OrderPhase.READ_BACK | OrderPhase.CLOSING:
            return Decision(commands=(_read_back(state, order, order.number, order.play_id),))
        case _:
            return NOTHING


def _refuse(state: CallbackState, order: Order, reason: Refusal) -> Decision:
    """No order: the caller is told why and stays in the queue."""
    play_id = order_play_id(order)
    fact = CallbackRefused(
        place_id=order.place_id,
        department_id=order.department_id,
        leg_id=order.leg_id,
        reason=reason,
        play_id=play_id,
    )
    media = sayings.refused(state, order.department_id, reason)
    return Decision(facts=(fact,), commands=(sayings.said(order.pbx_id, order.leg_id, play_id, media),))


def _place_order(state: CallbackState, order: Order, number: str) -> Decision:
    """Take the order, confirm the one there is, or say why neither (C8, C10)."""
    known = state.callbacks_to(order.department_id, number)
    promised = next((each for each in known if each.phase in PROMISED), None)
    if promised is not None:
        return _confirm_first(state, order, promised)
    if state.now_at >= order.deadline_at:
        return _refuse(state, order, Refusal.NO_TIME_LEFT)
    reason = rules.limit_refusal(
        state.policy(),
        state.now_at,
        of_number=orders_taken(state, f"{NUMBER_PREFIX}{number}"),
        of_department=orders_taken(state, department_key(order.department_id)),
        of_organization=orders_taken(state, ORGANIZATION_KEY),
    )
    if reason is not None:
        return _refuse(state, order, reason)
    # Whoever orders anew while an apology is still to be called needs no apology for the old order.
    replaced = (each for each in known if each.phase in (Phase.APOLOGY_DUE, Phase.APOLOGY_DIALLED))
    endings_first = together(endings.cancelled(state, each, "ordered_again") for each in replaced)
    return together((endings_first, _take_order(state, order, number)))


def _take_order(state: CallbackState, order: Order, number: str) -> Decision:
    pbx = state.pbxs.get(order.pbx_id)
    department = state.departments.get(order.department_id)
    play_id = order_play_id(order)
    fact = CallbackOrdered(
        callback_id=callback_id_of(order.place_id),
        place_id=order.place_id,
        department_id=order.department_id,
        pbx_id=order.pbx_id,
        number=number,
        caller_id=rules.caller_id(
            order.line,
            () if department is None else department.lines,
            () if pbx is None else pbx.numbers,
        ),
        joined_at=order.joined_at,
        deadline_at=order.deadline_at,
        leg_id=order.leg_id,
        confirmation_play_id=play_id,
    )
    return Decision(facts=(fact,), commands=(_read_back(state, order, number, play_id),))


def _confirm_first(state: CallbackState, order: Order, first: Callback) -> Decision:
    """Two claims of one customer become one: the earlier joining time, with its deadline (C8).

    With an agent who is here for the first one the customer is brought together at once.
    """
    if first.phase in attempts.JOINABLE and not order.is_accepted:
        return attempts.join(state, first, leg_id=order.leg_id, new_place_id=order.place_id)
    earlier = min((first.joined_at, first.deadline_at), (order.joined_at, order.deadline_at))
    if first.order_leg_id is not None:  # somebody is on the line for it, with the later deadline
        earlier = (earlier[0], first.deadline_at)
    fact = CallbackConfirmed(
        callback_id=first.callback_id,
        place_id=first.place_id,
        new_place_id=order.place_id,
        leg_id=order.leg_id,
        joined_at=earlier[0],
        deadline_at=earlier[1],
    )
    command = _read_back(state, order, first.number, order_play_id(order))
    return Decision(facts=(fact,), commands=(command,))


def _read_back(state: CallbackState, order: Order, number: str, play_id: PlayId) -> Play:
    media = sayings.order_taken(state, order.department_id, number)
    return sayings.said(order.pbx_id, order.leg_id, play_id, media, barge_in=True)


def _ask_number(state: CallbackState, order: Order, reason: Refusal, tries_left: int) -> Decision:
    play_id = order_play_id(order)
    fact = NumberWanted(place_id=order.place_id, leg_id=order.leg_id, play_id=play_id, tries_left=tries_left)
    media = sayings.type_number(state, order.department_id, reason)
    collect = CollectDigits(
        pbx_id=order.pbx_id,
        leg_id=order.leg_id,
        digits_max=rules.DIGITS_MAX,
        first_ms_max=rules.FIRST_DIGIT_MS_MAX,
        between_ms_max=rules.BETWEEN_DIGITS_MS_MAX,
    )
    play = sayings.said(order.pbx_id, order.leg_id, play_id, media, barge_in=True)
    return Decision(facts=(fact,), commands=(play, collect))


def _typed(state: CallbackState, order: Order, digits: str) -> Decision:
    """A number was typed, or nothing: it is read back, or asked for again with the reason (EC-28)."""
    policy = state.policy()
    reason = dialling.refusal(digits, policy)
    if reason is Refusal.SWITCHED_OFF:
        return _keep(state, order) if order.callback_id is not None else _refuse(state, order, reason)
    if reason is not None:
        return _again(state, order, reason)
    number = dialling.e164(digits, policy) or ""
    play_id = order_play_id(order)
    fact = NumberTyped(place_id=order.place_id, leg_id=order.leg_id, number=number, play_id=play_id)
    media = sayings.confirm_number(state, order.department_id, number)
    collect = CollectDigits(
        pbx_id=order.pbx_id,
        leg_id=order.leg_id,
        digits_max=1,
        first_ms_max=rules.FIRST_DIGIT_MS_MAX,
        between_ms_max=rules.BETWEEN_DIGITS_MS_MAX,
        terminators="",
    )
    play = sayings.said(order.pbx_id, order.leg_id, play_id, media, barge_in=True)
    return Decision(facts=(fact,), commands=(play, collect))


def _again(state: CallbackState, order: Order, reason: Refusal) -> Decision:
    """Ask once more; after three tries the wait goes on, or the number that was ordered stands."""
    if order.tries_left > 1:
        return _ask_number(state, order, reason, order.tries_left - 1)
    if order.callback_id is not None:
        return _keep(state, order)
    fact = OrderAbandoned(place_id=order.place_id, leg_id=order.leg_id)
    media = sayings.refused(state, order.department_id, Refusal.INVALID)
    play = sayings.said(order.pbx_id, order.leg_id, order_play_id(order), media)
    return Decision(facts=(fact,), commands=(play,))


def _confirming(state: CallbackState, order: Order, digits: str) -> Decision:
    if not digits.startswith("1"):
        return _again(state, order, Refusal.WITHHELD)
    reason = dialling.refusal(order.number, state.policy())
    if reason is not None:  # the policy was changed while the number was typed
        return _again(state, order, reason)
    if order.callback_id is None:
        return _place_order(state, order, order.number)
    return _change_number(state, order)


def _change_number(state: CallbackState, order: Order) -> Decision:
    """Another number for an order that stands: one more order for the limits of that number."""
    callback = None if order.callback_id is None else state.callbacks.get(order.callback_id)
    if callback is None or callback.number == order.number:
        return _keep(state, order)
    known = state.callbacks_to(order.department_id, order.number)
    promised = next((each for each in known if each.phase in PROMISED), None)
    if promised is not None:
        ended = endings.cancelled(state, callback, "ordered_before")
        return together((ended, _confirm_first(state, order, promised)))
    taken_at = orders_taken(state, f"{NUMBER_PREFIX}{order.number}")
    if rules.number_refusal(state.policy(), state.now_at, taken_at) is not None:
        return _again(state, order, Refusal.TOO_MANY_FOR_NUMBER)
    return _say_number(state, order, callback, order.number)


def _keep(state: CallbackState, order: Order) -> Decision:
    """The order stands with the number it has, which is read back once more."""
    callback = None if order.callback_id is None else state.callbacks.get(order.callback_id)
    return _hang_up(order) if callback is None else _say_number(state, order, callback, callback.number)


def _say_number(state: CallbackState, order: Order, callback: Callback, number: str) -> Decision:
    fact = NumberChanged(callback_id=callback.callback_id, place_id=callback.place_id, number=number)
    command = _read_back(state, order, number, order_play_id(order))
    return Decision(facts=(fact,), commands=(command,))


def _key_after_order(state: CallbackState, order: Order, digits: str) -> Decision:
    """«0» cancels, another key than «1» changes the number; «1» is thanked for and needs no more."""
    key = key_pressed(state, order, digits)
    callback = None if order.callback_id is None else state.callbacks.get(order.callback_id)
    if key is Key.NONE or callback is None:
        return NOTHING
    if key is Key.CANCEL:
        return together((endings.cancelled(state, callback, "by_customer"), _hang_up(order)))
    if order.phase is OrderPhase.READ_BACK:  # else it was a key to agree, which `apply` has noted
        return _ask_number(state, order, Refusal.WITHHELD, rules.TYPING_TRIES_MAX)
    media = sayings.order_agreed(state, order.department_id)
    play_id = order_play_id(order) if order.play_id is None else order.play_id
    return Decision(commands=(sayings.said(order.pbx_id, order.leg_id, play_id, media),))


def _hang_up(order: Order) -> Decision:
    return Decision(commands=(HangUp(pbx_id=order.pbx_id, leg_id=order.leg_id, reason="ordered"),))
