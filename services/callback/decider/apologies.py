"""Apologies (C4): made after the deadline, on a leg that is up or on one of the PBX's apology lines.

A customer whom an attempt has dialled is not called for an apology. Queue grants each call when no leg of the
customer is up. It then waits for a free line: first calls go before second tries, and the earliest deadline
goes first. While the PBX is away nobody is called.
"""

import msgspec

from contracts import dialling
from contracts.callback import (
    ApologyDialled,
    ApologyFailed,
    ApologyMade,
    ApologyQueued,
    MessageWanted,
    Origin,
)
from contracts.gateway import DigitsEntered, Outcome
from contracts.ids import Instant, LegId, PbxId, PlaceId, PlayId
from contracts.log import TimerDue
from contracts.queue import ApologyGranted, DeadlinePassed
from contracts.telephony import HangUp
from contracts.voicemail import MessageMissing, MessageTaken
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import dials, endings, spoken_texts
from services.callback.decider.story import with_line
from services.callback.state import CallbackState
from services.callback.state.records import ApologyLine, Callback, Dial, Phase


def apply_deadline_passed(state: CallbackState, fact: DeadlinePassed) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and callback.phase in (Phase.WAITING, Phase.HELD):
        state.callbacks.put(with_line(state, callback, "deadline_passed"))


def decide_deadline_passed(state: CallbackState, fact: DeadlinePassed) -> Decision:
    """No agent came in time. In the middle of an attempt this changes nothing (C5)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return NOTHING
    if fact.reason:  # the place waited too long for another call of the customer (C15)
        is_waiting = callback.phase is Phase.WAITING
        return endings.expired(state, callback, fact.reason, was_told=False) if is_waiting else NOTHING
    if callback.phase is Phase.HELD and callback.customer_leg_id is not None:
        return _apologize(state, callback, callback.customer_leg_id, 1)
    return decide_nobody_came(state, callback) if callback.phase is Phase.WAITING else NOTHING


def decide_nobody_came(state: CallbackState, callback: Callback) -> Decision:
    """No agent will come any more: apologize now, or queue an apology call, or end."""
    if callback.order_leg_id is not None:
        return _apologize(state, callback, callback.order_leg_id, 1)
    if callback.was_dialled:
        return endings.unreached(state, callback, "deadline_passed")
    if callback.origin is Origin.ABANDONED:  # never an apology call (C11): the recipients are told
        return endings.expired(state, callback, "nobody_came", was_told=False)
    if (reason := _why_not_now(state, callback)) is not None:
        return endings.expired(state, callback, reason, was_told=False)
    queued = ApologyQueued(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        due_at=state.now_at,
        number=callback.number,
    )
    return Decision(facts=(queued,))


def apply_queued(state: CallbackState, fact: ApologyQueued) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None:
        _await_grant(state, with_line(state, callback, "apology_queued"))


def _await_grant(state: CallbackState, callback: Callback) -> None:
    """Queue says when it may be dialled; until then a timer looks whether it has become too late (C4)."""
    state.callbacks.change(callback, phase=Phase.APOLOGY_DUE, customer=None, is_apology_ready=False)
    look_at = rules.next_lateness_at(callback.deadline_at, state.now_at)
    state.wait(callback, 0 if look_at is None else look_at - state.now_at)


def look_again(state: CallbackState, callback: Callback) -> None:
    """The timer came due while the apology waits: set the next one, if there is one."""
    look_at = rules.next_lateness_at(callback.deadline_at, state.now_at)
    state.wait(callback, None if look_at is None else look_at - state.now_at)


def _why_not_now(state: CallbackState, callback: Callback) -> str | None:
    """Why this apology is not dialled any more, or None: lateness counts from the place's deadline (C4)."""
    if dialling.refusal(callback.number, state.policy()) is dialling.Refusal.SWITCHED_OFF:
        return dialling.Refusal.SWITCHED_OFF
    late_ms = state.now_at - callback.deadline_at
    if late_ms >= rules.APOLOGY_LATE_MS:
        return endings.LATE
    is_late = late_ms >= rules.APOLOGY_QUIET_LATE_MS
    if dials.is_quiet(state, callback) or (is_late and dials.is_night(state, callback)):
        return endings.QUIET
    return None


def _decide_too_late(state: CallbackState, callback: Callback) -> Decision:
    """Looked at 15 and 60 min after the deadline: it is too late, or another call goes on for too long."""
    reason = _why_not_now(state, callback)
    if reason is None and not callback.is_apology_ready and not state.is_away(callback.pbx_id):
        is_late = state.now_at - callback.deadline_at >= rules.APOLOGY_QUIET_LATE_MS
        reason = endings.ON_LINE if is_late else None
    return NOTHING if reason is None else endings.expired(state, callback, reason, was_told=False)


