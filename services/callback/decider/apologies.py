"""The apology (C4): at the deadline, on a leg that is up, or by one of the PBX's five lines for these.

A customer whom an attempt has dialled is not called for an apology. Queue grants each call, when no leg of
the customer is up; who then waits for a line is served by the earliest deadline, first calls before second
tries; while the PBX is away, nobody is.
"""

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
from contracts.queue import (
    ApologyGranted,
    CustomerOnLine,
    CustomerTalked,
    DeadlinePassed,
    PlaceAbandoned,
    PlaceDiverted,
)
from contracts.telephony import CancelLeg, HangUp
from contracts.voicemail import MessageMissing, MessageTaken
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import asking, endings, sayings
from services.callback.decider.attempts import dial_command
from services.callback.decider.changes import LATE, ON_LINE, QUIET, is_counted
from services.callback.state import Callback, CallbackState, Phase


def on_deadline_passed(state: CallbackState, fact: DeadlinePassed) -> Decision:
    """No agent in time. In the middle of an attempt this changes nothing (C5)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return NOTHING
    if fact.reason:  # it waited too long for another call of the customer (C15)
        is_waiting = callback.phase is Phase.WAITING
        return endings.expired(state, callback, fact.reason, was_told=False) if is_waiting else NOTHING
    if callback.phase is Phase.HELD and callback.customer_leg_id is not None:
        return _apologize(state, callback, callback.customer_leg_id, 1)
    return _nobody_came(state, callback) if callback.phase is Phase.WAITING else NOTHING


def _nobody_came(state: CallbackState, callback: Callback) -> Decision:
    if callback.order_leg_id is not None:
        return _apologize(state, callback, callback.order_leg_id, 1)
    if callback.was_dialled:
        return endings.unreached(state, callback, "deadline_passed")
    if callback.origin is Origin.ABANDONED:  # never an apology call (C11): the recipients are told
        return endings.expired(state, callback, "nobody_came", was_told=False)
    if (reason := _not_now(state, callback)) is not None:
        return endings.expired(state, callback, reason, was_told=False)
    queued = ApologyQueued(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        due_at=state.now_at,
        number=callback.number,
    )
    return Decision(facts=(queued,))


def _not_now(state: CallbackState, callback: Callback) -> str | None:
    """Why this apology is not dialled any more, or None: lateness counts from the place's deadline (C4)."""
    if dialling.refusal(callback.number, state.policy()) is dialling.Refusal.SWITCHED_OFF:
        return dialling.Refusal.SWITCHED_OFF
    late_ms = state.now_at - callback.deadline_at
    if late_ms >= rules.APOLOGY_LATE_MS:
        return LATE
    is_late = late_ms >= rules.APOLOGY_QUIET_LATE_MS
    if asking.is_quiet(state, callback) or (is_late and asking.is_night(state, callback)):
        return QUIET
    return None


def on_granted(state: CallbackState, fact: ApologyGranted) -> Decision:
    """Nobody else talks to the customer: the apology waits for a line."""
    callback = state.callbacks.get(fact.callback_id)
    return NOTHING if callback is None else next_apologies(state, callback.pbx_id)


def on_customer_on_line(state: CallbackState, fact: CustomerOnLine) -> Decision:
    """The customer calls in, or an attempt goes first: an apology that still rings gives way (C15)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase is not Phase.APOLOGY_DIALLED or callback.customer_leg_id is None:
        return NOTHING
    failed = ApologyFailed(
        callback_id=callback.callback_id,
        leg_id=callback.customer_leg_id,
        outcome=Outcome.CANCELLED,
        next_attempt_at=state.now_at,
        is_uncounted=True,
    )
    cancel = CancelLeg(pbx_id=callback.pbx_id, leg_id=callback.customer_leg_id)
    return Decision(facts=(failed,), commands=(cancel,))


def on_customer_talked(state: CallbackState, fact: CustomerTalked) -> Decision:
    """Who has talked with the department by another call needs neither attempt nor apology (C14)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase not in (Phase.WAITING, Phase.APOLOGY_DUE, Phase.APOLOGY_DIALLED):
        return NOTHING
    return endings.talked_otherwise(state, callback, fact)


def _if_too_late(state: CallbackState, callback: Callback) -> Decision:
    """A quarter of an hour, or an hour, after the deadline: not by night, nor while another call goes on."""
    reason = _not_now(state, callback)
    if reason is None and not callback.is_apology_ready and not state.is_away(callback.pbx_id):
        reason = ON_LINE if state.now_at - callback.deadline_at >= rules.APOLOGY_QUIET_LATE_MS else None
    return NOTHING if reason is None else endings.expired(state, callback, reason, was_told=False)


