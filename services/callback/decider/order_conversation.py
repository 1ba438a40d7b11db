"""The conversation about an order (C1, C8, C9, C10): what the caller types, agrees to, changes, withdraws.

It speaks on the caller's leg from `queue.callback_requested` until the order stands and was read back, or
until the leg is queue's again. Once an agent has accepted the place on this very leg the leg is queue's, too:
nothing is said or hung up here unless that agent is lost again.
"""

from enum import Enum

from contracts import dialling
from contracts.callback import NumberTyped, NumberWanted, OrderAbandoned
from contracts.dialling import Refusal
from contracts.gateway import CommandRefused, DigitsEntered, LegEnded, PlayFinished
from contracts.ids import LegId, PlayId
from contracts.log import TimerDue
from contracts.prompts import Prompt
from contracts.queue import CallbackRequested, OfferAccepted, OfferReopened
from contracts.telephony import CollectDigits, HangUp
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import attempts, endings, erasure, order_limits, orders, spoken_texts
from services.callback.decider.orders import go_on, next_play_id
from services.callback.decider.story import with_line
from services.callback.state import CallbackState, callback_id_of
from services.callback.state.records import PROMISED, Order, OrderPhase, Phase

_ASKING = (OrderPhase.TYPING, OrderPhase.CONFIRMING)
_ORDERED = (OrderPhase.READ_BACK, OrderPhase.CLOSING)


def apply_requested(state: CallbackState, fact: CallbackRequested) -> None:
    if fact.leg_id in state.orders or callback_id_of(fact.place_id) in state.callbacks:
        return
    is_erased = erasure.is_erased(state, fact.caller, fact.joined_at)
    order = Order(
        fact.leg_id,
        fact.place_id,
        fact.department_id,
        fact.pbx_id,
        None if is_erased else fact.caller,
        fact.line,
        fact.joined_at,
        fact.deadline_at,
    )
    state.orders.put(order)
    orders.await_answer(state, fact.leg_id)


def decide_requested(state: CallbackState, fact: CallbackRequested) -> Decision:
    """«1»: with a usable number this is the order (C1)."""
    order = state.orders.get(fact.leg_id)
    if order is None or order.phase is not OrderPhase.REQUESTED:
        return NOTHING
    policy = state.policy()
    department = state.departments.get(order.department_id)
    if department is None or not department.settings.is_on:
        return orders.refuse(state, order, Refusal.CALLBACKS_OFF)
    if not policy.is_on:
        return orders.refuse(state, order, Refusal.SWITCHED_OFF)
    reason = dialling.refusal(order.caller, policy)
    if reason is None:
        return orders.take(state, order, dialling.e164(order.caller or "", policy) or "")
    if reason in rules.RETYPED:
        return _ask_number(state, order, reason, rules.TYPING_TRIES_MAX)
    return orders.refuse(state, order, reason)


def _ask_number(state: CallbackState, order: Order, reason: Refusal, tries_left: int) -> Decision:
    play_id = next_play_id(order)
    wanted = NumberWanted(
        place_id=order.place_id, leg_id=order.leg_id, play_id=play_id, tries_left=tries_left
    )
    media = spoken_texts.type_number(state, order.department_id, reason)
    play = spoken_texts.play(order.pbx_id, order.leg_id, play_id, media, barge_in=True)
    collect = _collect(order, digits_max=rules.DIGITS_MAX, terminators="#")
    return Decision(facts=(wanted,), commands=(play, collect))


def _collect(order: Order, *, digits_max: int, terminators: str) -> CollectDigits:
    return CollectDigits(
        pbx_id=order.pbx_id,
        leg_id=order.leg_id,
        digits_max=digits_max,
        first_ms_max=rules.FIRST_DIGIT_MS_MAX,
        between_ms_max=rules.BETWEEN_DIGITS_MS_MAX,
        terminators=terminators,
    )


def apply_number_wanted(state: CallbackState, fact: NumberWanted) -> None:
    order = state.orders.get(fact.leg_id)
    if order is not None:
        go_on(state, order, phase=OrderPhase.TYPING, tries_left=fact.tries_left, play_id=fact.play_id)


def apply_number_typed(state: CallbackState, fact: NumberTyped) -> None:
    order = state.orders.get(fact.leg_id)
    if order is not None:
        go_on(state, order, phase=OrderPhase.CONFIRMING, number=fact.number, play_id=fact.play_id)


def apply_digits(state: CallbackState, fact: DigitsEntered) -> None:
    order = state.orders.get(fact.leg_id)
    if order is None or order.phase is not OrderPhase.READ_BACK or order.is_accepted:
        return
    if _key(state, order, fact.digits) is Key.CLOSE:
        go_on(state, order, phase=OrderPhase.CLOSING)


