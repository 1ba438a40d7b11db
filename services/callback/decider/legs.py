"""Legs: what the gateway tells of them, passed on to the topic that each leg is about.

While the PBX is away nobody is judged by the silence of a phone: the callback's timer is only set anew.
"""

import msgspec

from contracts.gateway import (
    TOO_LATE,
    Bridged,
    CommandRefused,
    DigitsEntered,
    LegAnswered,
    LegEnded,
    PlayFinished,
)
from contracts.ids import LegId, PlayId
from contracts.log import TimerDue
from runtime.decision import NOTHING, Decision, together
from runtime.records import timer_id
from services.callback import rules
from services.callback.decider import (
    apologies,
    attempts,
    bridges,
    confirmation,
    customer_calls_in,
    dials,
    farewells,
    order_conversation,
)
from services.callback.state import CallbackState
from services.callback.state.records import WITH_AGENT, Callback, Phase

ATTEMPT_PHASES = WITH_AGENT | {Phase.WAITING, Phase.HELD}


def decide_answered(state: CallbackState, fact: LegAnswered) -> Decision:
    callback = state.callback_on(fact.leg_id)
    if callback is None:
        return NOTHING
    return together(
        (
            attempts.decide_answered(state, callback, fact.leg_id),
            apologies.decide_answered(state, callback, fact.leg_id),
        )
    )


def decide_digits(state: CallbackState, fact: DigitsEntered) -> Decision:
    if fact.leg_id in state.orders:
        return order_conversation.decide_digits(state, fact)
    callback = state.callback_on(fact.leg_id)
    if callback is None:
        return NOTHING
    return together(
        (
            confirmation.decide_digits(state, callback, fact),
            apologies.decide_digits(state, callback, fact),
        )
    )


def apply_bridged(state: CallbackState, fact: Bridged) -> None:
    customer_calls_in.apply_bridged(state, fact)
    bridges.apply_bridged(state, fact)


def apply_play_finished(state: CallbackState, fact: PlayFinished) -> None:
    _apply_play_over(state, fact.leg_id, fact.play_id, ok=fact.ok)


def _apply_play_over(state: CallbackState, leg_id: LegId, play_id: PlayId | None, *, ok: bool) -> None:
    """A play has ended, or was refused (then without its name, which the leg tells).

    A whisper that was not heard may mean that the agent is gone, which queue may know before us: the customer
    is dialled a moment later all the same.
    """
    if not ok:
        order_conversation.apply_unheard(state, leg_id, play_id)
    callback = state.callback_on(leg_id)
    if callback is None or play_id not in (None, callback.play_id):
        return
    if callback.phase is Phase.WHISPERING and leg_id == callback.agent_leg_id:
        if ok:
            state.callbacks.change(callback, is_whispered=True)
            if (word_ms := callback.word_in_ms(state.now_at)) is not None:
                state.wait(callback, word_ms)
        else:
            state.wait(callback, rules.WHISPER_FAILED_MS)
    elif callback.phase is Phase.BRIDGING and leg_id == callback.customer_leg_id and play_id is not None:
        state.callbacks.change(callback, is_told=ok)
    elif callback.phase is Phase.CONFIRMING and leg_id == callback.customer_leg_id:
        state.wait(callback, rules.CONFIRM_KEY_MS)
    elif callback.phase is Phase.APOLOGY_MADE and leg_id == callback.customer_leg_id:
        state.wait(callback, rules.APOLOGY_KEY_MS)


def decide_play_finished(state: CallbackState, fact: PlayFinished) -> Decision:
    farewell = state.farewells.get(fact.leg_id)
    if farewell is not None:
        return farewells.hang_up(state, fact.leg_id) if farewell.play_id == fact.play_id else NOTHING
    callback = state.callback_on(fact.leg_id)
    if callback is not None and callback.phase is Phase.WHISPERING:
        return attempts.decide_whisper_over(state, callback)
    if callback is not None and callback.phase is Phase.BRIDGING:
        return bridges.decide_notice_over(callback, fact)
    if callback is not None and callback.phase is Phase.CONFIRMING:
        return confirmation.decide_play_over(state, callback, fact)
    return order_conversation.decide_play_over(state, fact)


def _refused(fact: CommandRefused) -> str:
    """The name of the refused command, without the edge's."""
    return fact.command.removeprefix("telephony.")