def apply_granted(state: CallbackState, fact: ApologyGranted) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and callback.phase is Phase.APOLOGY_DUE:
        state.callbacks.change(callback, is_apology_ready=True)


def decide_granted(state: CallbackState, fact: ApologyGranted) -> Decision:
    callback = state.callbacks.get(fact.callback_id)
    return NOTHING if callback is None else dial_ready(state, callback.pbx_id)


def dial_ready(state: CallbackState, pbx_id: PbxId) -> Decision:
    """Dial for as many apologies as this PBX has lines free, the earliest deadline first."""
    ready = state.apologies_ready.get(pbx_id)
    if ready is None or state.is_away(pbx_id):
        return NOTHING
    free = state.pbx(pbx_id).apologies_at_once_max - state.lines_taken.get(pbx_id, 0)
    chosen = (state.callbacks[callback_id] for _, _, callback_id in ready[: max(0, free)])
    return together(_dial(state, callback) for callback in chosen)


def _dial(state: CallbackState, callback: Callback) -> Decision:
    if (late := _why_not_now(state, callback)) is not None:
        return endings.expired(state, callback, late, was_told=False)
    reason = dialling.refusal(callback.number, state.policy())
    if reason is not None:
        return endings.barred(state, callback, reason)
    leg_id = LegId(f"{callback.callback_id}.apology{callback.dials + 1}")
    dialled = ApologyDialled(
        callback_id=callback.callback_id,
        leg_id=leg_id,
        attempt=callback.tries + 1,
        place_id=callback.place_id,
    )
    command = dials.command(state, callback, leg_id, rules.APOLOGY_RING_MS)
    return Decision(facts=(dialled,), commands=(command,))


def apply_dialled(state: CallbackState, fact: ApologyDialled) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.callbacks.change(
        with_line(state, callback, "apology_dialled", leg_id=fact.leg_id),
        phase=Phase.APOLOGY_DIALLED,
        tries=callback.tries + 1,
        dials=callback.dials + 1,
        customer=Dial(fact.leg_id),
        is_apology_ready=False,
    )
    state.wait(callback, rules.APOLOGY_RING_MS + rules.RING_GRACE_MS)
    state.lines.put(ApologyLine(fact.leg_id, callback.pbx_id))
    state.set_timer("line", fact.leg_id, Instant(state.now_at + rules.LINE_MS_MAX))


def apply_line_due(state: CallbackState, fact: TimerDue) -> None:
    if fact.subject in state.lines:
        state.set_timer("line", fact.subject, Instant(state.now_at + rules.LINE_AGAIN_MS))


def decide_line_due(state: CallbackState, fact: TimerDue) -> Decision:
    """A line is taken for longer than any apology lasts: hang up what is on it."""
    line = state.lines.get(fact.subject)
    if line is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=line.pbx_id, leg_id=line.leg_id, reason="silent"),))


def free_line(state: CallbackState, leg_id: LegId) -> None:
    """The leg has ended, or was never dialled: its line is free."""
    state.lines.drop(leg_id)
    state.drop_timer("line", leg_id)


