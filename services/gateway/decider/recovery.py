"""The state rebuilt from our own facts on the log.

Facts of an incarnation older than the newest claim read so far are ignored, as by every reader.
"""

from contracts import gateway
from contracts.ids import Instant, LegId
from contracts.message import Fact
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.state import Answers, Leg, LegBridge, Phase, Recording


def recall(state: GatewayState, fact: Fact, at: Instant) -> None:
    """Fold one fact of an earlier incarnation into the state."""
    if isinstance(fact, gateway.Answered) and fact.source:
        answers = state.answers.setdefault((fact.source, state.organization_id), Answers())
        answers.start_at(fact.seq)
        answers.answer(fact.seq)
    match fact:
        case gateway.CallArrived() | gateway.LegRequested() | gateway.LegRinging() | gateway.LegAnswered():
            _recall_leg(state, fact, at)
        case gateway.LegEnded():
            _recall_end(state, fact, at)
        case gateway.PlayFinished():
            _recall_play(state, fact)
        case gateway.Bridged() | gateway.Unbridged():
            _recall_bridge(state, fact)
        case gateway.RecordingRequested() | gateway.RecordingSpooled() | gateway.RecordingFinished():
            _recall_recording(state, fact, at)
        case gateway.DeviceChanged():
            state.devices[fact.address] = fact.state
        case gateway.PbxLost():
            state.is_there = False
        case gateway.PbxReturned():
            state.is_there = None
        case _:
            # Facts without a lasting effect on legs, and those of others.
            pass


def _recall_end(state: GatewayState, fact: gateway.LegEnded, at: Instant) -> None:
    leg = state.legs.get(fact.leg_id) or _new_leg(state, fact.leg_id, at, is_arrived=False)
    leg.phase = Phase.ENDED


def _recall_play(state: GatewayState, fact: gateway.PlayFinished) -> None:
    leg = state.legs.get(fact.leg_id)
    if leg is not None:
        leg.played.add(fact.play_id)


def _new_leg(state: GatewayState, leg_id: LegId, at: Instant, *, is_arrived: bool) -> Leg:
    leg = Leg(leg_id=leg_id, is_arrived=is_arrived, phase=Phase.REQUESTED, started_at=at)
    state.put_leg(leg)
    return leg


def _recall_leg(
    state: GatewayState,
    fact: gateway.CallArrived | gateway.LegRequested | gateway.LegRinging | gateway.LegAnswered,
    at: Instant,
) -> None:
    is_arrived = isinstance(fact, gateway.CallArrived)
    leg = state.legs.get(fact.leg_id) or _new_leg(state, fact.leg_id, at, is_arrived=is_arrived)
    match fact:
        case gateway.CallArrived() | gateway.LegRinging():
            leg.phase, leg.ringing_at = max(leg.phase, Phase.RINGING), at
        case gateway.LegAnswered():
            leg.phase, leg.answered_at = max(leg.phase, Phase.ANSWERED), at
        case gateway.LegRequested():
            leg.address = fact.address


def _recall_bridge(state: GatewayState, fact: gateway.Bridged | gateway.Unbridged) -> None:
    bridge = state.bridges.get(fact.bridge_id)
    if bridge is None:
        bridge = LegBridge(bridge_id=fact.bridge_id, legs=fact.legs, is_up=True)
        state.bridges[fact.bridge_id] = bridge
        for leg_id in fact.legs:
            if leg_id in state.legs:
                state.legs[leg_id].bridges.append(fact.bridge_id)
    if isinstance(fact, gateway.Unbridged):
        bridge.is_over = True


def _recall_recording(
    state: GatewayState,
    fact: gateway.RecordingRequested | gateway.RecordingSpooled | gateway.RecordingFinished,
    at: Instant,
) -> None:
    recording = state.recordings.get(fact.recording_id)
    if recording is None:
        # A predecessor may have started it, so it is never started again.
        recording = Recording(recording_id=fact.recording_id, leg_id=fact.leg_id, is_started=True)
        state.recordings[fact.recording_id] = recording
        leg = state.legs.get(fact.leg_id) or _new_leg(state, fact.leg_id, at, is_arrived=False)
        leg.recordings.add(fact.recording_id)
    if isinstance(fact, gateway.RecordingSpooled):
        recording.is_spooled, recording.spooled = True, fact
    if isinstance(fact, gateway.RecordingFinished):
        recording.is_finished, recording.is_lost = True, not fact.ok
