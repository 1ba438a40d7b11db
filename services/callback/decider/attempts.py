"""An attempt (C3, C6, C7): an agent is there, hears whom, the customer is dialled, both are bridged.

The customer is dialled for one agent who is on the line, and for nobody else. Whoever drops before the
bridge: the customer → the agent is told and freed, and there may be another attempt; the agent → the
customer's leg is cancelled, or, if it was answered in that moment, held for the next agent.
"""

from contracts import dialling
from contracts.callback import (
    AgentLost,
    AttemptFailed,
    AttemptStarted,
    ConfirmationAsked,
    CustomerAnswered,
    CustomerDialled,
    CustomerExpected,
    CustomerHeld,
    CustomerJoined,
    JoinRefused,
)
from contracts.directory import CallbackNotReachedAsked
from contracts.gateway import DigitsEntered, LegEnded, Outcome, PlayFinished
from contracts.ids import Address, BridgeId, Instant, LegId, PlaceId, PlayId
from contracts.prompts import Prompt, attempt_prompt, prompt_keys
from contracts.queue import AgentReady, CallbackJoined, PlaceConnected
from contracts.telephony import Bridge, CancelLeg, DialLeg, HangUp, Play, Record, StartHoldMusic
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import asking, endings, sayings
from services.callback.decider.changes import QUIET, can_start, is_counted
from services.callback.state import WITH_AGENT, Callback, CallbackState, Phase

JOINABLE = frozenset({Phase.WHISPERING, Phase.DIALLING, Phase.EXPECTING})
"""An agent is here, and nobody has been reached yet."""
NOT_REACHED_IN = frozenset({Phase.DIALLING, Phase.CONFIRMING, Phase.BRIDGING, Phase.TALKING})


def on_agent_ready(state: CallbackState, fact: AgentReady) -> Decision:
    """An agent took the place: the whisper; too late for this callback, a good-bye."""
    callback = state.callbacks.get(fact.callback_id)
    if fact.leg_id in state.farewells:
        department_id = None if callback is None else callback.department_id
        told = sayings.farewell(state, department_id, fact.leg_id, fact.pbx_id, Prompt.CALLBACK_CANCELLED)
        return Decision(commands=(told,))
    if callback is None or not can_start(callback):
        return NOTHING
    play_id = PlayId(f"{callback.callback_id}.whisper{callback.plays + 1}")
    started = AttemptStarted(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        attempt=callback.attempts + 1,
        agent_id=fact.agent_id,
        agent_leg_id=fact.leg_id,
        whisper_play_id=play_id,
    )
    media = sayings.whisper(state, callback, fact)
    return Decision(facts=(started,), commands=(sayings.said(callback.pbx_id, fact.leg_id, play_id, media),))


def on_whisper_over(state: CallbackState, callback: Callback) -> Decision:
    """The agent knows whom: dial the customer, unless a cancelled leg to him has not ended yet."""
    if not callback.is_whispered or callback.cancelling is not None:
        return NOTHING
    return _dial(state, callback)


def on_live_leg_over(state: CallbackState) -> Decision:
    """The customer has hung up without pressing the key: the agent is still there, and dials."""
    callback = None if state.left is None else state.callbacks.get(state.left)
    if callback is None or callback.phase is not Phase.EXPECTING or callback.cancelling is not None:
        return NOTHING
    return _dial(state, callback)


def _expect(callback: Callback, leg_id: LegId) -> Decision:
    expected = CustomerExpected(callback_id=callback.callback_id, place_id=callback.place_id, leg_id=leg_id)
    return Decision(facts=(expected,))


