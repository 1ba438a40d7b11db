"""How facts of others change the state: settings, phones, and what the queue and voicemail say."""

import msgspec

from contracts.directory import CallbackCancelAsked, DepartmentSaved, OrganizationSaved, PbxSaved
from contracts.gateway import (
    TOO_LATE,
    Bridged,
    CommandRefused,
    DigitsEntered,
    LegAnswered,
    LegEnded,
    LegRequested,
    PbxLost,
    PbxReturned,
    PlayFinished,
)
from contracts.ids import Instant, LegId, PlayId, RecordingId
from contracts.log import TimerDue
from contracts.message import Fact
from contracts.tts import NoticeRendered
from services.callback import rules
from services.callback.decider import cancelling
from services.callback.decider.changes import (
    CALLBACK_TIMER,
    FAREWELL_TIMER,
    LINE_TIMER,
    ORDER_TIMER,
    Key,
    change,
    close_order,
    go_on,
    key_pressed,
    told,
    wait,
)
from services.callback.decider.places import hear_queue
from services.callback.state import (
    ORGANIZATION,
    CallbackState,
    Department,
    Dial,
    Notice,
    OrderPhase,
    Organization,
    Pair,
    Pbx,
    Phase,
)


def hear(state: CallbackState, fact: Fact) -> None:
    """Fold a fact of another service into the state; what does not concern it changes nothing."""
    match fact:
        case OrganizationSaved() | PbxSaved() | DepartmentSaved() | NoticeRendered():
            _hear_book(state, fact)
        case CallbackCancelAsked():
            cancelling.hear_cancel_asked(state, fact)
        case PbxLost() | PbxReturned():
            pbx = state.pbxs.get(fact.pbx_id) or Pbx(fact.pbx_id)
            state.pbxs.put(msgspec.structs.replace(pbx, is_away=isinstance(fact, PbxLost)))
        case CommandRefused():
            _hear_command_refused(state, fact)
        case LegRequested() | LegAnswered() | Bridged() | DigitsEntered() | PlayFinished() | LegEnded():
            _hear_leg(state, fact)
        case TimerDue():
            _hear_timer_due(state, fact)
        case _:
            hear_queue(state, fact)


def _hear_leg(
    state: CallbackState,
    fact: LegRequested | LegAnswered | Bridged | DigitsEntered | PlayFinished | LegEnded,
) -> None:
    match fact:
        case LegRequested() | LegAnswered():
            _note_requested(state, fact.leg_id, is_requested=True)
        case Bridged():
            _hear_bridged(state, fact)
        case DigitsEntered():
            _hear_digits(state, fact)
        case PlayFinished():
            _hear_said(state, fact.leg_id, fact.play_id, ok=fact.ok)
        case LegEnded():
            _hear_leg_ended(state, fact)


def _hear_book(
    state: CallbackState, fact: OrganizationSaved | PbxSaved | DepartmentSaved | NoticeRendered
) -> None:
    known: Organization | Pbx | Department | Notice | None
    match fact:
        case OrganizationSaved():
            known = state.organizations.get(ORGANIZATION)
            if known is None or known.version < fact.version:
                state.organizations.put(Organization(ORGANIZATION, fact.version, fact.dialling_policy))
        case PbxSaved():
            known = state.pbxs.get(fact.pbx_id)
            if known is None or known.version < fact.version:
                is_away = known is not None and known.is_away
                at_once_max = max(1, fact.apologies_at_once_max)
                state.pbxs.put(Pbx(fact.pbx_id, fact.version, fact.numbers, is_away, at_once_max))
        case DepartmentSaved():
            known = state.departments.get(fact.department_id)
            if known is None or known.version < fact.version:
                state.departments.put(_department(fact))
        case NoticeRendered():
            known = state.notices.get(fact.notice_id)
            if known is None or known.version < fact.version:
                state.notices.put(Notice(fact.notice_id, fact.version, fact.language, fact.parts))


def _department(fact: DepartmentSaved) -> Department:
    settings = fact.callback
    if fact.is_removed:
        settings = msgspec.structs.replace(settings, is_on=False)
    return Department(
        fact.department_id,
        fact.version,
        fact.pbx_id,
        fact.lines,
        fact.language,
        settings,
        fact.notices.order_taken,
        fact.notices.apology,
        fact.timezone,
        fact.no_answer_ms,
        fact.records_calls,
    )


