"""The PBX can be reached, for the first time or again: compare what it has with what we know.

A leg that both know is adopted by id. A leg that only we know ended as lost. A leg that only the PBX knows is
a new call if it arrived and is unanswered; else it is hung up and counted.
"""

from contracts import telephony
from contracts.gateway import LegRinging, PbxReturned
from contracts.ids import Instant, RecordingId
from services.gateway import port, rules
from services.gateway.decider.devices import say_device
from services.gateway.decider.effects import FetchRecording
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.decider.leg_end import bridge_over, fetch_awaited, lose_leg
from services.gateway.decider.leg_start import arrived, picked_up
from services.gateway.state import Leg, Phase


def pbx_there(state: GatewayState, now: int, there: port.PbxThere) -> None:
    """Compare, and say what differs; requests wait until the return is read back (`confirm`)."""
    state.timers.drop("away", "")
    seen = {leg.leg_id: leg for leg in there.legs}
    known = [leg_id for leg_id in seen if (leg := state.legs.get(leg_id)) is not None and not leg.is_over]
    state.say_returned(PbxReturned(pbx_id=state.pbx_id, live_legs=tuple(known)))
    for leg in [each for each in state.legs.values() if not each.is_over and each.leg_id not in seen]:
        # A leg that this machine requested is dialled when its request is read back.
        if leg.phase is not Phase.REQUESTED or leg.dial is None:
            lose_leg(state, now, leg)
    for leg_seen in there.legs:
        _adopt(state, now, leg_seen)
    for bridge in [each for each in state.bridges.values() if each.is_up and not each.is_over]:
        if bridge.bridge_id not in there.bridges:
            bridge_over(state, bridge)
    _drop_begun(state, {each.recording_id for each in there.recordings})
    _fetch_recordings(state, now)
    for device in there.devices:
        if state.devices.get(device.address) is not device.state:
            say_device(state, device.address, device.state)
    _ask_plays_again(state, now)
    for recording_seen in there.recordings:
        _release(state, now, recording_seen.recording_id)
    for what in state.closed_by:
        # A phone that a predecessor dialled is known to be with the PBX only now.
        state.timers.set("close", what, now)


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
        state.timers.set("life", leg.leg_id, now + telephony.silent_ms_max(leg.address))
        until_at = leg.started_at + rules.unrung_ms_max(leg.address, seen.ring_ms_max)
    else:
        until_at = (leg.ringing_at or leg.started_at) + seen.ring_ms_max
    state.timers.set("ring", leg.leg_id, max(now, until_at))


def _drop_begun(state: GatewayState, seen: set[RecordingId]) -> None:
    """Ask no more for recordings that the PBX has begun: its reply was lost.

    Of one whose leg has ended meanwhile it would say «gone», as if nothing had been recorded.
    """
    for number, pending in list(state.pending.items()):
        if isinstance(pending.request, telephony.Record) and pending.request.recording_id in seen:
            state.replied(number)


def _fetch_recordings(state: GatewayState, now: int) -> None:
    """Fetch what should be with the PBX, whether it listed it or not: it says `gone` of what it has not.

    A request to record may have been under way when it listed them, also that of a process that died since.
    """
    for recording in [each for each in state.recordings.values() if not each.is_finished]:
        if recording.is_spooled or not recording.is_started or _is_requested(state, recording.recording_id):
            continue
        if state.live(recording.leg_id) is None:
            fetch_awaited(state, now, recording)
        else:
            state.effects.append(FetchRecording(recording_id=recording.recording_id))


def _release(state: GatewayState, now: int, recording_id: RecordingId) -> None:
    """Free a recording on the PBX that is in S3; it did not hear of that."""
    recording = state.recordings.get(recording_id)
    if recording is None:
        state.count("unknown_recording_left_with_pbx")
    elif recording.is_lost:
        # It was said to be lost, so this is the only copy: for a person to decide.
        state.count("lost_recording_left_with_pbx")
    elif recording.is_finished and not _is_being_released(state, recording_id):
        state.ask(now, port.ReleaseRecording(recording_id=recording_id))


def _is_being_released(state: GatewayState, recording_id: RecordingId) -> bool:
    requests = (pending.request for pending in state.pending.values())
    return any(
        isinstance(each, port.ReleaseRecording) and each.recording_id == recording_id for each in requests
    )


def _is_requested(state: GatewayState, recording_id: RecordingId) -> bool:
    requests = (pending.request for pending in state.pending.values())
    return any(isinstance(each, telephony.Record) and each.recording_id == recording_id for each in requests)
