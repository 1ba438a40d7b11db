"""Somebody answers: the key on a mobile, the whisper, and the bridge to the caller (E4, G5)."""

from typing import Final

from contracts.addresses import is_public
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
from contracts.telephony import Bridge, CancelLeg, HangUp, Play
from runtime.decision import NOTHING, Decision
from services.routing.decider import calls, tries
from services.routing.rules import availability, notice_media, ring_plans
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Try

BRIDGE_MS_MAX: Final = 30_000
"""From the answer to the bridge: the whisper of a long number fits in; after that something was lost."""


def apply_answered(state: RoutingState, fact: LegAnswered) -> None:
    """The caller's own leg is answered."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        state.calls.change(call, is_answered=True)


def decide_phone_answered(state: RoutingState, a_try: Try, leg_id: LegId) -> Decision:
    """Give the call to an office phone; ask a mobile for a key first."""
    if leg_id not in a_try.open_legs:
        return NOTHING
    if not any(leg.needs_key for leg in a_try.legs if leg.leg_id == leg_id):
        return _accept(a_try, leg_id)
    return NOTHING if leg_id in a_try.key_legs else _ask_key(state, a_try, leg_id)


def _ask_key(state: RoutingState, a_try: Try, leg_id: LegId) -> Decision:
    """Ask for a key, which a mobile's own voicemail can't press; the other phones ring on meanwhile (E4)."""
    until_at = Instant(state.now_at + ring_plans.KEY_MS)
    play = Play(
        pbx_id=a_try.pbx_id,
        leg_id=leg_id,
        play_id=PlayId(f"{leg_id}.key"),
        media=notice_media.key_wanted(state),
        barge_in=True,
        not_after=until_at,
    )
    wanted = TryKeyWanted(leg_id=a_try.leg_id, try_id=a_try.try_id, agent_leg_id=leg_id, until_at=until_at)
    return Decision(facts=(wanted,), commands=(play,))


def apply_key_wanted(state: RoutingState, fact: TryKeyWanted) -> None:
    """Wait for the key, if need be beyond the ring time."""
    a_try = state.tries.get(fact.try_id)
    if a_try is None:
        return
    state.tries.change(a_try, key_legs=(*a_try.key_legs, fact.agent_leg_id))
    state.set_timer("key", fact.agent_leg_id, fact.until_at)
    ring = state.timers.get(f"ring/{fact.try_id}")
    if ring is not None and ring.due_at < fact.until_at:
        state.set_timer("ring", fact.try_id, Instant(fact.until_at + 1))


def decide_key(state: RoutingState, a_try: Try, fact: DigitsEntered) -> Decision:
    """A key that comes in time, after it was asked for, is a mobile's answer."""
    is_asked = f"key/{fact.leg_id}" in state.timers
    return _accept(a_try, fact.leg_id) if is_asked and fact.digits else NOTHING


def decide_key_over(state: RoutingState, due: TimerDue) -> Decision:
    """Without a key no person has answered: cancel the mobile, and let the other phones ring on."""
    call = state.call_of_leg(LegId(due.subject))
    if call is None:
        return NOTHING
    return Decision(commands=(CancelLeg(pbx_id=call.pbx_id, leg_id=LegId(due.subject)),))


def _accept(a_try: Try, leg_id: LegId) -> Decision:
    """Give the call to the first phone that answered, and stop the others."""
    if a_try.agent_id is None:
        external = ExternalAnswered(leg_id=a_try.leg_id, try_id=a_try.try_id, to_leg_id=leg_id)
        return Decision(facts=(external,), commands=tries.cancels(a_try, but=leg_id))
    fact = PersonAnswered(
        leg_id=a_try.leg_id, try_id=a_try.try_id, agent_id=a_try.agent_id, agent_leg_id=leg_id
    )
    return Decision(facts=(fact,), commands=tries.cancels(a_try, but=leg_id))


def apply_person_answered(state: RoutingState, fact: PersonAnswered) -> None:
    """The employee has the call, and hears the caller's number first if the phone could not show it (G5)."""
    call, a_try = state.calls.get(fact.leg_id), state.tries.get(fact.try_id)
    if call is None or a_try is None:
        return
    needs_whisper = any(is_public(leg.address) for leg in a_try.legs if leg.leg_id == fact.agent_leg_id)
    play_id = PlayId(f"{fact.try_id}.whisper") if needs_whisper and call.caller else None
    _take(state, call, fact.agent_leg_id, fact.agent_id, play_id)


def apply_external_answered(state: RoutingState, fact: ExternalAnswered) -> None:
    """The external number has the call."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        _take(state, call, fact.to_leg_id, None, None)


def _take(
    state: RoutingState, call: Call, leg_id: LegId, agent_id: AgentId | None, play_id: PlayId | None
) -> None:
    calls.drop_try(state, call)
    state.set_timer("bridge", call.leg_id, Instant(state.now_at + BRIDGE_MS_MAX))
    state.calls.change(
        call, stage=Stage.ANSWERED, with_leg_id=leg_id, with_agent_id=agent_id, play_id=play_id
    )


def decide_taken(state: RoutingState, fact: PersonAnswered | ExternalAnswered) -> Decision:
    """Whisper who calls, or bridge at once."""
    call = state.calls.get(fact.leg_id)
    if call is None or call.with_leg_id is None:
        return NOTHING
    if call.play_id is None or call.caller is None:
        return join(state, call)
    play = Play(
        pbx_id=call.pbx_id,
        leg_id=call.with_leg_id,
        play_id=call.play_id,
        media=notice_media.whisper(state, call.caller),
        interrupts=True,
    )
    return Decision(commands=(play,))


def join(state: RoutingState, call: Call) -> Decision:
    """Bridge the two; answer the caller's leg first if it still rings, and bridge when that is confirmed."""
    if call.with_leg_id is None or call.try_id is None:
        return NOTHING
    if not call.is_answered:
        return Decision(commands=(calls.answer(state, call),))
    legs = (call.leg_id, call.with_leg_id)
    return Decision(commands=(Bridge(pbx_id=call.pbx_id, bridge_id=_bridge_id(call.try_id), legs=legs),))


def _bridge_id(try_id: TryId) -> BridgeId:
    return BridgeId(f"{try_id}.b")


def decide_bridged(state: RoutingState, fact: Bridged) -> Decision:
    """The two talk from now on."""
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
    """The talk begins, and its lease with it."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    state.drop_timer("bridge", call.leg_id)
    state.set_timer("lease", call.leg_id, Instant(state.now_at + availability.CALL_MS_MAX))
    state.calls.change(call, stage=Stage.TALKING, connected_at=state.now_at)


def decide_bridge_late(state: RoutingState, due: TimerDue) -> Decision:
    """The bridge was never reported: hang up the phone that answered, and treat the call as missed."""
    call = state.calls.get(due.subject)
    if call is None or call.stage is not Stage.ANSWERED or call.with_leg_id is None:
        return NOTHING
    hang_up = HangUp(pbx_id=call.pbx_id, leg_id=call.with_leg_id, reason="not_bridged")
    missed = tries.missed(call, call.with_agent_id, MissReason.UNREACHABLE, Outcome.UNREACHABLE)
    return Decision(facts=(missed,), commands=(hang_up, *tries.quiet(call)))


def decide_gone_before_bridge(call: Call) -> Decision:
    """Whoever answered hung up before the bridge: that counts as declined."""
    missed = tries.missed(call, call.with_agent_id, MissReason.DECLINED, Outcome.DECLINED)
    return Decision(facts=(missed,), commands=tries.quiet(call))