def decide_digits(state: CallbackState, fact: DigitsEntered) -> Decision:
    order = state.orders.get(fact.leg_id)
    if order is None or order.is_accepted:
        return NOTHING
    match order.phase:
        case OrderPhase.TYPING:
            return _decide_typed(state, order, fact.digits) if fact.is_complete else NOTHING
        case OrderPhase.CONFIRMING:
            return _decide_confirmed(state, order, fact.digits)
        case OrderPhase.READ_BACK | OrderPhase.CLOSING:
            return _decide_key(state, order, fact.digits)
        case _:
            return NOTHING


def _decide_typed(state: CallbackState, order: Order, digits: str) -> Decision:
    """A number was typed, or nothing: read it back, or ask again and give the reason (EC-28)."""
    policy = state.policy()
    reason = dialling.refusal(digits, policy)
    if reason is Refusal.SWITCHED_OFF:
        is_ordered = order.callback_id is not None
        return _keep_number(state, order) if is_ordered else orders.refuse(state, order, reason)
    if reason is not None:
        return _ask_again(state, order, reason)
    number = dialling.e164(digits, policy) or ""
    play_id = next_play_id(order)
    typed = NumberTyped(place_id=order.place_id, leg_id=order.leg_id, number=number, play_id=play_id)
    media = spoken_texts.confirm_number(state, order.department_id, number)
    play = spoken_texts.play(order.pbx_id, order.leg_id, play_id, media, barge_in=True)
    collect = _collect(order, digits_max=1, terminators="")
    return Decision(facts=(typed,), commands=(play, collect))


def _ask_again(state: CallbackState, order: Order, reason: Refusal) -> Decision:
    """Ask once more; after three tries the wait goes on, or the number that was ordered stands."""
    if order.tries_left > 1:
        return _ask_number(state, order, reason, order.tries_left - 1)
    if order.callback_id is not None:
        return _keep_number(state, order)
    abandoned = OrderAbandoned(place_id=order.place_id, leg_id=order.leg_id)
    media = spoken_texts.refused(state, order.department_id, Refusal.INVALID)
    play = spoken_texts.play(order.pbx_id, order.leg_id, next_play_id(order), media)
    return Decision(facts=(abandoned,), commands=(play,))


def apply_abandoned(state: CallbackState, fact: OrderAbandoned) -> None:
    state.close_order(fact.leg_id)


def _decide_confirmed(state: CallbackState, order: Order, digits: str) -> Decision:
    """«1» agrees to the typed number, which becomes the order's; any other key asks for another one."""
    if not digits.startswith("1"):
        return _ask_again(state, order, Refusal.WITHHELD)
    reason = dialling.refusal(order.number, state.policy())
    if reason is not None:  # the policy was changed while the number was typed
        return _ask_again(state, order, reason)
    if order.callback_id is None:
        return orders.take(state, order, order.number)
    return _change_number(state, order)


def _change_number(state: CallbackState, order: Order) -> Decision:
    """Another number for an order that stands: one more order for the limits of that number."""
    callback = state.callback_ordered_in(order)
    if callback is None or callback.number == order.number:
        return _keep_number(state, order)
    known = state.callbacks_to(order.department_id, order.number)
    promised = next((each for each in known if each.phase in PROMISED), None)
    if promised is not None:
        ended = endings.cancelled(state, callback, "ordered_before")
        return together((ended, orders.confirm(state, order, promised)))
    refusal = order_limits.number_refusal(state, order.number)
    if refusal is not None:
        return _ask_again(state, order, refusal)
    return orders.say_number(state, order, callback, order.number)


def _keep_number(state: CallbackState, order: Order) -> Decision:
    """The order stands with the number it has, which is read back once more."""
    callback = state.callback_ordered_in(order)
    if callback is None:
        return _hang_up(order)
    return orders.say_number(state, order, callback, callback.number)


class Key(Enum):
    """What a key means while an order is read back."""

    NONE = "none"
    CANCEL = "cancel"
    CHANGE = "change"
    CLOSE = "close"


def _key(state: CallbackState, order: Order, digits: str) -> Key:
    """«0» cancels (C9), «1» agrees, any other asks for another number (C1) as long as one may be given.

    A caller who only confirmed an earlier order cannot change its number.
    """
    callback = state.callback_ordered_in(order)
    if not digits or callback is None:
        return Key.NONE
    if digits.endswith("0"):
        return Key.CANCEL
    is_own = callback.place_id == order.place_id and callback.phase is Phase.WAITING
    may_change = is_own and order.changes < rules.NUMBER_CHANGES_MAX
    return Key.CLOSE if digits.endswith("1") or not may_change else Key.CHANGE


