"""Attempts (C3, C6, C7): an agent is here and hears the whisper, the customer is dialled, both are bridged.

The customer is dialled for one agent who is on the line, and for nobody else. If the customer drops before
the bridge, the agent is told and freed, and another attempt may follow. If the agent drops, the customer's
leg is cancelled; if the customer answered in that moment, the leg is held for the next agent.
"""

from contracts import dialling
from contracts.callback import AgentLost, AttemptFailed, AttemptStarted, CustomerDialled, CustomerHeld
from contracts.directory import CallbackNotReachedAsked
from contracts.gateway import LegEnded, Outcome
from contracts.ids import AgentId, Instant, LegId, PlayId
from contracts.prompts import Prompt, attempt_prompt
from contracts.queue import AgentFreed, AgentReady, CustomerTalked
from contracts.telephony import CancelLeg, HangUp, StartHoldMusic
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import (
    bridges,
    confirmation,
    customer_calls_in,
    dials,
    endings,
    farewells,
    spoken_texts,
)
from services.callback.decider.story import with_line
from services.callback.state import CallbackState
from services.callback.state.records import WITH_AGENT, Callback, Dial, Phase

NOT_REACHED_IN = frozenset({Phase.DIALLING, Phase.CONFIRMING, Phase.BRIDGING, Phase.TALKING})
"""Phases in which the agent can say that nobody was reached."""


def apply_ready(state: CallbackState, fact: AgentReady) -> None:
    callback = state.callbacks.get(fact.callback_id)
    is_known = callback is not None and callback.agent_leg_id == fact.leg_id
    if not is_known and not _can_start(callback):
        farewells.begin(state, fact.leg_id, fact.pbx_id)


def _can_start(callback: Callback | None) -> bool:
    return callback is not None and callback.phase is Phase.WAITING and callback.has_attempts_left


def decide_ready(state: CallbackState, fact: AgentReady) -> Decision:
    """Begin with the whisper; if the agent comes too late for this callback, say good-bye."""
    callback = state.callbacks.get(fact.callback_id)
    if fact.leg_id in state.farewells:
        department_id = None if callback is None else callback.department_id
        why = Prompt.CALLBACK_CANCELLED
        return Decision(commands=(farewells.play(state, department_id, fact.leg_id, fact.pbx_id, why),))
    if callback is None or not _can_start(callback):
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
    media = spoken_texts.whisper(state, callback, fact)
    whisper = spoken_texts.play(callback.pbx_id, fact.leg_id, play_id, media)
    return Decision(facts=(started,), commands=(whisper,))


def apply_started(state: CallbackState, fact: AttemptStarted) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.close_order(callback.order_leg_id)  # queue has heard that leg's end, whether we have or not
    state.callbacks.change(
        with_line(state, callback, "attempt_started", agent_id=fact.agent_id, leg_id=fact.agent_leg_id),
        phase=Phase.WHISPERING,
        agent_id=fact.agent_id,
        agent_leg_id=fact.agent_leg_id,
        order_leg_id=None,
        is_whispered=False,
        is_joined=False,
        live_department_id=None,
        plays=callback.plays + 1,
        play_id=fact.whisper_play_id,
        **customer_calls_in.NO_CALLS,
    )
    state.wait(callback, rules.WHISPER_MS_MAX)


def decide_whisper_over(state: CallbackState, callback: Callback) -> Decision:
    """Dial the customer, unless a cancelled leg to the customer has not ended yet."""
    if not callback.is_whispered or callback.cancelling is not None:
        return NOTHING
    return dial(state, callback)


def decide_live_leg_over(state: CallbackState) -> Decision:
    """If the customer hung up without pressing the key, dial: the agent is still here."""
    ended = (state.callbacks.get(each) for each in state.ended_call_of)
    return together(dial(state, each) for each in ended if each is not None and _may_be_dialled(each))


def _may_be_dialled(callback: Callback) -> bool:
    """Whether an agent waits for the customer, and neither another call nor a cancelled leg is up."""
    return callback.phase is Phase.EXPECTING and callback.cancelling is None and callback.live_leg_id is None


