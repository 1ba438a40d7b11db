"""Bridges: the customer has answered, and talks to the agent who is waiting (C3).

Where the department records its calls the customer is told so before the bridge (R1). A talk may still turn
out to have reached nobody for a minute (C13); then the callback ends connected, while the two talk on.
"""

from contracts.callback import CustomerAnswered
from contracts.gateway import Bridged, PlayFinished
from contracts.ids import BridgeId, Instant, LegId, PlayId, RecordingId
from contracts.prompts import Prompt
from contracts.telephony import Bridge, HangUp, Play, Record
from runtime.decision import NOTHING, Decision
from services.callback import rules
from services.callback.decider import endings, spoken_texts
from services.callback.decider.story import with_line
from services.callback.state import CallbackState
from services.callback.state.records import Callback, Dial, Pair, Phase


def connect(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """Bring the customer who has answered on this leg together with the agent."""
    notice_id = recording_notice_id(state, callback, leg_id)
    answered = CustomerAnswered(
        callback_id=callback.callback_id, place_id=callback.place_id, leg_id=leg_id, play_id=notice_id
    )
    commands = bring_together(state, callback, leg_id, notice_id)
    return Decision(facts=(answered,), commands=commands)


def recording_notice_id(state: CallbackState, callback: Callback, leg_id: LegId) -> PlayId | None:
    """The play that tells the customer of the recording; None where calls are not recorded."""
    department = state.departments.get(callback.department_id)
    return None if department is None or not department.records_calls else _notice_id(leg_id)


def _notice_id(leg_id: LegId) -> PlayId:
    return PlayId(f"{leg_id}.recorded")


def bring_together(
    state: CallbackState, callback: Callback, leg_id: LegId, notice_id: PlayId | None
) -> tuple[Bridge | Play, ...]:
    """Bridge at once, or first tell the customer of the recording."""
    if callback.agent_leg_id is None:
        return ()
    if notice_id is None:
        return (_bridge(callback, callback.agent_leg_id, leg_id),)
    media = spoken_texts.prompt(state, callback.department_id, Prompt.CALL_RECORDED)
    return (spoken_texts.play(callback.pbx_id, leg_id, notice_id, media),)


def _bridge(callback: Callback, agent_leg_id: LegId, leg_id: LegId) -> Bridge:
    return Bridge(pbx_id=callback.pbx_id, bridge_id=_bridge_id(leg_id), legs=(agent_leg_id, leg_id))


def _bridge_id(leg_id: LegId) -> BridgeId:
    return BridgeId(f"{leg_id}.bridge")


def await_bridge(state: CallbackState, callback: Callback, notice_id: PlayId | None) -> None:
    """Set the timer until which the two must have been bridged."""
    state.wait(callback, rules.BRIDGE_MS_MAX + (0 if notice_id is None else rules.TOLD_MS_MAX))


def await_bridge_again(state: CallbackState, callback: Callback) -> None:
    """Wait a little more: if we were away when the customer answered, the bridge was only asked for now.

    A timer counts from the fact that was heard, so after an absence it may be over as soon as it is set.
    """
    state.set_timer("bridge", callback.callback_id, Instant(state.now_at + rules.BRIDGE_AGAIN_MS))


def apply_answered(state: CallbackState, fact: CustomerAnswered) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.callbacks.change(
        with_line(state, callback, "customer_answered", leg_id=fact.leg_id),
        phase=Phase.BRIDGING,
        customer=Dial(fact.leg_id, True),
        cancelled=None,
        play_id=fact.play_id,
    )
    await_bridge(state, callback, fact.play_id)


def decide_notice_over(callback: Callback, fact: PlayFinished) -> Decision:
    """The customer has heard of the recording, or could not: bridge."""
    leg_id, agent_leg_id = callback.customer_leg_id, callback.agent_leg_id
    if leg_id is None or agent_leg_id is None or fact.play_id != _notice_id(leg_id):
        return NOTHING
    return Decision(commands=(_bridge(callback, agent_leg_id, leg_id),))


def apply_bridged(state: CallbackState, fact: Bridged) -> None:
    """The two talk."""
    callback = next((found for leg_id in fact.legs if (found := state.callback_on(leg_id))), None)
    if callback is None or callback.phase is not Phase.BRIDGING:
        return
    leg_id, agent_leg_id = callback.customer_leg_id, callback.agent_leg_id
    if leg_id is None or agent_leg_id is None or leg_id not in fact.legs:
        return
    state.callbacks.change(
        with_line(state, callback, "bridged", agent_id=callback.agent_id, leg_id=leg_id),
        phase=Phase.TALKING,
        bridged_at=state.now_at,
        recording_id=RecordingId(f"{leg_id}.rec") if callback.is_told else None,
    )
    state.pairs.put(Pair(leg_id, agent_leg_id, callback.pbx_id))
    state.wait(callback, rules.TALK_MS_MAX)


def decide_bridged(state: CallbackState, fact: Bridged) -> Decision:
    """Record from here on, if the customer has been told of it (R1)."""
    callbacks = (state.callback_on(leg_id) for leg_id in fact.legs)
    callback = next((each for each in callbacks if each and each.customer_leg_id in fact.legs), None)
    if callback is None or callback.phase is not Phase.TALKING:
        return NOTHING
    leg_id, recording_id = callback.customer_leg_id, callback.recording_id
    if leg_id is None or recording_id is None:
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


def end_talk(state: CallbackState, callback: Callback) -> Decision:
    """The talk has ended, or lasted for a minute: the callback ends connected (C13)."""
    agent_id, agent_leg_id, leg_id = callback.agent_id, callback.agent_leg_id, callback.customer_leg_id
    if callback.phase is not Phase.TALKING or agent_id is None or agent_leg_id is None or leg_id is None:
        return NOTHING
    return endings.connected(state, callback, agent_id, agent_leg_id, leg_id, callback.recording_id)


def note_leg_ended(state: CallbackState, leg_id: LegId) -> None:
    """Note that one of a bridged pair has gone; with the second the pair is dropped."""
    pair = state.pair_with(leg_id)
    if pair is not None and pair.ended_leg_id is None:
        state.pairs.change(pair, ended_leg_id=leg_id)
    elif pair is not None and pair.ended_leg_id != leg_id:
        state.pairs.drop(pair.leg_id)


def hang_up_other(state: CallbackState, leg_id: LegId) -> Decision:
    """One of a bridged pair has gone: hang up the other."""
    pair = state.pair_with(leg_id)
    if pair is None or pair.ended_leg_id != leg_id:
        return NOTHING
    other = pair.agent_leg_id if pair.leg_id == leg_id else pair.leg_id
    return Decision(commands=(HangUp(pbx_id=pair.pbx_id, leg_id=other, reason="other_gone"),))
