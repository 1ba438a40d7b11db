"""How a contact ends: dropped, hung up after a talk, or abandoned by its caller (H1, H2, E8)."""

from contracts.gateway import LegEnded, Outcome
from contracts.ids import AgentId
from contracts.log import TimerDue
from contracts.routing import CallEnded, EndReason, MissReason, PersonMissed
from contracts.telephony import HangUp, RejectLeg, RejectReason
from runtime.decision import NOTHING, Decision, together
from services.routing.decider import calls, connection, tries
from services.routing.rules import trail
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage


def end(state: RoutingState, call: Call, reason: EndReason) -> Decision:
    """Hang up; reject with busy tones a caller whose leg was never answered."""
    command: HangUp | RejectLeg = RejectLeg(pbx_id=call.pbx_id, leg_id=call.leg_id, reason=RejectReason.BUSY)
    if call.is_answered:
        command = HangUp(pbx_id=call.pbx_id, leg_id=call.leg_id, reason=str(reason))
    return Decision(facts=(_ended(state, call, reason),), commands=(command,))


def _ended(state: RoutingState, call: Call, reason: EndReason) -> CallEnded:
    is_talk = call.stage is Stage.TALKING
    began_at = call.connected_at if is_talk else state.now_at
    return CallEnded(
        leg_id=call.leg_id,
        reason=reason,
        waited_ms=began_at - call.arrived_at,
        missed_by=None if is_talk else trail.first_wanted(call),
        talk_ms=state.now_at - began_at,
    )


def apply_ended(state: RoutingState, fact: CallEnded) -> None:
    """Forget the call."""
    calls.drop(state, fact.leg_id)


def decide_leg_ended(state: RoutingState, fact: LegEnded) -> Decision:
    """End the contact if the caller or the other party is gone; the log's order decides races (Q9)."""
    call = state.call_of_leg(fact.leg_id)
    if call is None:
        return NOTHING
    if fact.leg_id == call.leg_id:
        return _caller_gone(state, call, fact.outcome)
    if fact.leg_id == call.with_leg_id:
        return _other_gone(state, call)
    return NOTHING


def _caller_gone(state: RoutingState, call: Call, outcome: Outcome) -> Decision:
    """Cancel every phone that rings for the caller, and hang up the other party."""
    if call.stage is Stage.TALKING:
        reason = EndReason.TALKED
    else:
        reason = EndReason.LOST if outcome is Outcome.FAILED else EndReason.ABANDONED
    a_try = state.try_of(call)
    cancels = tries.cancels(a_try) if a_try is not None else ()
    return together(
        (
            Decision(facts=_missed(call, a_try.agent_id if a_try is not None else None), commands=cancels),
            Decision(facts=(_ended(state, call, reason),), commands=_release(call, "caller_gone")),
        )
    )


def _missed(call: Call, rung: AgentId | None) -> tuple[PersonMissed, ...]:
    """The try that ended with the caller: somebody was rung, or had answered and was not bridged yet."""
    agent_id = call.with_agent_id if call.stage is Stage.ANSWERED else rung
    if agent_id is None:
        return ()
    reason = MissReason.CALLER_GONE
    return (PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason, try_id=call.try_id),)


def _release(call: Call, reason: str) -> tuple[HangUp, ...]:
    if call.with_leg_id is None:
        return ()
    return (HangUp(pbx_id=call.pbx_id, leg_id=call.with_leg_id, reason=reason),)


def _other_gone(state: RoutingState, call: Call) -> Decision:
    if call.stage is Stage.TALKING:
        return end(state, call, EndReason.TALKED)
    return connection.decide_gone_before_bridge(call)


def decide_lease_over(state: RoutingState, due: TimerDue) -> Decision:
    """No call lasts this long: end what may be left of it, so that nobody stays busy (G3)."""
    call = state.calls.get(due.subject)
    if call is None:
        return NOTHING
    a_try = state.try_of(call)
    cancels = tries.cancels(a_try) if a_try is not None else ()
    over = end(state, call, EndReason.LOST)
    return together((Decision(commands=(*cancels, *_release(call, "lease_ended"))), over))