def dial(state: CallbackState, callback: Callback) -> Decision:
    """Ring the customer, as far as the customer's own call, policy and quiet hours allow that."""
    if callback.live_leg_id is not None:
        return customer_calls_in.expect(state, callback, callback.live_leg_id)
    if callback.word_in_ms(state.now_at) is not None:
        return Decision(commands=customer_calls_in.ringing(state, callback))
    if customer_calls_in.has_talked(callback):  # queue is away, and ends the callback later (C14)
        return fail(state, callback, Outcome.CANCELLED)
    reason = dialling.refusal(callback.number, state.policy())
    if reason is dialling.Refusal.SWITCHED_OFF:  # nobody is offered it until the switch is back (C10)
        return fail(state, callback, Outcome.CANCELLED)
    if reason is not None:
        return endings.barred(state, callback, reason)
    if dials.is_quiet(state, callback):
        return endings.expired(state, callback, endings.QUIET, was_told=False)
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
    tone_id = PlayId(f"{leg_id}.tone")
    return Decision(
        facts=(dialled,),
        commands=(
            dials.command(state, callback, leg_id, callback.ring_ms),
            spoken_texts.ringing(state, callback, callback.agent_leg_id, tone_id),
        ),
    )


def apply_dialled(state: CallbackState, fact: CustomerDialled) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.callbacks.change(
        with_line(state, callback, "customer_dialled", agent_id=fact.agent_id, leg_id=fact.leg_id),
        phase=Phase.DIALLING,
        attempts=callback.attempts + 1,
        dials=callback.dials + 1,
        customer=Dial(fact.leg_id),
        cancelled=None,
        play_id=None,
    )
    state.wait(callback, callback.ring_ms + rules.RING_GRACE_MS)


def decide_dial_refused(state: CallbackState, callback: Callback) -> Decision:
    """The gateway did not dial: no attempt was made (EC-51)."""
    if callback.phase is Phase.DIALLING:
        return fail(state, callback, Outcome.FAILED)
    return last_leg_over(state, callback) if callback.phase is Phase.WAITING else NOTHING


