"""Somebody takes the call: a mobile's key, a whisper, the bridge, and the end of the talk (E4, G5)."""

import msgspec

from contracts.gateway import Bridged, DigitsEntered, LegAnswered, Outcome
from contracts.ids import AgentId, BridgeId, Instant, LegId, PlayId, TryId
from contracts.log import TimerDue
from contracts.routing import (
    CallConnected,
    ExternalAnswered,
    MissReason,
    PersonAnswered,
    TryKeyWanted,
)
from contracts.telephony import AnswerLeg, Bridge, CancelLeg, HangUp, Play
from runtime.decision import NOTHING, Decision
from services.routing.decider import reaching, ringing
from services.routing.rules import notices, people, phones
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Try

ANSWER_MS_MAX = 30_000
"""A caller who rang this long unanswered has hung up, or hears a busy tone."""
BRIDGE_MS_MAX = 30_000
"""From the answer to the bridge: a whisper of a long number, and room; then something was lost."""


def answer(state: RoutingState, call: Call) -> AnswerLeg:
    """The command that picks the caller's leg up: only when there is something to hear on it."""
    not_after = Instant(state.now_at + ANSWER_MS_MAX)
    return AnswerLeg(pbx_id=call.pbx_id, leg_id=call.leg_id, not_after=not_after)


def apply_answered(state: RoutingState, fact: LegAnswered) -> None:
    """The caller's own leg is answered."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        state.calls.put(msgspec.structs.replace(call, is_answered=True))


def decide_phone_answered(state: RoutingState, a_try: Try, leg_id: LegId) -> Decision:
    """An office phone has taken the call; a mobile is asked for its key."""
    if leg_id not in a_try.open_legs:
        return NOTHING
    if not any(leg.needs_key for leg in a_try.legs if leg.leg_id == leg_id):
        return _accept(a_try, leg_id)
    return NOTHING if leg_id in a_try.key_legs else _ask_key(state, a_try, leg_id)


def _ask_key(state: RoutingState, a_try: Try, leg_id: LegId) -> Decision:
    """A mobile's own voicemail can't press a key; the other phones ring on meanwhile (E4)."""
    until_at = Instant(state.now_at + phones.KEY_MS)
    play = Play(
        pbx_id=a_try.pbx_id,
        leg_id=leg_id,
        play_id=PlayId(f"{leg_id}.key"),
        media=notices.key_wanted(state),
        barge_in=True,
        not_after=until_at,
    )
    wanted = TryKeyWanted(leg_id=a_try.leg_id, try_id=a_try.try_id, agent_leg_id=leg_id, until_at=until_at)
    return Decision(facts=(wanted,), commands=(play,))


def apply_key_wanted(state: RoutingState, fact: TryKeyWanted) -> None:
    """The key must come in time; the ring time gives it that time."""
    a_try = state.tries.get(fact.try_id)
    if a_try is None:
        return
    state.tries.put(msgspec.structs.replace(a_try, key_legs=(*a_try.key_legs, fact.agent_leg_id)))
    state.set_timer("key", fact.agent_leg_id, fact.until_at)
    ring = state.timers.get(f"ring/{fact.try_id}")
    if ring is not None and ring.due_at < fact.until_at:
        state.set_timer("ring", fact.try_id, Instant(fact.until_at + 1))


def decide_key(state: RoutingState, a_try: Try, fact: DigitsEntered) -> Decision:
    """A person is there: that is the answer of a mobile. Before it was asked or too late it is none."""
    is_asked = f"key/{fact.leg_id}" in state.timers
    return _accept(a_try, fact.leg_id) if is_asked and fact.digits else NOTHING


def decide_key_over(state: RoutingState, due: TimerDue) -> Decision:
    """No key: whatever answered is no person. The other phones ring on."""
    call = state.call_of_leg(LegId(due.subject))
    if call is None:
        return NOTHING
    return Decision(commands=(CancelLeg(pbx_id=call.pbx_id, leg_id=LegId(due.subject)),))


def _accept(a_try: Try, leg_id: LegId) -> Decision:
    """The first to answer has the call; the other phones stop."""
    if a_try.agent_id is None:
        external = ExternalAnswered(leg_id=a_try.leg_id, try_id=a_try.try_id, to_leg_id=leg_id)
        return Decision(facts=(external,), commands=ringing.cancels(a_try, but=leg_id))
    fact = PersonAnswered(
        leg_id=a_try.leg_id, try_id=a_try.try_id, agent_id=a_try.agent_id, agent_leg_id=leg_id
    )
    return Decision(facts=(fact,), commands=ringing.cancels(a_try, but=leg_id))


def apply_person_answered(state: RoutingState, fact: PersonAnswered) -> None:
    """The employee is on the call; a phone that could not show the number hears it first (G5)."""
    call, a_try = state.calls.get(fact.leg_id), state.tries.get(fact.try_id)
    if call is None or a_try is None:
        return
    is_public = any(phones.is_public(leg.address) for leg in a_try.legs if leg.leg_id == fact.agent_leg_id)
    play_id = PlayId(f"{fact.try_id}.whisper") if is_public and call.caller else None
    _take(state, call, fact.agent_leg_id, fact.agent_id, play_id)


def apply_external_answered(state: RoutingState, fact: ExternalAnswered) -> None:
    """The external number is on the call."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        _take(state, call, fact.to_leg_id, None, None)