def on_callback_joined(state: CallbackState, fact: CallbackJoined) -> Decision:
    """«1» on the customer's own call: the agent who is here is bridged to it (C8)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase not in JOINABLE:
        refused = JoinRefused(
            callback_id=fact.callback_id, place_id=fact.place_id, new_place_id=fact.new_place_id
        )
        return Decision(facts=(refused,))
    return join(state, callback, leg_id=fact.leg_id, new_place_id=fact.new_place_id)


def join(state: CallbackState, callback: Callback, *, leg_id: LegId, new_place_id: PlaceId) -> Decision:
    """Bring the customer on this leg together with the agent; what rings the customer stops."""
    is_recorded = _is_recorded(state, callback)
    joined = CustomerJoined(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        new_place_id=new_place_id,
        leg_id=leg_id,
        play_id=_told_play_id(leg_id) if is_recorded else None,
    )
    dialled = [each for each in (callback.customer, callback.cancelling) if each is not None]
    cancels = tuple(CancelLeg(pbx_id=callback.pbx_id, leg_id=each.leg_id) for each in dialled)
    together_ = _bring_together(state, callback, leg_id, is_recorded=is_recorded)
    return Decision(facts=(joined,), commands=(*cancels, *together_))


def on_silence(state: CallbackState, callback: Callback) -> Decision:
    """The timer of an attempt: what should have been heard of a phone by now was not."""
    match callback.phase:
        case Phase.WAITING:
            return _last_leg_over(state, callback)
        case Phase.WHISPERING:
            return together((_stop_cancelled(callback), _dial(state, callback)))
        case Phase.EXPECTING:
            return _fail(state, callback, Outcome.BUSY)
        case Phase.TALKING:
            return on_talk_over(state, callback)
        case Phase.DIALLING | Phase.BRIDGING:
            failed = _fail(state, callback, Outcome.FAILED)
            return together((failed, _hang_up(callback, callback.customer_leg_id)))
        case Phase.CONFIRMING:
            return _nobody_confirmed(state, callback)
        case _:
            return NOTHING


def _dial(state: CallbackState, callback: Callback) -> Decision:
    if callback.live_leg_id is not None:
        return _expect(callback, callback.live_leg_id)
    reason = dialling.refusal(callback.number, state.policy())
    if reason is dialling.Refusal.SWITCHED_OFF:  # nobody is offered it until the switch is back (C10)
        return _fail(state, callback, Outcome.CANCELLED)
    if reason is not None:
        return endings.barred(state, callback, reason)
    if asking.is_quiet(state, callback):
        return endings.expired(state, callback, QUIET, was_told=False)
    if callback.agent_id is None or callback.agent_leg_id is None:
        return NOTHING
    leg_id = LegId(f"{callback.callback_id}.dial{callback.dials + 1}")
    dialled = CustomerDialled(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        attempt=callback.attempts + 1,
        leg_id=leg_id,
        agent_id=callback.agent_id,
        agent_leg_id=callback.agent_leg_id,
    )
    tone = prompt_keys(sayings.language_of(state, callback.department_id), Prompt.RINGING_TONE)
    return Decision(
        facts=(dialled,),
        commands=(
            dial_command(state, callback, leg_id, callback.ring_ms),
            sayings.said(
                callback.pbx_id, callback.agent_leg_id, PlayId(f"{leg_id}.tone"), tone * rules.RINGING_TONES
            ),
        ),
    )


def dial_command(state: CallbackState, callback: Callback, leg_id: LegId, ring_ms: int) -> DialLeg:
    """Ring the customer, who sees the number that was called, as far as this PBX still has it (G5)."""
    pbx = state.pbxs.get(callback.pbx_id)
    department = state.departments.get(callback.department_id)
    shown = rules.caller_id(
        callback.caller_id,
        () if department is None else department.lines,
        () if pbx is None else pbx.numbers,
    )
    return DialLeg(
        pbx_id=callback.pbx_id,
        leg_id=leg_id,
        address=Address(f"tel:{callback.number}"),
        caller_id=shown,
        ring_ms_max=ring_ms,
        not_after=Instant(state.now_at + rules.DIAL_LATE_MS_MAX),
    )


def on_customer_answered(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """The customer is there: bridge, or «one moment» if the agent has just gone (C7)."""
    is_cancelled = callback.cancelling is not None and callback.cancelling.leg_id == leg_id
    if callback.phase is Phase.WAITING and is_cancelled:
        return _hold(state, callback, leg_id)
    is_dialled = callback.phase is Phase.DIALLING and callback.customer_leg_id == leg_id
    # Answered although cancelled, while the next agent hears the whisper: that is the next free agent.
    if not is_dialled and not (callback.phase is Phase.WHISPERING and is_cancelled):
        return NOTHING
    if callback.agent_leg_id is None:
        return NOTHING
    department = state.departments.get(callback.department_id)
    if department is not None and department.settings.confirms_customer:
        return _ask_to_confirm(state, callback, leg_id)
    return _connect(state, callback, leg_id)


def _ask_to_confirm(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """Who picked up shall press a key: a machine does not (C16)."""
    play_id = PlayId(f"{leg_id}.confirm")
    asked = ConfirmationAsked(
        callback_id=callback.callback_id, place_id=callback.place_id, leg_id=leg_id, play_id=play_id
    )
    media = sayings.confirm(state, callback)
    play = sayings.said(callback.pbx_id, leg_id, play_id, media, barge_in=True)
    return Decision(facts=(asked,), commands=(play,))


def on_digits_entered(state: CallbackState, callback: Callback, fact: DigitsEntered) -> Decision:
    """«1» confirms; other keys are no answer."""
    is_asked = callback.phase is Phase.CONFIRMING and callback.customer_leg_id == fact.leg_id
    return _connect(state, callback, fact.leg_id) if is_asked and fact.digits.endswith("1") else NOTHING


def on_asked_over(state: CallbackState, callback: Callback, fact: PlayFinished) -> Decision:
    """Who could not be asked is connected: words that are missing cost nobody the call."""
    is_unheard = fact.play_id == callback.play_id and not fact.ok
    return _connect(state, callback, fact.leg_id) if is_unheard else NOTHING


def _nobody_confirmed(state: CallbackState, callback: Callback) -> Decision:
    """That counts as unanswered (C16)."""
    over = _hang_up(callback, callback.customer_leg_id)
    return together((_fail(state, callback, Outcome.NO_ANSWER), over))


def _connect(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    is_recorded = _is_recorded(state, callback)
    answered = CustomerAnswered(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        leg_id=leg_id,
        play_id=_told_play_id(leg_id) if is_recorded else None,
    )
    commands = _bring_together(state, callback, leg_id, is_recorded=is_recorded)
    return Decision(facts=(answered,), commands=commands)


def _is_recorded(state: CallbackState, callback: Callback) -> bool:
    department = state.departments.get(callback.department_id)
    return department is not None and department.records_calls


def _bring_together(
    state: CallbackState, callback: Callback, leg_id: LegId, *, is_recorded: bool
) -> tuple[Bridge | Play, ...]:
    """Bridge at once, or after the customer has heard of the recording (R1)."""
    if callback.agent_leg_id is None:
        return ()
    if not is_recorded:
        return (_bridge(callback, callback.agent_leg_id, leg_id),)
    media = prompt_keys(sayings.language_of(state, callback.department_id), Prompt.CALL_RECORDED)
    return (sayings.said(callback.pbx_id, leg_id, _told_play_id(leg_id), media),)


def _told_play_id(leg_id: LegId) -> PlayId:
    """The play that tells a customer that the conversation will be recorded (R1)."""
    return PlayId(f"{leg_id}.recorded")


def _bridge_id(leg_id: LegId) -> BridgeId:
    return BridgeId(f"{leg_id}.bridge")


def _bridge(callback: Callback, agent_leg_id: LegId, leg_id: LegId) -> Bridge:
    return Bridge(pbx_id=callback.pbx_id, bridge_id=_bridge_id(leg_id), legs=(agent_leg_id, leg_id))


def on_told(callback: Callback, fact: PlayFinished) -> Decision:
    """The customer has heard of the recording, or could not: bridge."""
    leg_id, agent_leg_id = callback.customer_leg_id, callback.agent_leg_id
    if leg_id is None or agent_leg_id is None or fact.play_id != _told_play_id(leg_id):
        return NOTHING
    return Decision(commands=(_bridge(callback, agent_leg_id, leg_id),))


def on_bridged(state: CallbackState, callback: Callback) -> Decision:
    """They hear each other; who has heard that it is recorded is recorded from here on (R1)."""
    leg_id, recording_id = callback.customer_leg_id, callback.recording_id
    if callback.phase is not Phase.TALKING or leg_id is None or recording_id is None:
        return NOTHING
    record = Record(
        pbx_id=callback.pbx_id,
        leg_id=leg_id,
        recording_id=recording_id,
        duration_ms_max=rules.CALL_MS_MAX,
        silence_ms_max=rules.CALL_MS_MAX,
        terminators="",
        tone=False,
        not_after=Instant(state.now_at + rules.RECORD_LATE_MS_MAX),
        bridge_id=_bridge_id(leg_id),
    )
    return Decision(commands=(record,))


def on_talk_over(state: CallbackState, callback: Callback) -> Decision:
    """The talk has ended, or lasted for a minute: the callback is over, connected (C13)."""
    agent_id, agent_leg_id, leg_id = callback.agent_id, callback.agent_leg_id, callback.customer_leg_id
    if callback.phase is not Phase.TALKING or agent_id is None or agent_leg_id is None or leg_id is None:
        return NOTHING
    return endings.connected(state, callback, agent_id, agent_leg_id, leg_id, callback.recording_id)


def on_not_reached(state: CallbackState, fact: CallbackNotReachedAsked) -> Decision:
    """The agent says that a machine answered, or a stranger: that counts as unanswered (C13, C16)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase not in NOT_REACHED_IN or callback.agent_id != fact.by:
        return NOTHING
    return _nobody_confirmed(state, callback)