def decide_answered(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """The customer picked up the apology call."""
    if callback.phase is not Phase.APOLOGY_DIALLED or callback.customer_leg_id != leg_id:
        return NOTHING
    return _apologize(state, callback, leg_id, 1)


def _apologize(state: CallbackState, callback: Callback, leg_id: LegId, ask: int) -> Decision:
    play_id = PlayId(f"{leg_id}.apology{ask}")
    made = ApologyMade(callback_id=callback.callback_id, leg_id=leg_id, play_id=play_id, ask=ask)
    media = spoken_texts.apology(state, callback, ask)
    play = spoken_texts.play(callback.pbx_id, leg_id, play_id, media, barge_in=True)
    return Decision(facts=(made,), commands=(play,))


def apply_made(state: CallbackState, fact: ApologyMade) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.callbacks.change(
        with_line(state, callback, "apology_made", leg_id=fact.leg_id, reason=f"ask {fact.ask}"),
        phase=Phase.APOLOGY_MADE,
        customer=Dial(fact.leg_id, True),
        order_leg_id=None,
        ask=fact.ask,
        play_id=fact.play_id,
    )
    state.wait(callback, rules.APOLOGY_PLAY_MS_MAX)
    state.close_order(fact.leg_id)


def decide_digits(state: CallbackState, callback: Callback, fact: DigitsEntered) -> Decision:
    """«1» leaves a voice message, «0» ends the callback (C9); other keys are no answer."""
    leg_id = callback.customer_leg_id
    if callback.phase is not Phase.APOLOGY_MADE or leg_id != fact.leg_id or leg_id is None:
        return NOTHING
    if fact.digits.endswith("0"):
        return endings.cancelled(state, callback, "by_customer")
    if not fact.digits.endswith("1"):
        return NOTHING
    wanted = MessageWanted(
        callback_id=callback.callback_id,
        place_id=PlaceId(callback.place_id),
        department_id=callback.department_id,
        pbx_id=callback.pbx_id,
        leg_id=leg_id,
        number=callback.number,
        joined_at=callback.joined_at,
        deadline_at=callback.deadline_at,
        ordered_at=callback.ordered_at,
    )
    return Decision(facts=(wanted,))


def apply_message_wanted(state: CallbackState, fact: MessageWanted) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    noted = with_line(state, callback, "message_wanted", leg_id=fact.leg_id)
    state.callbacks.change(noted, phase=Phase.RECORDING)
    state.wait(callback, rules.RECORDING_MS_MAX)


def decide_message(state: CallbackState, fact: MessageTaken | MessageMissing) -> Decision:
    """Voicemail says whether there is a voice message: either way the callback ends expired."""
    callback = None if fact.callback_id is None else state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase is not Phase.RECORDING:
        return NOTHING
    if isinstance(fact, MessageTaken):
        return endings.expired(state, callback, "", has_voice_message=True, was_told=True)
    return endings.expired(state, callback, fact.reason, was_told=True)


def decide_silence(state: CallbackState, callback: Callback) -> Decision:
    """The timer of an apology is due: no line was free, no key was pressed, or a phone was not heard of."""
    leg_id = callback.customer_leg_id
    match callback.phase:
        case Phase.APOLOGY_DUE:
            return _decide_too_late(state, callback)
        case Phase.APOLOGY_DIALLED if leg_id is not None:
            hang_up = HangUp(pbx_id=callback.pbx_id, leg_id=leg_id, reason="silent")
            return together((_fail(state, callback, Outcome.FAILED), Decision(commands=(hang_up,))))
        case Phase.APOLOGY_MADE if leg_id is not None:
            if callback.ask < rules.APOLOGY_ASKS_MAX:
                return _apologize(state, callback, leg_id, callback.ask + 1)
            return endings.expired(state, callback, "no_key", was_told=True)
        case Phase.RECORDING:
            return endings.expired(state, callback, "no_word_of_voicemail", was_told=True)
        case _:
            return NOTHING


def decide_customer_gone(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    """The customer did not answer the apology call, or hung up in it; a recording is voicemail's."""
    match callback.phase:
        case Phase.APOLOGY_DIALLED:
            return _fail(state, callback, outcome)
        case Phase.APOLOGY_MADE:
            return endings.expired(state, callback, "hung_up", was_told=True)
        case _:
            return NOTHING


def decide_dial_refused(state: CallbackState, callback: Callback) -> Decision:
    """The gateway did not dial: that was no try."""
    return _fail(state, callback, Outcome.FAILED) if callback.phase is Phase.APOLOGY_DIALLED else NOTHING


def _fail(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    if callback.customer_leg_id is None:
        return NOTHING
    tries = callback.tries - (0 if dials.is_counted(callback) else 1)
    is_over = outcome is Outcome.BAD_NUMBER or tries >= rules.APOLOGY_TRIES_MAX
    failed = ApologyFailed(
        callback_id=callback.callback_id,
        leg_id=callback.customer_leg_id,
        outcome=outcome,
        next_attempt_at=None if is_over else Instant(state.now_at + rules.APOLOGY_GAP_MS),
    )
    return Decision(facts=(failed,))


def apply_failed(state: CallbackState, fact: ApologyFailed) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    is_counted = dials.is_counted(callback) and not fact.is_uncounted
    callback = msgspec.structs.replace(
        with_line(state, callback, "apology_failed", leg_id=callback.customer_leg_id, reason=fact.outcome),
        tries=callback.tries - (0 if is_counted else 1),
        refusals=callback.refusals + (0 if is_counted or fact.is_uncounted else 1),
    )
    if fact.next_attempt_at is None:
        state.callbacks.put(callback)
    else:
        _await_grant(state, callback)


def decide_failed(state: CallbackState, fact: ApologyFailed) -> Decision:
    """After the last try the recipients are told, since the customer could not be."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or fact.next_attempt_at is not None:
        return NOTHING
    return endings.expired(state, callback, fact.outcome, was_told=False)