def _note_requested(state: CallbackState, leg_id: LegId, *, is_requested: bool) -> None:
    callback = state.callback_on(leg_id)
    if callback is None:
        return
    for name in ("customer", "cancelled"):
        dial: Dial | None = getattr(callback, name)
        if dial is not None and dial.leg_id == leg_id and dial.is_requested is not is_requested:
            change(state, callback, **{name: msgspec.structs.replace(dial, is_requested=is_requested)})


def _hear_bridged(state: CallbackState, fact: Bridged) -> None:
    """They hear each other: a talk, which the agent may say for a minute to be none (C13)."""
    callback = next((found for leg_id in fact.legs if (found := state.callback_on(leg_id))), None)
    if callback is None or callback.phase is not Phase.BRIDGING:
        return
    leg_id, agent_leg_id = callback.customer_leg_id, callback.agent_leg_id
    if leg_id is None or agent_leg_id is None or leg_id not in fact.legs:
        return
    change(
        state,
        told(state, callback, "bridged", agent_id=callback.agent_id, leg_id=leg_id),
        phase=Phase.TALKING,
        bridged_at=state.now_at,
        recording_id=RecordingId(f"{leg_id}.rec") if callback.is_told else None,
    )
    state.pairs.put(Pair(leg_id, agent_leg_id, callback.pbx_id))
    wait(state, callback, rules.TALK_MS_MAX)


def _hear_digits(state: CallbackState, fact: DigitsEntered) -> None:
    order = state.orders.get(fact.leg_id)
    if order is None or order.phase is not OrderPhase.READ_BACK or order.is_accepted:
        return
    if key_pressed(state, order, fact.digits) is Key.CLOSE:
        go_on(state, order, phase=OrderPhase.CLOSING)


def _hear_said(state: CallbackState, leg_id: LegId, play_id: PlayId | None, *, ok: bool) -> None:
    """A play is over, or was refused (then without its name, which the leg tells).

    A whisper that was not heard may mean that the agent is gone, of which queue may know before us:
    a moment later the customer is dialled all the same.
    """
    if not ok:
        _hear_order_unheard(state, leg_id, play_id)
    callback = state.callback_on(leg_id)
    if callback is None or play_id not in (None, callback.play_id):
        return
    if callback.phase is Phase.WHISPERING and leg_id == callback.agent_leg_id:
        if ok:
            change(state, callback, is_whispered=True)
        else:
            wait(state, callback, rules.WHISPER_FAILED_MS)
    elif callback.phase is Phase.BRIDGING and leg_id == callback.customer_leg_id and play_id is not None:
        change(state, callback, is_told=ok)
    elif callback.phase is Phase.CONFIRMING and leg_id == callback.customer_leg_id:
        wait(state, callback, rules.CONFIRM_KEY_MS)
    elif callback.phase is Phase.APOLOGY_MADE and leg_id == callback.customer_leg_id:
        wait(state, callback, rules.APOLOGY_KEY_MS)


def _hear_order_unheard(state: CallbackState, leg_id: LegId, play_id: PlayId | None) -> None:
    """An order that stands could not be read back: that leg is over, or is being hung up now.

    Whoever presses 1 and hangs up before queue could say so has a leg whose end was heard too early, and
    will not be heard again: at the deadline nobody must be thought to be there (C1, C4).
    """
    order = state.orders.get(leg_id)
    if order is None or order.callback_id is None or play_id not in (None, order.play_id):
        return
    state.orders.put(msgspec.structs.replace(order, is_unheard=True))
    callback = state.callbacks.get(order.callback_id)
    if callback is not None and callback.order_leg_id == leg_id:
        change(state, callback, order_leg_id=None)


def refused_command(fact: CommandRefused) -> str:
    """The name of the refused command, without the edge's."""
    return fact.command.removeprefix("telephony.")