def apply_refused(state: CallbackState, fact: CommandRefused) -> None:
    if fact.leg_id is None:
        return
    match _refused(fact):
        case "play":
            _apply_play_over(state, fact.leg_id, None, ok=False)
        case "dial_leg":
            dials.end_cancelled(state, fact.leg_id)
            apologies.free_line(state, fact.leg_id)
        case "hang_up":  # the gateway knows no such leg: nothing of it will be heard
            farewells.end(state, fact.leg_id)
            apologies.free_line(state, fact.leg_id)
        case _:
            pass


def decide_refused(state: CallbackState, fact: CommandRefused) -> Decision:
    if fact.leg_id is None:
        return NOTHING
    callback = state.callback_on(fact.leg_id)
    match _refused(fact):
        case "play" if fact.leg_id in state.farewells:
            return farewells.hang_up(state, fact.leg_id)
        case "play" | "collect_digits":
            return order_conversation.decide_play_over(state, fact)
        case "dial_leg":
            next_apologies = apologies.dial_ready(state, fact.pbx_id)
            if callback is None:
                return next_apologies
            return together(
                (
                    attempts.decide_dial_refused(state, callback),
                    apologies.decide_dial_refused(state, callback),
                    next_apologies,
                )
            )
        case "hang_up":
            return apologies.dial_ready(state, fact.pbx_id)
        case _:
            return NOTHING


def apply_ended(state: CallbackState, fact: LegEnded) -> None:
    leg_id = fact.leg_id
    if fact.cause == TOO_LATE:
        # The gateway had taken the dial on, and came to it too late: as if it had been refused.
        dials.note_requested(state, leg_id, is_requested=False)
    dials.end_cancelled(state, leg_id)
    customer_calls_in.apply_ended(state, leg_id)
    callback = state.callback_on(leg_id)
    if callback is not None and callback.order_leg_id == leg_id:
        state.callbacks.change(callback, order_leg_id=None)
    elif callback is not None and callback.customer is not None and callback.customer.leg_id == leg_id:
        over = msgspec.structs.replace(callback.customer, is_over=True)
        state.callbacks.change(callback, customer=over)
    order = state.orders.get(leg_id)
    if order is not None and order.callback_id is not None:
        state.close_order(leg_id)
    farewells.end(state, leg_id)
    apologies.free_line(state, leg_id)
    bridges.note_leg_ended(state, leg_id)


def decide_ended(state: CallbackState, fact: LegEnded) -> Decision:
    callback = state.callback_on(fact.leg_id)
    return together(
        (
            bridges.hang_up_other(state, fact.leg_id),
            order_conversation.decide_leg_ended(state, fact),
            NOTHING if callback is None else _decide_callback_leg_ended(state, callback, fact),
            attempts.decide_live_leg_over(state),
            apologies.dial_ready(state, fact.pbx_id),
        )
    )


def _decide_callback_leg_ended(state: CallbackState, callback: Callback, fact: LegEnded) -> Decision:
    if fact.leg_id == callback.agent_leg_id:
        return attempts.decide_agent_gone(state, callback)
    if callback.phase in ATTEMPT_PHASES:
        return attempts.decide_customer_gone(state, callback, fact)
    return apologies.decide_customer_gone(state, callback, fact.outcome)


def apply_silence(state: CallbackState, fact: TimerDue) -> None:
    callback = state.callbacks.get(fact.subject)
    if callback is None:
        return
    if callback.phase is Phase.APOLOGY_DUE:
        apologies.look_again(state, callback)
    elif state.is_away(callback.pbx_id):
        state.wait(callback, rules.AWAY_RECHECK_MS)
    elif (word_ms := callback.word_in_ms(state.now_at)) is not None:
        state.wait(callback, word_ms)
    elif fact.kind == "callback" and callback.phase is Phase.BRIDGING:
        bridges.await_bridge_again(state, callback)


def decide_silence(state: CallbackState, fact: TimerDue) -> Decision:
    callback = state.callbacks.get(fact.subject)
    if callback is None:
        return NOTHING
    # Else it was set anew: the PBX is away, or we may have been.
    is_judged = not any(timer_id(kind, fact.subject) in state.timers for kind in ("callback", "bridge"))
    if not is_judged and callback.phase is not Phase.APOLOGY_DUE:
        return NOTHING
    return together((attempts.decide_silence(state, callback), apologies.decide_silence(state, callback)))