def on_place_connected(state: CallbackState, fact: PlaceConnected) -> Decision:
    """Queue bridged the customer itself: a held one is connected; on the ordering leg the order is void."""
    callback = state.callback_of(fact.place_id)
    if callback is None:
        return NOTHING
    if callback.phase is Phase.HELD:
        return endings.connected(
            state, callback, fact.agent_id, fact.agent_leg_id, fact.leg_id, fact.recording_id
        )
    return endings.cancelled(state, callback, "talked_on_ordering_leg")


def on_agent_gone(state: CallbackState, callback: Callback) -> Decision:
    """The agent's leg has ended in an attempt."""
    if callback.phase is Phase.TALKING:
        return on_talk_over(state, callback)
    if callback.phase not in WITH_AGENT or callback.agent_id is None:
        return NOTHING
    leg_id = callback.customer_leg_id
    if callback.phase in (Phase.CONFIRMING, Phase.BRIDGING) and leg_id is not None:
        return _hold(state, callback, leg_id)
    is_dialled = callback.phase is Phase.DIALLING and leg_id is not None
    lost = AgentLost(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        agent_id=callback.agent_id,
        give_up_at=rules.give_up_at(callback.deadline_at, callback.gap_ms) if is_dialled else None,
    )
    if leg_id is None or not is_dialled:
        return Decision(facts=(lost,))
    # If the customer picks up in this moment, the leg must live: somebody says «one moment» on it (C7).
    cancel = CancelLeg(pbx_id=callback.pbx_id, leg_id=leg_id, keeps_answered=True)
    return Decision(facts=(lost,), commands=(cancel,))