def _hear_command_refused(state: CallbackState, fact: CommandRefused) -> None:
    if fact.leg_id is None:
        return
    if refused_command(fact) == "play":
        _hear_said(state, fact.leg_id, None, ok=False)
    elif refused_command(fact) == "dial_leg":
        _hear_cancelled_over(state, fact.leg_id)
        _free_line(state, fact.leg_id)
    elif refused_command(fact) == "hang_up":  # the gateway knows no such leg: nothing of it will be heard
        _take_no_leave(state, fact.leg_id)
        _free_line(state, fact.leg_id)


def _take_no_leave(state: CallbackState, leg_id: LegId) -> None:
    state.farewells.drop(leg_id)
    state.drop_timer(FAREWELL_TIMER, leg_id)


def _free_line(state: CallbackState, leg_id: LegId) -> None:
    state.lines.drop(leg_id)
    state.drop_timer(LINE_TIMER, leg_id)


def _hear_cancelled_over(state: CallbackState, leg_id: LegId) -> None:
    """A cancelled leg has ended; one that was never dialled was no attempt."""
    callback = state.callback_on(leg_id)
    if callback is None or callback.cancelling is None or callback.cancelling.leg_id != leg_id:
        return
    over = msgspec.structs.replace(callback.cancelling, is_over=True)
    is_counted = over.is_requested or callback.refusals >= rules.REFUSALS_MAX
    change(
        state,
        callback,
        cancelled=over,
        attempts=callback.attempts - (0 if is_counted else 1),
        refusals=callback.refusals + (0 if is_counted else 1),
    )


def _hear_leg_ended(state: CallbackState, fact: LegEnded) -> None:
    leg_id, state.left = fact.leg_id, None
    if fact.cause == TOO_LATE:
        # The gateway had taken the dial on, and came to it too late: as if it had been refused.
        _note_requested(state, leg_id, is_requested=False)
    _hear_cancelled_over(state, leg_id)
    callback = state.callback_on(leg_id)
    if callback is not None and callback.live_leg_id == leg_id:
        change(state, callback, live_leg_id=None)
        state.left = callback.callback_id
    elif callback is not None and callback.order_leg_id == leg_id:
        change(state, callback, order_leg_id=None)
    elif callback is not None and callback.customer is not None and callback.customer.leg_id == leg_id:
        change(state, callback, customer=msgspec.structs.replace(callback.customer, is_over=True))
    order = state.orders.get(leg_id)
    if order is not None and order.callback_id is not None:
        close_order(state, leg_id)
    _take_no_leave(state, leg_id)
    _free_line(state, leg_id)
    pair = state.pair_with(leg_id)
    if pair is not None and pair.ended_leg_id is None:
        state.pairs.put(msgspec.structs.replace(pair, ended_leg_id=leg_id))
    elif pair is not None and pair.ended_leg_id != leg_id:
        state.pairs.drop(pair.leg_id)


def _hear_timer_due(state: CallbackState, fact: TimerDue) -> None:
    """Timers of what is not over are set anew; while the PBX is away no phone is judged for silence."""
    match fact.kind:
        case "order" if (order := state.orders.get(fact.subject)) is not None:
            if order.is_unheard:  # it was told to hang up, and nothing more will be heard of it
                close_order(state, order.leg_id)
                return
            state.set_timer(ORDER_TIMER, fact.subject, Instant(state.now_at + rules.ORDER_STEP_MS_MAX))
        case "farewell" if fact.subject in state.farewells:
            state.set_timer(FAREWELL_TIMER, fact.subject, Instant(state.now_at + rules.FAREWELL_AGAIN_MS))
        case "line" if fact.subject in state.lines:
            state.set_timer(LINE_TIMER, fact.subject, Instant(state.now_at + rules.LINE_AGAIN_MS))
        case "callback":
            callback = state.callbacks.get(fact.subject)
            if callback is None:
                return
            if callback.phase is Phase.APOLOGY_DUE:
                look_at = rules.next_lateness_at(callback.deadline_at, state.now_at)
                wait(state, callback, None if look_at is None else look_at - state.now_at)
            elif state.is_away(callback.pbx_id):
                due_at = Instant(state.now_at + rules.AWAY_RECHECK_MS)
                state.set_timer(CALLBACK_TIMER, fact.subject, due_at)
        case _:
            pass
