"""The PBX's replies: each ends a request, and answers commands that have no event of their own.

A reply never makes a leg answered, a bridge wired or a play finished, except `gone`: no event follows then.
"""

from contracts import telephony
from contracts.gateway import PlayFinished
from services.gateway import port
from services.gateway.decider.gateway_state import GatewayState, PendingRequest
from services.gateway.decider.leg_end import bridge_over, leg_gone, lose_leg, recording_missing
from services.gateway.port import Result
from services.gateway.state import Phase


def replied(state: GatewayState, now: int, event: port.Replied) -> None:
    """End the request; a late or doubled reply is counted and changes nothing."""
    pending = state.replied(event.request)
    if pending is None:
        state.count("reply_late_or_doubled")
        return
    after_reply(state, now, pending, event.result, event.reason)


def after_reply(state: GatewayState, now: int, pending: PendingRequest, result: Result, reason: str) -> None:
    """What follows from a reply, or from none after the last repetition (refused, `no_reply`)."""
    request = pending.request
    match request:
        case telephony.CancelLeg() | telephony.HangUp() | telephony.RejectLeg():
            _ending(state, now, pending, result)
        case telephony.StopPlay() | telephony.StartHoldMusic() | telephony.StopHoldMusic():
            _simple(state, pending, result, reason)
        case telephony.StopRecording():
            _simple(state, pending, result, reason)
        case _ if result in (Result.GONE, Result.REFUSED):
            _not_done(state, now, pending, reason or ("gone" if result is Result.GONE else "refused"))
        case _:
            # It is under way: events follow.
            pass


def _not_done(state: GatewayState, now: int, pending: PendingRequest, reason: str) -> None:
    request = pending.request
    match request:
        case telephony.DialLeg():
            _not_dialled(state, now, request, reason)
        case telephony.Play():
            _not_played(state, request)
        case telephony.Record():
            recording_missing(state, request.recording_id, reason)
        case telephony.Bridge() | telephony.Unbridge():
            _not_bridged(state, request)
        case telephony.AnswerLeg():
            _not_answered(state, pending, request, reason)
        case _:
            # Extensions are answered by an event or a timer; sound and releases have no command.
            pass


def _not_dialled(state: GatewayState, now: int, dial: telephony.DialLeg, reason: str) -> None:
    leg = state.live(dial.leg_id)
    if leg is not None:
        lose_leg(state, now, leg, "lost" if reason == "gone" else reason)


def _not_bridged(state: GatewayState, request: telephony.Bridge | telephony.Unbridge) -> None:
    bridge = state.bridges.get(request.bridge_id)
    if bridge is not None:
        bridge_over(state, bridge)


def _not_answered(
    state: GatewayState, pending: PendingRequest, request: telephony.AnswerLeg, reason: str
) -> None:
    leg = state.live(request.leg_id)
    if leg is not None and leg.answering is not None:
        state.refuse(leg.answering, pending.command, reason, leg.leg_id)
        leg.answering = None


def _ending(state: GatewayState, now: int, pending: PendingRequest, result: Result) -> None:
    if pending.leg_id is None:
        return
    state.done(pending.key, pending.command, pending.leg_id)
    leg = state.live(pending.leg_id)
    if leg is not None and result is Result.GONE and leg.phase is not Phase.REQUESTED:
        leg_gone(state, now, leg)


def _simple(state: GatewayState, pending: PendingRequest, result: Result, reason: str) -> None:
    if result is Result.REFUSED:
        state.refuse(pending.key, pending.command, reason or "refused", pending.leg_id)
    else:
        state.done(pending.key, pending.command, pending.leg_id)


def _not_played(state: GatewayState, play: telephony.Play) -> None:
    leg = state.live(play.leg_id)
    if leg is None or play.play_id not in leg.plays:
        return
    playing = leg.plays.pop(play.play_id)
    leg.played.add(play.play_id)
    finished = PlayFinished(pbx_id=state.pbx_id, leg_id=leg.leg_id, play_id=play.play_id, ok=False)
    state.answer(finished, playing.key)
