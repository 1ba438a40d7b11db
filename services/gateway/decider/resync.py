"""The PBX can be reached, for the first time or again: compare what it has with what we know.

A leg that both know is adopted by id. A leg that only we know ended as lost. A leg that only the PBX knows is
a new call if it arrived and is unanswered; else it is hung up and counted.
"""

from contracts import telephony
from contracts.gateway import DeviceChanged, LegRinging, PbxReturned
from contracts.ids import Instant, RecordingId
from services.gateway import port, rules
from services.gateway.decider.effects import CloseRecording, FetchRecording
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.decider.leg_end import bridge_over, lose_leg
from services.gateway.decider.leg_start import arrived, picked_up
from services.gateway.port import Cause
from services.gateway.state import Leg, Phase


def pbx_there(state: GatewayState, now: int, there: port.PbxThere) -> None:
    """Compare, say what differs, and repeat the requests that it may have missed."""
    state.is_there = True
    state.timers.drop("away", "")
    seen = {leg.leg_id: leg for leg in there.legs}
    known = [leg_id for leg_id in seen if (leg := state.legs.get(leg_id)) is not None and not leg.is_over]
    state.say(PbxReturned(pbx_id=state.pbx_id, live_legs=tuple(known)))
    for leg in [each for each in state.legs.values() if not each.is_over and each.leg_id not in seen]:
        # A leg that this machine requested is dialled when its request is read back.
        if leg.phase is not Phase.REQUESTED or leg.dial is None:
            lose_leg(state, now, leg)
    for leg_seen in there.legs:
        _adopt(state, now, leg_seen)
    for bridge in [each for each in state.bridges.values() if each.is_up and not each.is_over]:
        if bridge.bridge_id not in there.bridges:
            bridge_over(state, bridge)
    _compare_recordings(state, {each.recording_id: each for each in there.recordings})
    for device in there.devices:
        if state.devices.get(device.address) is not device.state:
            state.devices[device.address] = device.state
            state.say(DeviceChanged(pbx_id=state.pbx_id, address=device.address, state=device.state))
    state.ask_all_again(now)
    _ask_plays_again(state, now)


def _ask_plays_again(state: GatewayState, now: int) -> None:
    """Request unfinished plays again: the adapter then repeats the end of one that ended meanwhile."""
    asked = {
        each.request.play_id for each in state.pending.values() if isinstance(each.request, telephony.Play)
    }
    for leg in [each for each in state.legs.values() if each.plays]:
        for play_id, playing in leg.plays.items():
            if play_id not in asked:
                state.ask(now, playing.command, key=playing.key, command="telephony.play", leg_id=leg.leg_id)


def _adopt(state: GatewayState, now: int, seen: port.LegSeen) -> None:
    leg = state.legs.get(seen.leg_id)
    if leg is None and seen.is_arrived and not seen.is_answered:
        arrived(state, now, seen)
        return
    if leg is None or leg.is_over:
        state.count("unknown_leg_hung_up")
        request = telephony.HangUp(pbx_id=state.pbx_id, leg_id=seen.leg_id, reason="unknown")
        state.ask(now, request, leg_id=seen.leg_id)
        return
    if seen.is_answered:
        picked_up(state, now, leg)
    elif leg.ours is None and not leg.is_arrived:
        _go_on_ringing(state, now, leg, seen)


def _go_on_ringing(state: GatewayState, now: int, leg: Leg, seen: port.LegSeen) -> None:
    """A phone that a predecessor dialled: set its limits anew."""
    if leg.phase is Phase.REQUESTED:
        leg.phase = Phase.DIALLED
    if seen.is_ringing and leg.phase is Phase.DIALLED:
        leg.phase, leg.ringing_at = Phase.RINGING, Instant(now)
        state.say(LegRinging(pbx_id=state.pbx_id, leg_id=leg.leg_id))
    if leg.phase is Phase.DIALLED:
        state.timers.set("life", leg.leg_id, now + rules.NO_SIGN_OF_LIFE_MS)
    rung_since = leg.ringing_at or leg.started_at
    state.timers.set("ring", leg.leg_id, max(now, rung_since + seen.ring_ms_max))


def _compare_recordings(state: GatewayState, seen: dict[RecordingId, port.RecordingSeen]) -> None:
    for recording in [each for each in state.recordings.values() if not each.is_finished]:
        if recording.is_spooled or not recording.is_started:
            continue
        if recording.recording_id in seen:
            state.effects.append(FetchRecording(recording_id=recording.recording_id))
        elif not _is_requested(state, recording.recording_id):
            cut = CloseRecording(recording_id=recording.recording_id, bytes=None, cause=Cause.CUT_OFF)
            state.effects.append(cut)


def _is_requested(state: GatewayState, recording_id: RecordingId) -> bool:
    requests = (pending.request for pending in state.pending.values())
    return any(isinstance(each, telephony.Record) and each.recording_id == recording_id for each in requests)