def decide_answered(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """The customer has answered: bridge, or ask for the key, or hold if the agent has just gone (C7)."""
    is_cancelled = callback.cancelling is not None and callback.cancelling.leg_id == leg_id
    if callback.phase is Phase.WAITING and is_cancelled:
        return _hold(state, callback, leg_id)
    is_dialled = callback.phase is Phase.DIALLING and callback.customer_leg_id == leg_id
    # Answered although cancelled, while the next agent hears the whisper: that is the next free agent.
    if not is_dialled and not (callback.phase is Phase.WHISPERING and is_cancelled):
        return NOTHING
    if callback.agent_leg_id is None:
        return NOTHING
    if confirmation.is_wanted(state, callback):
        return confirmation.ask(state, callback, leg_id)
    return bridges.connect(state, callback, leg_id)


def decide_not_reached(state: CallbackState, fact: CallbackNotReachedAsked) -> Decision:
    """The agent says that a machine or a stranger answered: the attempt was unanswered (C13, C16)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase not in NOT_REACHED_IN or callback.agent_id != fact.by:
        return NOTHING
    return fail_silent(state, callback, Outcome.NO_ANSWER)


def decide_freed(state: CallbackState, fact: AgentFreed) -> Decision:
    return decide_agent_freed(state, fact.agent_id)


def decide_agent_freed(state: CallbackState, agent_id: AgentId) -> Decision:
    """Queue says that the agent's leg has ended: it may have ended before the agent was callback's."""
    callback = state.callback_with(agent_id)
    if callback is None or callback.agent_leg_id is None:
        return NOTHING
    over = HangUp(pbx_id=callback.pbx_id, leg_id=callback.agent_leg_id, reason="agent_freed")
    return together((decide_agent_gone(state, callback), Decision(commands=(over,))))


def decide_agent_gone(state: CallbackState, callback: Callback) -> Decision:
    """The agent's leg has ended: cancel the dial, or hold the customer who has answered."""
    if callback.phase is Phase.TALKING:
        return bridges.end_talk(state, callback)
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
    # If the customer picks up in this moment the leg must live: «one moment» is said on it (C7).
    cancel = CancelLeg(pbx_id=callback.pbx_id, leg_id=leg_id, keeps_answered=True)
    return Decision(facts=(lost,), commands=(cancel,))


def apply_agent_lost(state: CallbackState, fact: AgentLost) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    left = callback.cancelled if callback.customer is None else callback.customer
    noted = with_line(state, callback, "agent_lost", agent_id=fact.agent_id)
    state.callbacks.change(
        noted, phase=Phase.WAITING, customer=None, cancelled=left, **customer_calls_in.NO_CALLS
    )
    is_last = left is not None and not callback.has_attempts_left
    state.wait(callback, rules.RING_GRACE_MS if is_last else None)


def last_leg_over(state: CallbackState, callback: Callback) -> Decision:
    """The agent of the last attempt is lost and the customer's leg has ended: no other attempt follows."""
    if callback.has_attempts_left or not callback.was_dialled:
        return NOTHING
    return endings.unreached(state, callback, "agent_lost")


def _hold(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """Say «one moment»: the next free agent gets this leg (C7)."""
    play_id = PlayId(f"{leg_id}.moment")
    held = CustomerHeld(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        leg_id=leg_id,
        until_at=Instant(state.now_at + rules.HELD_MS),
        play_id=play_id,
    )
    media = spoken_texts.prompt(state, callback.department_id, Prompt.ONE_MOMENT)
    return Decision(
        facts=(held,),
        commands=(
            spoken_texts.play(callback.pbx_id, leg_id, play_id, media),
            StartHoldMusic(pbx_id=callback.pbx_id, leg_id=leg_id),
        ),
    )


def apply_held(state: CallbackState, fact: CustomerHeld) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    noted = with_line(state, callback, "customer_held", leg_id=fact.leg_id)
    state.callbacks.change(noted, phase=Phase.HELD, customer=Dial(fact.leg_id, True), cancelled=None)
    state.wait(callback, None)


def decide_customer_gone(state: CallbackState, callback: Callback, fact: LegEnded) -> Decision:
    """The customer was not reached, or hung up before the bridge."""
    if callback.cancelled is not None and callback.cancelled.leg_id == fact.leg_id:
        if callback.phase is Phase.WHISPERING:
            return decide_whisper_over(state, callback)
        return last_leg_over(state, callback) if callback.phase is Phase.WAITING else NOTHING
    if callback.phase is Phase.TALKING:
        return bridges.end_talk(state, callback)
    if callback.phase is Phase.DIALLING and callback.live_leg_id is not None:
        return customer_calls_in.expect(state, callback, callback.live_leg_id)
    return fail(state, callback, Outcome.NO_ANSWER if callback.phase is Phase.CONFIRMING else fact.outcome)


def decide_silence(state: CallbackState, callback: Callback) -> Decision:
    """The timer of an attempt is due: what should have been heard of a phone by now was not."""
    match callback.phase:
        case Phase.WAITING:
            return last_leg_over(state, callback)
        case Phase.WHISPERING:
            cancelled = None if callback.cancelling is None else callback.cancelling.leg_id
            return together((_hang_up(callback, cancelled), dial(state, callback)))
        case Phase.EXPECTING:
            if callback.live_leg_id is None and callback.cancelling is None:
                return dial(state, callback)
            return fail(state, callback, Outcome.BUSY)
        case Phase.TALKING:
            return bridges.end_talk(state, callback)
        case Phase.DIALLING | Phase.BRIDGING:
            return fail_silent(state, callback, Outcome.FAILED)
        case Phase.CONFIRMING:  # no key counts as unanswered (C16)
            return fail_silent(state, callback, Outcome.NO_ANSWER)
        case _:
            return NOTHING


def decide_talked(state: CallbackState, fact: CustomerTalked) -> Decision:
    """The customer has talked to the department by another call: the attempt at hand is over (C14)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase not in customer_calls_in.JOINABLE:
        return customer_calls_in.decide_talked(state, fact)
    over = fail(state, callback, Outcome.CANCELLED)
    if callback.phase is not Phase.DIALLING or callback.customer_leg_id is None:
        return over
    cancel = CancelLeg(pbx_id=callback.pbx_id, leg_id=callback.customer_leg_id)
    return together((over, Decision(commands=(cancel,))))


def fail_silent(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    """The attempt fails although the customer's leg is up: hang it up."""
    return together((fail(state, callback, outcome), _hang_up(callback, callback.customer_leg_id)))


def _hang_up(callback: Callback, leg_id: LegId | None) -> Decision:
    if leg_id is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=callback.pbx_id, leg_id=leg_id, reason="silent"),))


