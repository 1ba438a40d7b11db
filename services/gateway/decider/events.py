"""The PBX's events turned into facts: one function per event.

A leg that is over stays over: later events of it are dropped, and if the PBX still seems to have it, it is
hung up and counted.
"""

from typing import assert_never

from contracts import telephony
from contracts.gateway import (
    Bridged,
    DigitsEntered,
    ExtensionChecked,
    MediaLost,
    PbxLost,
    PlayFinished,
)
from contracts.ids import LegId, PlayId
from services.gateway import port, rules
from services.gateway.decider import replies
from services.gateway.decider.devices import device_seen
from services.gateway.decider.effects import CloseRecording
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.decider.leg_end import bridge_over, leg_gone
from services.gateway.decider.leg_start import arrived, picked_up, progressed
from services.gateway.decider.resync import pbx_there
from services.gateway.state import Leg

# The branches of this dispatch are the port's vocabulary.


def handle(state: GatewayState, now: int, event: port.AnyPbxEvent) -> None:
    """Handle one event of the PBX."""
    match event:
        case port.PbxGone():
            pbx_gone(state, now)
        case port.PbxThere():
            pbx_there(state, now, event)
        case port.Replied():
            replies.replied(state, now, event)
        case port.Arrived():
            arrived(state, now, event)
        case port.DeviceSeen():
            device_seen(state, now, event)
        case port.ExtensionFound():
            _extension_found(state, event)
        case port.LegsBridged():
            _bridged(state, event)
        case port.LegsUnbridged():
            _unbridged(state, event)
        case port.RecordingClosed():
            _recording_closed(state, event)
        case port.Sound():
            # Sound goes straight to the spool; `activities` takes it out before it comes here.
            pass
        case (
            port.Progressed()
            | port.PickedUp()
            | port.Ended()
            | port.Pressed()
            | port.PlayEnded()
            | port.Silent()
        ):
            _handle_of_leg(state, now, event)
        case _:
            assert_never(event)


def _handle_of_leg(
    state: GatewayState,
    now: int,
    event: port.Progressed | port.PickedUp | port.Ended | port.Pressed | port.PlayEnded | port.Silent,
) -> None:
    leg = state.legs.get(event.leg_id)
    if leg is None or leg.is_over:
        if isinstance(event, port.Progressed | port.PickedUp | port.Pressed):
            hang_up_unknown(state, now, event.leg_id)
        return
    match event:
        case port.Progressed():
            progressed(state, now, leg, is_ringing=event.is_ringing)
        case port.PickedUp():
            picked_up(state, now, leg)
        case port.Ended():
            leg_gone(state, now, leg, by_party=event.by_party, code=event.code)
        case port.Pressed():
            _pressed(state, now, leg, event.digit)
        case port.PlayEnded():
            play_over(state, now, leg, event)
        case port.Silent():
            state.say(MediaLost(pbx_id=state.pbx_id, leg_id=leg.leg_id))
        case _:
            assert_never(event)


def pbx_gone(state: GatewayState, now: int) -> None:
    """The PBX can't be reached: say so once."""
    if not state.timers.is_set("away", ""):
        state.timers.set("away", "", now + rules.PBX_AWAY_MS)
    if state.is_there is not False:
        state.is_there = False
        state.say(PbxLost(pbx_id=state.pbx_id))


def hang_up_unknown(state: GatewayState, now: int, leg_id: LegId) -> None:
    """Hang up and count a leg that the PBX has and nobody knows, or that ended long ago."""
    state.count("unknown_leg_hung_up")
    state.ask(now, telephony.HangUp(pbx_id=state.pbx_id, leg_id=leg_id, reason="unknown"), leg_id=leg_id)


def _pressed(state: GatewayState, now: int, leg: Leg, digit: str) -> None:
    if not leg.keys.take(now, burst=rules.KEYS_BURST, per_s=rules.KEYS_PER_S):
        state.count("key_of_a_flood")
        return
    collecting = leg.collecting
    if collecting is None:
        state.say(DigitsEntered(pbx_id=state.pbx_id, leg_id=leg.leg_id, digits=digit))
        return
    is_end = digit in collecting.terminators
    if not is_end:
        collecting.digits += digit
    if is_end or len(collecting.digits) >= collecting.digits_max:
        collected(state, leg)
    else:
        state.timers.set("digits", leg.leg_id, now + collecting.between_ms_max)


def collected(state: GatewayState, leg: Leg) -> None:
    """The collected keys are complete, or time is up: say them as one string, empty if none came."""
    collecting, leg.collecting = leg.collecting, None
    if collecting is None:
        return
    state.timers.drop("digits", leg.leg_id)
    digits = DigitsEntered(pbx_id=state.pbx_id, leg_id=leg.leg_id, digits=collecting.digits, is_complete=True)
    state.say(digits, collecting.key)
    state.done(collecting.key, "telephony.collect_digits", leg.leg_id)


def play_over(state: GatewayState, now: int, leg: Leg, event: port.PlayEnded) -> None:
    """A play ended by itself, by a key, a bridge or another play, or could not be played."""
    if event.play_id not in leg.plays:
        return
    close_play(state, leg, event.play_id, ok=event.ok, was_interrupted=event.was_interrupted)
    collecting = leg.collecting
    if collecting is not None and not collecting.digits and not leg.plays:
        state.timers.set("digits", leg.leg_id, now + collecting.first_ms_max)


def close_play(
    state: GatewayState, leg: Leg, play_id: PlayId, *, ok: bool, was_interrupted: bool = False
) -> None:
    """Say how a play ended, once."""
    playing = leg.plays.pop(play_id)
    leg.played.add(play_id)
    finished = PlayFinished(
        pbx_id=state.pbx_id, leg_id=leg.leg_id, play_id=play_id, ok=ok, was_interrupted=was_interrupted
    )
    state.answer(finished, playing.key)


def _bridged(state: GatewayState, event: port.LegsBridged) -> None:
    bridge = state.bridges.get(event.bridge_id)
    if bridge is None or bridge.is_over or bridge.is_up:
        return
    bridge.is_up = True
    key, bridge.bridging = bridge.bridging, None
    state.answer(Bridged(pbx_id=state.pbx_id, bridge_id=bridge.bridge_id, legs=bridge.legs), key)


def _unbridged(state: GatewayState, event: port.LegsUnbridged) -> None:
    bridge = state.bridges.get(event.bridge_id)
    if bridge is not None:
        bridge_over(state, bridge)


def _recording_closed(state: GatewayState, event: port.RecordingClosed) -> None:
    recording = state.recordings.get(event.recording_id)
    if recording is None or recording.is_spooled or recording.is_finished:
        return
    closing = CloseRecording(recording_id=event.recording_id, bytes=event.bytes, cause=event.cause)
    state.effects.append(closing)


def _extension_found(state: GatewayState, event: port.ExtensionFound) -> None:
    state.timers.drop("check", event.extension)
    for key in state.checks.pop(event.extension, ()):
        found = ExtensionChecked(pbx_id=state.pbx_id, extension=event.extension, exists=event.exists)
        state.answer(found, key)
