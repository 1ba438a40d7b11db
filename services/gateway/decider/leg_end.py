"""How a leg ends: its plays, digits and bridges are closed, its recordings awaited, its end said once."""

from contracts.gateway import LegEnded, PlayFinished, RecordingFinished, Unbridged
from contracts.ids import Instant, RecordingId
from contracts.telephony import Bridge, DialLeg, Record
from services.gateway import rules
from services.gateway.decider.effects import CloseRecording, FetchRecording
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.port import Cause
from services.gateway.state import Leg, LegBridge, OurReason, Phase, Recording

LEG_TIMERS = ("life", "ring", "unconfirmed", "digits")


def leg_gone(
    state: GatewayState, now: int, leg: Leg, *, by_party: bool = False, code: int = 0, cause: str = ""
) -> None:
    """The PBX no longer has the leg: close its parts, then say its end, or wait for its recordings."""
    if leg.is_over:
        return
    leg.phase, leg.gone_at, leg.by_party, leg.code, leg.cause = (
        Phase.GONE,
        Instant(now),
        by_party,
        code,
        cause,
    )
    state.calls.end(leg.leg_id)
    for kind in LEG_TIMERS:
        state.timers.drop(kind, leg.leg_id)
    for number, pending in list(state.pending.items()):
        if isinstance(pending.request, DialLeg) and pending.leg_id == leg.leg_id:
            state.replied(number)
    _close_plays(state, leg)
    _close_digits(state, leg)
    if leg.answering is not None:
        state.refuse(leg.answering, "telephony.answer_leg", "gone", leg.leg_id)
        leg.answering = None
    for bridge in state.bridges_of(leg):
        bridge_over(state, bridge)
    if _open_recordings(state, leg):
        state.timers.set("ending", leg.leg_id, now + rules.ENDING_HELD_MS)
    else:
        _say_ended(state, leg)


def _close_plays(state: GatewayState, leg: Leg) -> None:
    for play_id, playing in list(leg.plays.items()):
        finished = PlayFinished(pbx_id=state.pbx_id, leg_id=leg.leg_id, play_id=play_id, ok=False)
        state.answer(finished, playing.key)
    leg.plays.clear()


def _close_digits(state: GatewayState, leg: Leg) -> None:
    if leg.collecting is not None:
        state.refuse(leg.collecting.key, "telephony.collect_digits", "gone", leg.leg_id)
        leg.collecting = None


def bridge_over(state: GatewayState, bridge: LegBridge) -> None:
    """A bridge is over, or can't be made; said once."""
    if bridge.is_over:
        return
    bridge.is_over = True
    if bridge.bridging is not None:
        gone = [each for each in bridge.legs if state.live(each) is None]
        state.refuse(bridge.bridging, "telephony.bridge", "gone", gone[0] if gone else None)
        bridge.bridging = None
    if bridge.is_up or bridge.unbridging is not None:
        ended = Unbridged(pbx_id=state.pbx_id, bridge_id=bridge.bridge_id, legs=bridge.legs)
        state.answer(ended, bridge.unbridging)
        bridge.unbridging = None
    for number, pending in list(state.pending.items()):
        if isinstance(pending.request, Bridge) and pending.request.bridge_id == bridge.bridge_id:
            state.replied(number)


def _open_recordings(state: GatewayState, leg: Leg) -> list[Recording]:
    found = (state.recordings[each] for each in sorted(leg.recordings))
    return [recording for recording in found if recording.is_started and not recording.is_finished]


def _say_ended(state: GatewayState, leg: Leg) -> None:
    if leg.phase is Phase.ENDED:
        return
    leg.phase = Phase.ENDED
    state.timers.drop("ending", leg.leg_id)
    gone_at = leg.gone_at or leg.started_at
    rang_until = leg.answered_at or gone_at
    was_answered = leg.answered_at is not None
    ended = LegEnded(
        pbx_id=state.pbx_id,
        leg_id=leg.leg_id,
        outcome=rules.outcome(
            is_arrived=leg.is_arrived,
            was_answered=was_answered,
            was_ringing=leg.ringing_at is not None,
            ours=leg.ours,
            code=leg.code,
        ),
        by=rules.ended_by(ours=leg.ours, by_party=leg.by_party),
        code=leg.code,
        ring_ms=max(0, rang_until - leg.ringing_at) if leg.ringing_at is not None else 0,
        talk_ms=max(0, gone_at - leg.answered_at) if leg.answered_at is not None else 0,
        cause=leg.cause,
    )
    state.say(ended)


def close_as_they_are(state: GatewayState) -> None:
    """Close the open recordings of a PBX that stays away into playable files (EC-63)."""
    for recording in [each for each in state.recordings.values() if each.is_started and not each.is_spooled]:
        if not recording.is_finished:
            cut = CloseRecording(recording_id=recording.recording_id, bytes=None, cause=Cause.CUT_OFF)
            state.effects.append(cut)


def end_without_recordings(state: GatewayState, now: int, leg_id: str) -> None:
    """After two seconds say the leg's end; recordings that take longer are fetched, and said afterwards."""
    leg = state.legs.get(leg_id)  # type: ignore[call-overload]  # a timer's subject is the leg's id
    if leg is None or leg.phase is not Phase.GONE:
        return
    for recording in _open_recordings(state, leg):
        fetch_awaited(state, now, recording)
    _say_ended(state, leg)


def fetch_awaited(state: GatewayState, now: int, recording: Recording) -> None:
    """Fetch a recording whose leg is over, now and again until all of it is in the spool."""
    if recording.is_spooled or recording.is_finished:
        return
    if state.is_there:
        state.effects.append(FetchRecording(recording_id=recording.recording_id, is_awaited=True))
    state.timers.set("fetch", recording.recording_id, now + rules.FETCH_AGAIN_MS)


def recording_over(state: GatewayState, recording: Recording, finished: RecordingFinished) -> None:
    """A recording is in S3 or never will be: say so once, then the end of a leg that waited for it."""
    if recording.is_finished:
        return
    recording.is_finished, recording.is_lost = True, not finished.ok
    state.timers.drop("fetch", recording.recording_id)
    for number, pending in list(state.pending.items()):
        # A PBX that comes back must not begin what was given up meanwhile.
        if isinstance(pending.request, Record) and pending.request.recording_id == recording.recording_id:
            state.replied(number)
    state.say(finished)
    leg = state.legs.get(recording.leg_id)
    if leg is not None and leg.phase is Phase.GONE and not _open_recordings(state, leg):
        _say_ended(state, leg)


def recording_missing(state: GatewayState, recording_id: RecordingId, cause: str) -> None:
    """Say that there is no audio of this recording, and why."""
    recording = state.recordings[recording_id]
    finished = RecordingFinished(
        pbx_id=state.pbx_id, leg_id=recording.leg_id, recording_id=recording_id, ok=False, cause=cause
    )
    recording_over(state, recording, finished)


def lose_leg(state: GatewayState, now: int, leg: Leg, cause: str = "lost") -> None:
    """End a leg that the PBX should have and has not: as lost; it is never dialled again."""
    leg.ours = leg.ours or OurReason.LOST
    leg_gone(state, now, leg, cause=cause)