def fail(state: CallbackState, callback: Callback, outcome: Outcome) -> Decision:
    """The attempt failed: tell the agent, and say when the next one may follow (C6)."""
    if callback.agent_id is None or callback.agent_leg_id is None:
        return NOTHING
    if callback.cancel_asked:
        return endings.cancelled(state, callback, callback.cancel_asked)
    # No attempt: the customer called in, or policy forbade the dial.
    is_uncounted = callback.phase in (Phase.WHISPERING, Phase.EXPECTING) or callback.is_joined
    attempts = callback.attempts - (0 if is_uncounted or dials.is_counted(callback) else 1)
    next_at = _next_attempt_at(state, callback, outcome, attempts, is_uncounted=is_uncounted)
    gives_up_at = rules.give_up_at(callback.deadline_at, callback.gap_ms)
    ends_at = gives_up_at if attempts > 0 else callback.deadline_at
    failed = AttemptFailed(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        attempt=callback.attempts + (1 if is_uncounted else 0),
        agent_id=callback.agent_id,
        agent_leg_id=callback.agent_leg_id,
        outcome=outcome,
        next_attempt_at=next_at,
        give_up_at=None if next_at is None else ends_at,
        is_uncounted=is_uncounted,
    )
    if callback.phase not in WITH_AGENT:
        return Decision(facts=(failed,))
    leg_id = callback.agent_leg_id
    is_talk = callback.talk is not None or customer_calls_in.has_talked(callback)
    why = Prompt.CALLBACK_CANCELLED if is_talk else attempt_prompt(outcome)
    farewell = farewells.play(state, callback.department_id, leg_id, callback.pbx_id, why)
    return Decision(facts=(failed,), commands=(farewell,))


def _next_attempt_at(
    state: CallbackState, callback: Callback, outcome: Outcome, attempts: int, *, is_uncounted: bool
) -> Instant | None:
    if callback.talk is not None:  # the callback ends with this attempt (C14)
        return None
    if is_uncounted:  # the place waits on; a customer who was on the line and went has a gap of peace
        was_on_line = callback.is_joined or customer_calls_in.has_talked(callback)
        return Instant(state.now_at + (callback.gap_ms if was_on_line else 0))
    if attempts <= 0 and not dials.is_counted(callback):
        return Instant(state.now_at + callback.gap_ms)
    return rules.next_attempt_at(
        state.now_at,
        outcome,
        has_attempts_left=attempts < callback.attempts_max,
        deadline_at=callback.deadline_at,
        gap_ms=callback.gap_ms,
    )


def apply_failed(state: CallbackState, fact: AttemptFailed) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    if callback.phase in WITH_AGENT and callback.agent_leg_id is not None:
        farewells.begin(state, callback.agent_leg_id, callback.pbx_id)
    refused = 0 if fact.is_uncounted or dials.is_counted(callback) else 1
    state.callbacks.change(
        with_line(state, callback, "attempt_failed", agent_id=fact.agent_id, reason=fact.outcome),
        phase=Phase.WAITING,
        customer=None,
        is_joined=False,
        bridged_at=None,
        recording_id=None,
        attempts=callback.attempts - refused,
        refusals=callback.refusals + refused,
        **customer_calls_in.NO_CALLS,
    )
    state.wait(callback, None)


def decide_failed(state: CallbackState, fact: AttemptFailed) -> Decision:
    """If no other attempt follows, the customer is unreached, or has talked with the department (C14)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or fact.next_attempt_at is not None:
        return NOTHING
    if callback.talk is not None:
        return endings.talked_otherwise(state, callback, callback.talk)
    return endings.unreached(state, callback, fact.outcome)