def _hold(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    play_id = PlayId(f"{leg_id}.moment")
    held = CustomerHeld(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        leg_id=leg_id,
        until_at=Instant(state.now_at + rules.HELD_MS),
        play_id=play_id,
    )
    media = prompt_keys(sayings.language_of(state, callback.department_id), Prompt.ONE_MOMENT)
    return Decision(
        facts=(held,),
        commands=(
            sayings.said(callback.pbx_id, leg_id, play_id, media),
            StartHoldMusic(pbx_id=callback.pbx_id, leg_id=leg_id),
        ),
    )


def on_customer_gone(state: CallbackState, callback: Callback, fact: LegEnded) -> Decision:
    """The customer was not reached, or went before anybody was there."""
    if callback.cancelled is not None and callback.cancelled.leg_id == fact.leg_id:
        if callback.phase is Phase.WHISPERING:
            return on_whisper_over(state, callback)
        return _last_leg_over(state, callback) if callback.phase is Phase.WAITING else NOTHING
    if callback.phase is Phase.TALKING:
        return on_talk_over(state, callback)
    if callback.phase is Phase.DIALLING and callback.live_leg_id is not None:
        return _expect(callback, callback.live_leg_id)
    return _fail(state, callback, Outcome.NO_ANSWER if callback.phase is Phase.CONFIRMING else fact.outcome)


def on_dial_refused(state: CallbackState, callback: Callback) -> Decision:
    """The gateway did not dial: no attempt was made (EC-51)."""
    if callback.phase is Phase.DIALLING:
        return _fail(state, callback, Outcome.FAILED)
    return _last_leg_over(state, callback) if callback.phase is Phase.WAITING else NOTHING


def on_attempt_failed(state: CallbackState, fact: AttemptFailed) -> Decision:
    """Without another attempt to come the customer is unreached."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or fact.next_attempt_at is not None:
        return NOTHING
    return endings.unreached(state, callback, fact.outcome)


def _fail(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    if callback.agent_id is None or callback.agent_leg_id is None:
        return NOTHING
    if callback.cancel_asked:
        return endings.cancelled(state, callback, callback.cancel_asked)
    if not _is_attempt(callback):
        return _fail_uncounted(state, callback, outcome)
    counted = is_counted(callback)
    attempts = callback.attempts - (0 if counted else 1)
    again_at: Instant | None = Instant(state.now_at + callback.gap_ms)
    if counted or attempts > 0:
        again_at = rules.next_attempt_at(
            state.now_at,
            outcome,
            has_attempts_left=attempts < callback.attempts_max,
            deadline_at=callback.deadline_at,
            gap_ms=callback.gap_ms,
        )
    ends_at = rules.give_up_at(callback.deadline_at, callback.gap_ms) if attempts else callback.deadline_at
    failed = AttemptFailed(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        attempt=callback.attempts,
        agent_id=callback.agent_id,
        agent_leg_id=callback.agent_leg_id,
        outcome=outcome,
        next_attempt_at=again_at,
        give_up_at=None if again_at is None else ends_at,
    )
    return _tell_agent(state, callback, failed)


def _is_attempt(callback: Callback) -> bool:
    """Whether the customer was dialled, or would have been: not who called in, nor what policy forbade."""
    return callback.phase not in (Phase.WHISPERING, Phase.EXPECTING) and not callback.is_joined


def _fail_uncounted(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    """It was no attempt: the place waits on; a customer who was on the line and went has a gap of peace."""
    assert callback.agent_id is not None
    assert callback.agent_leg_id is not None
    gap_ms = callback.gap_ms if callback.is_joined else 0
    was_dialled = callback.attempts > 0
    failed = AttemptFailed(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        attempt=callback.attempts + 1,
        agent_id=callback.agent_id,
        agent_leg_id=callback.agent_leg_id,
        outcome=outcome,
        next_attempt_at=Instant(state.now_at + gap_ms),
        give_up_at=rules.give_up_at(callback.deadline_at, callback.gap_ms)
        if was_dialled
        else callback.deadline_at,
        is_uncounted=True,
    )
    return _tell_agent(state, callback, failed)


def _tell_agent(state: CallbackState, callback: Callback, failed: AttemptFailed) -> Decision:
    if callback.phase not in WITH_AGENT or callback.agent_leg_id is None:
        return Decision(facts=(failed,))
    leg_id = callback.agent_leg_id
    why = attempt_prompt(failed.outcome)
    told = sayings.farewell(state, callback.department_id, leg_id, callback.pbx_id, why)
    return Decision(facts=(failed,), commands=(told,))


def _last_leg_over(state: CallbackState, callback: Callback) -> Decision:
    """The agent of the last attempt was lost, and the customer's leg is over: there is no other attempt."""
    if callback.has_attempts_left or not callback.was_dialled:
        return NOTHING
    return endings.unreached(state, callback, "agent_lost")


def _stop_cancelled(callback: Callback) -> Decision:
    return _hang_up(callback, None if callback.cancelling is None else callback.cancelling.leg_id)


def _hang_up(callback: Callback, leg_id: LegId | None) -> Decision:
    if leg_id is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=callback.pbx_id, leg_id=leg_id, reason="silent"),))