def on_place_lost(state: CallbackState, fact: PlaceDiverted | PlaceAbandoned) -> Decision:
    """The place ended in the queue although a callback holds it: nobody will come for it any more.

    A diverted caller got the no-answer action on the line, which makes the order void; else the
    customer is owed an apology.
    """
    callback = state.callback_of(fact.place_id)
    if callback is None and isinstance(fact, PlaceAbandoned):
        return asking.on_abandoned(state, fact)
    if callback is None or callback.phase is not Phase.WAITING:
        return NOTHING
    if isinstance(fact, PlaceDiverted):
        return endings.cancelled(state, callback, "diverted")
    return _nobody_came(state, callback)


def next_apologies(state: CallbackState, pbx_id: PbxId) -> Decision:
    """Dial for as many apologies as this PBX has lines free, the earliest deadline first."""
    ready = state.apologies_ready.get(pbx_id)
    if ready is None or state.is_away(pbx_id):
        return NOTHING
    free = state.apologies_at_once_max(pbx_id) - state.lines_taken.get(pbx_id, 0)
    chosen = (state.callbacks[callback_id] for _, _, callback_id in ready[: max(0, free)])
    return together(_dial(state, callback) for callback in chosen)


def on_line_held(state: CallbackState, leg_id: LegId) -> Decision:
    """A line is held for longer than any apology lasts: hang up what is on it."""
    line = state.lines.get(leg_id)
    if line is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=line.pbx_id, leg_id=leg_id, reason="silent"),))


def _dial(state: CallbackState, callback: Callback) -> Decision:
    if (late := _not_now(state, callback)) is not None:
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
    command = dial_command(state, callback, leg_id, rules.APOLOGY_RING_MS)
    return Decision(facts=(dialled,), commands=(command,))


def on_customer_answered(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """The customer picked up the apology call."""
    if callback.phase is not Phase.APOLOGY_DIALLED or callback.customer_leg_id != leg_id:
        return NOTHING
    return _apologize(state, callback, leg_id, 1)


def _apologize(state: CallbackState, callback: Callback, leg_id: LegId, ask: int) -> Decision:
    play_id = PlayId(f"{leg_id}.apology{ask}")
    made = ApologyMade(callback_id=callback.callback_id, leg_id=leg_id, play_id=play_id, ask=ask)
    media = sayings.apology(state, callback, ask)
    play = sayings.said(callback.pbx_id, leg_id, play_id, media, barge_in=True)
    return Decision(facts=(made,), commands=(play,))


def on_digits_entered(state: CallbackState, callback: Callback, fact: DigitsEntered) -> Decision:
    """«1» leaves a voice message, «0» ends it (C9); other keys are no answer."""
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
    )
    return Decision(facts=(wanted,))


def on_silence(state: CallbackState, callback: Callback) -> Decision:
    """The timer of an apology: due again, no key pressed, or nothing heard of the phone."""
    leg_id = callback.customer_leg_id
    match callback.phase:
        case Phase.APOLOGY_DUE:
            return _if_too_late(state, callback)
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


def on_customer_gone(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    """The customer did not answer the apology call, or has hung up in it; voicemail tells of its own part."""
    match callback.phase:
        case Phase.APOLOGY_DIALLED:
            return _fail(state, callback, outcome)
        case Phase.APOLOGY_MADE:
            return endings.expired(state, callback, "hung_up", was_told=True)
        case _:
            return NOTHING


def on_dial_refused(state: CallbackState, callback: Callback) -> Decision:
    """The gateway did not dial: that was no try."""
    return _fail(state, callback, Outcome.FAILED) if callback.phase is Phase.APOLOGY_DIALLED else NOTHING


def _fail(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    if callback.customer_leg_id is None:
        return NOTHING
    tries = callback.tries - (0 if is_counted(callback) else 1)
    is_over = outcome is Outcome.BAD_NUMBER or tries >= rules.APOLOGY_TRIES_MAX
    failed = ApologyFailed(
        callback_id=callback.callback_id,
        leg_id=callback.customer_leg_id,
        outcome=outcome,
        next_attempt_at=None if is_over else Instant(state.now_at + rules.APOLOGY_GAP_MS),
    )
    return Decision(facts=(failed,))


def on_apology_failed(state: CallbackState, fact: ApologyFailed) -> Decision:
    """After the last try the recipients are told, since the customer could not be."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or fact.next_attempt_at is not None:
        return NOTHING
    return endings.expired(state, callback, fact.outcome, was_told=False)


def on_voicemail(state: CallbackState, fact: MessageTaken | MessageMissing) -> Decision:
    """What came of the voice message: either way the callback expired."""
    callback = None if fact.callback_id is None else state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase is not Phase.RECORDING:
        return NOTHING
    if isinstance(fact, MessageTaken):
        return endings.expired(state, callback, "", has_voice_message=True, was_told=True)
    return endings.expired(state, callback, fact.reason, was_told=True)
