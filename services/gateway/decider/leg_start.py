"""How a leg starts: it arrives, rings, and is answered. Each is said once."""

from contracts.gateway import CallArrived, LegAnswered, LegRinging
from contracts.ids import Instant, LegId
from contracts.telephony import RejectLeg, RejectReason
from services.gateway import port, rules
from services.gateway.decider.calls_at_once import Verdict
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.state import Leg, OurReason, Phase

REJECTS_PENDING_MAX = 1_000
"""A PBX that does not reply to so many requests is not asked to reject more: their callers give up."""


def arrived(state: GatewayState, now: int, event: port.Arrived | port.LegSeen) -> None:
    """Somebody calls; a repeated event says nothing."""
    if event.leg_id in state.legs:
        return
    for reason in state.closed_by.values():
        state.count(f"rejected_{reason}")
        _reject(state, now, event.leg_id, RejectReason.UNAVAILABLE)
        return
    verdict = state.calls.arrives(event.leg_id, Instant(now))
    if verdict is Verdict.FLOOD:
        state.count("arrival_of_a_flood")
        _reject(state, now, event.leg_id)
        return
    leg = Leg(
        leg_id=event.leg_id,
        is_arrived=True,
        phase=Phase.RINGING,
        started_at=Instant(now),
        ringing_at=Instant(now),
    )
    state.put_leg(leg)
    state.say(_call_arrived(state, event))
    if verdict is Verdict.BUSY:
        # Both facts are said, so that the history has the caller; deciders see one who hung up at once.
        state.count("arrival_too_many")
        leg.ours = OurReason.REJECTED_BUSY
        _reject(state, now, event.leg_id)
        state.timers.set("unconfirmed", leg.leg_id, now + rules.UNCONFIRMED_MS)


def _call_arrived(state: GatewayState, event: port.Arrived | port.LegSeen) -> CallArrived:
    """The call with its numbers in E.164; inside a company they are extensions, which nobody reads."""
    caller, line = event.caller, event.line
    if not event.is_internal:
        caller = None if caller is None else rules.read_number(caller, state.policy)
        line = rules.read_number(line, state.policy)
    return CallArrived(
        pbx_id=state.pbx_id,
        leg_id=event.leg_id,
        caller=caller,
        line=line,
        is_internal=event.is_internal,
    )


def _reject(state: GatewayState, now: int, leg_id: LegId, reason: RejectReason = RejectReason.BUSY) -> None:
    """Ask the PBX to reject a call that arrived, unless it has not replied to many such requests."""
    if len(state.pending) < REJECTS_PENDING_MAX:
        state.ask(now, RejectLeg(pbx_id=state.pbx_id, leg_id=leg_id, reason=reason), leg_id=leg_id)


def progressed(state: GatewayState, now: int, leg: Leg, *, is_ringing: bool) -> None:
    """A sign of life of a dialled phone; the ring limit counts from the first ringing."""
    state.timers.drop("life", leg.leg_id)
    if leg.phase is not Phase.DIALLED or not rules.rings(leg.address, is_ringing=is_ringing):
        return
    leg.phase, leg.ringing_at = Phase.RINGING, Instant(now)
    if leg.dial is not None:
        state.timers.set("ring", leg.leg_id, now + leg.dial.ring_ms_max)
    if leg.ours is None:
        state.say(LegRinging(pbx_id=state.pbx_id, leg_id=leg.leg_id))


def picked_up(state: GatewayState, now: int, leg: Leg) -> None:
    """A leg was answered; ignored if we are ending it already, since its hang-up is under way."""
    if leg.phase is Phase.ANSWERED:
        return
    state.timers.drop("life", leg.leg_id)
    state.timers.drop("ring", leg.leg_id)
    if leg.ours is not None and not leg.is_kept_if_answered:
        return
    if leg.ours is not None:
        # Answered at the moment of its cancelling, and `keeps_answered` asked to keep it then (C7).
        leg.ours = None
        state.timers.drop("unconfirmed", leg.leg_id)
    leg.phase, leg.answered_at = Phase.ANSWERED, Instant(now)
    key, leg.answering = leg.answering, None
    state.answer(LegAnswered(pbx_id=state.pbx_id, leg_id=leg.leg_id), key)
