"""How facts change the state: the only place that does, for facts heard and for our own alike."""

from typing import Final

import msgspec

from contracts.callback import (
    AgentLost,
    ApologyDialled,
    ApologyFailed,
    ApologyMade,
    ApologyQueued,
    AttemptFailed,
    AttemptStarted,
    CallbackBarred,
    CallbackCancelled,
    CallbackConfirmed,
    CallbackConnected,
    CallbackEnd,
    CallbackOrdered,
    CallbackRefused,
    ConfirmationAsked,
    CustomerAnswered,
    CustomerDialled,
    CustomerExpected,
    CustomerHeld,
    CustomerJoined,
    MessageWanted,
    NumberChanged,
    NumberTyped,
    NumberWanted,
    OrderAbandoned,
    Origin,
)
from contracts.directory import CallbackSettings
from contracts.ids import CallbackId, Instant
from contracts.message import Fact
from services.callback import rules
from services.callback.decider.changes import (
    LINE_TIMER,
    ORGANIZATION_KEY,
    POLICY_TIMER,
    change,
    close_order,
    count_number,
    count_order,
    department_key,
    go_on,
    is_counted,
    note_asked,
    take_leave,
    told,
    wait,
)
from services.callback.decider.hearing import hear
from services.callback.state import (
    WITH_AGENT,
    ApologyLine,
    Callback,
    CallbackState,
    Dial,
    OrderPhase,
    Pair,
    Phase,
)

NO_SETTINGS: Final = CallbackSettings()
"""For an order of a department that is not known any more."""


def apply(state: CallbackState, fact: Fact) -> None:
    """Fold a fact, heard or our own, into the state."""
    match fact:
        case NumberWanted() | NumberTyped() | CallbackConfirmed():
            _apply_conversation(state, fact)
        case CallbackRefused() | OrderAbandoned():
            close_order(state, fact.leg_id)
            if isinstance(fact, CallbackRefused) and fact.callback_id is not None and fact.leg_id is None:
                note_asked(state, fact.callback_id)
        case CallbackOrdered():
            _apply_callback_ordered(state, fact)
        case NumberChanged():
            _apply_number_changed(state, fact)
        case AttemptStarted() | CustomerDialled() | CustomerAnswered() | CustomerHeld():
            _apply_attempt(state, fact)
        case CustomerExpected() | CustomerJoined() | ConfirmationAsked() | AttemptFailed() | AgentLost():
            _apply_turn(state, fact)
        case ApologyQueued() | ApologyDialled() | ApologyMade() | ApologyFailed() | MessageWanted():
            _apply_apology(state, fact)
        case CallbackEnd():
            _apply_callback_end(state, fact)
        case _:
            hear(state, fact)


def _apply_conversation(state: CallbackState, fact: NumberWanted | NumberTyped | CallbackConfirmed) -> None:
    if isinstance(fact, CallbackConfirmed) and fact.asked_id is not None:
        _apply_asked_again(state, fact, fact.asked_id)
        return
    order = None if fact.leg_id is None else state.orders.get(fact.leg_id)
    if order is None:
        return
    match fact:
        case NumberWanted(tries_left=tries_left, play_id=play_id):
            go_on(state, order, phase=OrderPhase.TYPING, tries_left=tries_left, play_id=play_id)
        case NumberTyped(number=number, play_id=play_id):
            go_on(state, order, phase=OrderPhase.CONFIRMING, number=number, play_id=play_id)
        case CallbackConfirmed(callback_id=callback_id):
            first = state.callbacks.get(callback_id)
            number = order.number if first is None else first.number
            go_on(
                state,
                order,
                phase=OrderPhase.READ_BACK,
                callback_id=callback_id,
                number=number,
                place_id=first.place_id if first is not None and _takes_leg(first) else order.place_id,
            )
            if first is not None:
                _merge(state, first, fact)