def _take(
    state: RoutingState, call: Call, leg_id: LegId, agent_id: AgentId | None, play_id: PlayId | None
) -> None:
    reaching.drop_try(state, call)
    state.set_timer("bridge", call.leg_id, Instant(state.now_at + BRIDGE_MS_MAX))
    state.calls.put(
        msgspec.structs.replace(
            call, stage=Stage.ANSWERED, with_leg_id=leg_id, with_agent_id=agent_id, play_id=play_id
        )
    )


def decide_taken(state: RoutingState, fact: PersonAnswered | ExternalAnswered) -> Decision:
    """Whisper who calls, else bring the two together."""
    call = state.calls.get(fact.leg_id)
    if call is None or call.with_leg_id is None:
        return NOTHING
    if call.play_id is None or call.caller is None:
        return join(state, call)
    play = Play(
        pbx_id=call.pbx_id,
        leg_id=call.with_leg_id,
        play_id=call.play_id,
        media=notices.whisper(state, call.caller),
        interrupts=True,
    )
    return Decision(commands=(play,))


def join(state: RoutingState, call: Call) -> Decision:
    """Bridge; a caller whose leg still rings is answered first, and bridged when that is confirmed."""
    if call.with_leg_id is None or call.try_id is None:
        return NOTHING
    if not call.is_answered:
        return Decision(commands=(answer(state, call),))
    legs = (call.leg_id, call.with_leg_id)
    return Decision(commands=(Bridge(pbx_id=call.pbx_id, bridge_id=_bridge_id(call.try_id), legs=legs),))


def _bridge_id(try_id: TryId) -> BridgeId:
    return BridgeId(f"{try_id}.b")


def decide_bridged(state: RoutingState, fact: Bridged) -> Decision:
    """They talk."""
    call = next((state.calls[each] for each in fact.legs if each in state.calls), None)
    if call is None or call.stage is not Stage.ANSWERED or call.with_leg_id is None or call.try_id is None:
        return NOTHING
    if fact.bridge_id != _bridge_id(call.try_id):
        return NOTHING
    connected = CallConnected(
        leg_id=call.leg_id,
        with_leg_id=call.with_leg_id,
        waited_ms=state.now_at - call.arrived_at,
        agent_id=call.with_agent_id,
    )
    return Decision(facts=(connected,))


def apply_connected(state: RoutingState, fact: CallConnected) -> None:
    """The talk begins, and with it the time that no call exceeds."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    state.drop_timer("bridge", call.leg_id)
    state.set_timer("lease", call.leg_id, Instant(state.now_at + people.CALL_MS_MAX))
    state.calls.put(msgspec.structs.replace(call, stage=Stage.TALKING, connected_at=state.now_at))


def decide_bridge_late(state: RoutingState, due: TimerDue) -> Decision:
    """The bridge was never reported: let whoever answered go, and follow the rule for who does not."""
    call = state.calls.get(due.subject)
    if call is None or call.stage is not Stage.ANSWERED or call.with_leg_id is None:
        return NOTHING
    hang_up = HangUp(pbx_id=call.pbx_id, leg_id=call.with_leg_id, reason="not_bridged")
    missed = ringing.missed(call, call.with_agent_id, MissReason.UNREACHABLE, Outcome.UNREACHABLE)
    return Decision(facts=(missed,), commands=(hang_up, *ringing.quiet(call)))


def decide_gone_before_bridge(call: Call) -> Decision:
    """Who had answered hung up before the two could talk: that is a no, and the rule follows."""
    missed = ringing.missed(call, call.with_agent_id, MissReason.DECLINED, Outcome.DECLINED)
    return Decision(facts=(missed,), commands=ringing.quiet(call))