def _decide_key(state: CallbackState, order: Order, digits: str) -> Decision:
    key = _key(state, order, digits)
    callback = state.callback_ordered_in(order)
    if key is Key.NONE or callback is None:
        return NOTHING
    if key is Key.CANCEL:
        return together((endings.cancelled(state, callback, "by_customer"), _hang_up(order)))
    if order.phase is OrderPhase.READ_BACK:  # after a key that agrees `apply_digits` has put CLOSING
        return _ask_number(state, order, Refusal.WITHHELD, rules.TYPING_TRIES_MAX)
    media = spoken_texts.prompt(state, order.department_id, Prompt.ORDER_TAKEN)
    play_id = next_play_id(order) if order.play_id is None else order.play_id
    return Decision(commands=(spoken_texts.play(order.pbx_id, order.leg_id, play_id, media),))


def apply_unheard(state: CallbackState, leg_id: LegId, play_id: PlayId | None) -> None:
    """An order that stands could not be read back: that leg has ended, or is being hung up now.

    If the caller pressed 1 and hung up before queue could say so, the leg's end was heard too early and will
    not be heard again: at the deadline nobody must be thought to be there (C1, C4).
    """
    order = state.orders.get(leg_id)
    if order is None or order.callback_id is None or play_id not in (None, order.play_id):
        return
    state.orders.change(order, is_unheard=True)
    callback = state.callbacks.get(order.callback_id)
    if callback is not None and callback.order_leg_id == leg_id:
        state.callbacks.change(callback, order_leg_id=None)


def decide_play_over(state: CallbackState, fact: PlayFinished | CommandRefused) -> Decision:
    """The order was read back: hang up. After an interruption the key that caused it decides."""
    order = state.order_on(fact.leg_id)
    if order is not None and isinstance(fact, CommandRefused) and order.phase in _ASKING:
        # The leg ended before the queue's request was on the log, so that its end was heard too early.
        return Decision(facts=(OrderAbandoned(place_id=order.place_id, leg_id=order.leg_id),))
    if order is None or order.is_accepted or order.phase not in _ORDERED:
        return NOTHING
    if isinstance(fact, PlayFinished) and (fact.play_id != order.play_id or fact.was_interrupted):
        return NOTHING
    return _hang_up(order)


def apply_step_due(state: CallbackState, fact: TimerDue) -> None:
    order = state.orders.get(fact.subject)
    if order is None:
        return
    if order.is_unheard:  # its leg was told to hang up, and nothing more will be heard of it
        state.close_order(order.leg_id)
    else:
        orders.await_answer(state, order.leg_id)


def decide_step_due(state: CallbackState, fact: TimerDue) -> Decision:
    """Nothing was heard of a step of the conversation: go on as if nothing had been typed."""
    order = state.orders.get(fact.subject)
    if order is None or order.is_accepted:
        return NOTHING
    if order.phase in _ASKING:
        return _ask_again(state, order, Refusal.WITHHELD)
    return _hang_up(order) if order.phase in _ORDERED else NOTHING


def decide_leg_ended(state: CallbackState, fact: LegEnded) -> Decision:
    """The caller hung up before a number was given: queue's own rules apply. Later that loses nothing."""
    order = state.orders.get(fact.leg_id)
    if order is None:
        return NOTHING
    return Decision(facts=(OrderAbandoned(place_id=order.place_id, leg_id=order.leg_id),))


def apply_offer_accepted(state: CallbackState, fact: OfferAccepted) -> None:
    order = state.order_about(fact.place_id)
    if order is not None:
        state.orders.change(order, is_accepted=True)
    callback = state.callback_of(fact.place_id)
    if callback is not None:
        state.callbacks.put(with_line(state, callback, "offer_accepted", agent_id=fact.agent_id))


def apply_offer_reopened(state: CallbackState, fact: OfferReopened) -> None:
    order = state.order_about(fact.place_id)
    if order is not None and order.is_accepted:
        go_on(state, order, is_accepted=False)


def decide_offer_reopened(state: CallbackState, fact: OfferReopened) -> Decision:
    """The agent who had accepted is gone: the conversation goes on where it was."""
    gone = attempts.decide_agent_freed(state, fact.agent_id)
    return together((_decide_resumed(state, state.order_about(fact.place_id)), gone))


def _decide_resumed(state: CallbackState, order: Order | None) -> Decision:
    if order is None or order.is_accepted or order.play_id is None:
        return NOTHING
    if order.phase in _ASKING:
        return _ask_number(state, order, Refusal.WITHHELD, order.tries_left)
    if order.phase in _ORDERED:
        return Decision(commands=(orders.read_back(state, order, order.number, order.play_id),))
    return NOTHING


def _hang_up(order: Order) -> Decision:
    return Decision(commands=(HangUp(pbx_id=order.pbx_id, leg_id=order.leg_id, reason="ordered"),))