def _merge(state: CallbackState, first: Callback, fact: CallbackConfirmed) -> None:
    """Two claims become one (C8); merged with the customer's own call it is the customer's own (C12)."""
    is_own_call = fact.leg_id is not None
    change(
        state,
        told(state, first, "confirmed", leg_id=fact.leg_id, reason="" if is_own_call else Origin.API),
        joined_at=fact.joined_at or first.joined_at,
        deadline_at=fact.deadline_at or first.deadline_at,
        origin=Origin.QUEUE if is_own_call else first.origin,
        order_leg_id=fact.leg_id if is_own_call and _takes_leg(first) else first.order_leg_id,
    )


def _takes_leg(first: Callback) -> bool:
    """Whether the customer who orders again is on this callback's line from now on: nobody else is."""
    return first.phase is Phase.WAITING and first.order_leg_id is None


def _apply_asked_again(state: CallbackState, fact: CallbackConfirmed, asked_id: CallbackId) -> None:
    note_asked(state, asked_id)
    first = state.callbacks.get(fact.callback_id)
    if first is not None:
        _merge(state, first, fact)


def _apply_callback_ordered(state: CallbackState, fact: CallbackOrdered) -> None:
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
        # C11: one attempt with an agent for who has not asked for any.
        1 if fact.origin is Origin.ABANDONED else settings.attempts_max,
        settings.attempt_gap_ms,
        settings.ring_ms,
        order_leg_id=fact.leg_id,
        origin=fact.origin,
    )
    if fact.origin is Origin.API:
        note_asked(state, fact.callback_id)
    state.callbacks.put(told(state, callback, "ordered", leg_id=fact.leg_id, reason=fact.origin))
    count_number(state, fact.number)
    count_order(state, department_key(fact.department_id), rules.MINUTE_MS)
    count_order(state, ORGANIZATION_KEY, rules.MINUTE_MS)
    order = None if fact.leg_id is None else state.orders.get(fact.leg_id)
    if order is not None:
        go_on(
            state,
            order,
            phase=OrderPhase.READ_BACK,
            callback_id=fact.callback_id,
            number=fact.number,
            play_id=fact.confirmation_play_id,
        )


def _apply_number_changed(state: CallbackState, fact: NumberChanged) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    if fact.number != callback.number:
        count_number(state, fact.number)
    changed = msgspec.structs.replace(callback, number=fact.number)
    state.callbacks.put(told(state, changed, "number_changed"))
    order = state.order_about(fact.place_id)
    if order is not None:
        go_on(
            state,
            order,
            phase=OrderPhase.READ_BACK,
            number=fact.number,
            changes=order.changes + 1,
        )


def _apply_turn(
    state: CallbackState,
    fact: CustomerExpected | CustomerJoined | ConfirmationAsked | AttemptFailed | AgentLost,
) -> None:
    if isinstance(fact, AttemptFailed | AgentLost):
        _apply_failure(state, fact)
    elif isinstance(fact, ConfirmationAsked):
        _apply_confirmation_asked(state, fact)
    else:
        _apply_live(state, fact)


