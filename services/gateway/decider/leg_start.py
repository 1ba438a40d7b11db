"""How a leg starts: it arrives, rings, and is answered. Each is said once."""

from contracts.gateway import CallArrived, LegAnswered, LegRinging
from contracts.ids import Instant
from services.gateway import port
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.state import Leg, Phase


def arrived(state: GatewayState, now: int, event: port.Arrived | port.LegSeen) -> None:
    """Somebody calls; a repeated event says nothing."""
    if event.leg_id in state.legs:
        return
    leg = Leg(
        leg_id=event.leg_id,
        is_arrived=True,
        phase=Phase.RINGING,
        started_at=Instant(now),
        ringing_at=Instant(now),
    )
    state.put_leg(leg)
    fact = CallArrived(
        pbx_id=state.pbx_id,
        leg_id=event.leg_id,
        caller=event.caller,
        line=event.line,
        is_internal=event.is_internal,
    )
    state.say(fact)


def progressed(state: GatewayState, now: int, leg: Leg, *, is_ringing: bool) -> None:
    """A sign of life of a dialled phone; the ring limit counts from the first ringing."""
    state.timers.drop("life", leg.leg_id)
    if not is_ringing or leg.phase is not Phase.DIALLED:
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