def _apply_live(state: CallbackState, fact: CustomerExpected | CustomerJoined) -> None:
    """The customer has called in: what was dialled is no attempt."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    attempts = callback.attempts - (1 if callback.phase is Phase.DIALLING else 0)
    match fact:
        case CustomerExpected(leg_id=leg_id):
            callback = told(state, callback, "customer_expected", leg_id=leg_id)
            change(state, callback, phase=Phase.EXPECTING, attempts=attempts, customer=None)
            wait(state, callback, rules.JOIN_MS_MAX)
        case CustomerJoined(leg_id=leg_id, play_id=play_id):
            callback = told(state, callback, "customer_joined", leg_id=leg_id)
            close_order(state, leg_id)
            change(
                state,
                callback,
                phase=Phase.BRIDGING,
                attempts=attempts,
                customer=Dial(leg_id, True),
                cancelled=None,
                live_leg_id=None,
                is_joined=True,
                origin=Origin.QUEUE,
                play_id=play_id,
            )
            wait(state, callback, rules.BRIDGE_MS_MAX + (0 if play_id is None else rules.TOLD_MS_MAX))


def _apply_confirmation_asked(state: CallbackState, fact: ConfirmationAsked) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    change(
        state,
        told(state, callback, "confirmation_asked", leg_id=fact.leg_id),
        phase=Phase.CONFIRMING,
        customer=Dial(fact.leg_id, True),
        cancelled=None,
        play_id=fact.play_id,
    )
    wait(state, callback, rules.CONFIRM_PLAY_MS_MAX)


def _apply_attempt(
    state: CallbackState, fact: AttemptStarted | CustomerDialled | CustomerAnswered | CustomerHeld
) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    match fact:
        case AttemptStarted(agent_id=agent_id, agent_leg_id=leg_id, whisper_play_id=play_id):
            callback = told(state, callback, "attempt_started", agent_id=agent_id, leg_id=leg_id)
            close_order(state, callback.order_leg_id)  # queue has heard its end, whether we have or not
            change(
                state,
                callback,
                phase=Phase.WHISPERING,
                agent_id=agent_id,
                agent_leg_id=leg_id,
                order_leg_id=None,
                is_whispered=False,
                is_joined=False,
                live_leg_id=None,
                plays=callback.plays + 1,
                play_id=play_id,
            )
            wait(state, callback, rules.WHISPER_MS_MAX)
        case CustomerDialled(leg_id=leg_id):
            callback = told(state, callback, "customer_dialled", agent_id=fact.agent_id, leg_id=leg_id)
            change(
                state,
                callback,
                phase=Phase.DIALLING,
                attempts=callback.attempts + 1,
                dials=callback.dials + 1,
                customer=Dial(leg_id),
                cancelled=None,
                play_id=None,
            )
            wait(state, callback, callback.ring_ms + rules.RING_GRACE_MS)
        case CustomerAnswered(leg_id=leg_id, play_id=play_id):
            callback = told(state, callback, "customer_answered", leg_id=leg_id)
            change(
                state,
                callback,
                phase=Phase.BRIDGING,
                customer=Dial(leg_id, True),
                cancelled=None,
                play_id=play_id,
            )
            wait(state, callback, rules.BRIDGE_MS_MAX + (0 if play_id is None else rules.TOLD_MS_MAX))
        case CustomerHeld(leg_id=leg_id):
            callback = told(state, callback, "customer_held", leg_id=leg_id)
            change(state, callback, phase=Phase.HELD, customer=Dial(leg_id, True), cancelled=None)
            wait(state, callback, None)


def _apply_failure(state: CallbackState, fact: AttemptFailed | AgentLost) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    match fact:
        case AttemptFailed(outcome=outcome, agent_id=agent_id):
            if callback.phase in WITH_AGENT and callback.agent_leg_id is not None:
                take_leave(state, callback.agent_leg_id, callback.pbx_id)
            told_callback = told(state, callback, "attempt_failed", agent_id=agent_id, reason=outcome)
            counted = fact.is_uncounted or is_counted(callback)
            change(
                state,
                told_callback,
                phase=Phase.WAITING,
                customer=None,
                live_leg_id=None,
                is_joined=False,
                bridged_at=None,
                recording_id=None,
                attempts=callback.attempts - (0 if counted else 1),
                refusals=callback.refusals + (0 if counted else 1),
            )
            wait(state, callback, None)
        case AgentLost(agent_id=agent_id):
            told_callback = told(state, callback, "agent_lost", agent_id=agent_id)
            left = callback.cancelled if callback.customer is None else callback.customer
            change(state, told_callback, phase=Phase.WAITING, customer=None, cancelled=left, live_leg_id=None)
            is_last = left is not None and not callback.has_attempts_left
            wait(state, callback, rules.RING_GRACE_MS if is_last else None)


def _apply_apology(
    state: CallbackState,
    fact: ApologyQueued | ApologyDialled | ApologyMade | ApologyFailed | MessageWanted,
) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    match fact:
        case ApologyQueued():
            _await_apology(state, told(state, callback, "apology_queued"))
        case ApologyDialled(leg_id=leg_id):
            callback = told(state, callback, "apology_dialled", leg_id=leg_id)
            change(
                state,
                callback,
                phase=Phase.APOLOGY_DIALLED,
                tries=callback.tries + 1,
                dials=callback.dials + 1,
                customer=Dial(leg_id),
                is_apology_ready=False,
            )
            wait(state, callback, rules.APOLOGY_RING_MS + rules.RING_GRACE_MS)
            state.lines.put(ApologyLine(leg_id, callback.pbx_id))
            state.set_timer(LINE_TIMER, leg_id, Instant(state.now_at + rules.LINE_MS_MAX))
        case ApologyMade(leg_id=leg_id, play_id=play_id, ask=ask):
            callback = told(state, callback, "apology_made", leg_id=leg_id, reason=f"ask {ask}")
            change(
                state,
                callback,
                phase=Phase.APOLOGY_MADE,
                customer=Dial(leg_id, True),
                order_leg_id=None,
                ask=ask,
                play_id=play_id,
            )
            wait(state, callback, rules.APOLOGY_PLAY_MS_MAX)
            close_order(state, leg_id)
        case ApologyFailed():
            _apply_apology_failed(state, callback, fact)
        case MessageWanted(leg_id=leg_id):
            callback = told(state, callback, "message_wanted", leg_id=leg_id)
            change(state, callback, phase=Phase.RECORDING)
            wait(state, callback, rules.RECORDING_MS_MAX)


def _await_apology(state: CallbackState, callback: Callback) -> None:
    """Queue says when it may be dialled; until then it is looked whether it has become too late (C4)."""
    change(state, callback, phase=Phase.APOLOGY_DUE, customer=None, is_apology_ready=False)
    look_at = rules.next_lateness_at(callback.deadline_at, state.now_at)
    wait(state, callback, 0 if look_at is None else look_at - state.now_at)


def _apply_apology_failed(state: CallbackState, callback: Callback, fact: ApologyFailed) -> None:
    counted = is_counted(callback) and not fact.is_uncounted
    callback = msgspec.structs.replace(
        told(state, callback, "apology_failed", leg_id=callback.customer_leg_id, reason=fact.outcome),
        tries=callback.tries - (0 if counted else 1),
        refusals=callback.refusals + (0 if counted or fact.is_uncounted else 1),
    )
    if fact.next_attempt_at is None:
        state.callbacks.put(callback)
    else:
        _await_apology(state, callback)


def _count_barred(state: CallbackState) -> None:
    """More may be forbidden than fit into one step: the timer goes on with them."""
    cause, count = state.barred
    state.barred = (state.cause, count + 1 if cause == state.cause else 1)
    if state.barred[1] == rules.BARRED_AT_ONCE_MAX:
        state.set_timer(POLICY_TIMER, ORGANIZATION_KEY, state.now_at)


def _apply_callback_end(state: CallbackState, fact: CallbackEnd) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    agent_leg_id, customer_leg_id = callback.agent_leg_id, callback.customer_leg_id
    is_ours = callback.phase in WITH_AGENT and agent_leg_id is not None
    if isinstance(fact, CallbackConnected):
        if callback.phase is Phase.BRIDGING and customer_leg_id is not None and agent_leg_id is not None:
            # Said by an older version, which did not wait for the talk's end.
            state.pairs.put(Pair(customer_leg_id, agent_leg_id, callback.pbx_id))
    elif is_ours and agent_leg_id is not None:
        take_leave(state, agent_leg_id, callback.pbx_id)
    if isinstance(fact, CallbackCancelled) and fact.keeps_line:
        close_order(state, callback.order_leg_id)
    if isinstance(fact, CallbackBarred):
        _count_barred(state)
    wait(state, callback, None)
    state.callbacks.drop(callback.callback_id)
