"""Commands: one function for each; a known id is answered from the state first.

A command that comes too late, or whose leg is gone, forbidden or unknown, is refused by a fact. `not_after`
is compared with the newest append time that was read, never with a clock.
"""

from typing import assert_never

from contracts import telephony
from contracts.addresses import is_public
from contracts.dialling import Refusal
from contracts.gateway import (
    TOO_LATE,
    TOO_MANY_CALLS,
    LegRequested,
    PlayFinished,
    RecordingFinished,
    RecordingRequested,
    Unbridged,
)
from contracts.ids import Instant, LegId, RecordingId
from contracts.message import type_name
from services.gateway import rules
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.decider.leg_end import leg_gone, recording_missing
from services.gateway.port import AnyCommand
from services.gateway.state import (
    Collecting,
    CommandKey,
    Leg,
    LegBridge,
    OurReason,
    Phase,
    Playing,
    Recording,
)


def carry_out(state: GatewayState, now: int, key: CommandKey, command: AnyCommand) -> None:
    """Carry out one command that was taken on."""
    match command:
        case telephony.DialLeg():
            _dial(state, now, key, command)
        case telephony.CancelLeg():
            _end(state, now, key, command, OurReason.CANCELLED)
        case telephony.HangUp():
            _end(state, now, key, command, OurReason.HUNG_UP)
        case telephony.RejectLeg():
            _end(state, now, key, command, rules.REJECTED[command.reason])
        case telephony.AnswerLeg():
            _answer(state, now, key, command)
        case telephony.Play():
            _play(state, now, key, command)
        case telephony.StopPlay() | telephony.StartHoldMusic() | telephony.StopHoldMusic():
            _ask_simply(state, now, key, command)
        case telephony.CollectDigits():
            _collect(state, now, key, command)
        case telephony.Record():
            _record(state, now, key, command)
        case telephony.StopRecording():
            _ask_simply(state, now, key, command)
        case telephony.Bridge():
            _bridge(state, now, key, command)
        case telephony.Unbridge():
            _unbridge(state, now, key, command)
        case telephony.CheckExtension():
            _check(state, now, key, command)
        case _:
            assert_never(command)


def _is_late(state: GatewayState, not_after: Instant | None) -> bool:
    return not_after is not None and state.newest_at > not_after


def _dial(state: GatewayState, now: int, key: CommandKey, command: telephony.DialLeg) -> None:
    name = type_name(command)
    if command.leg_id in state.legs:
        state.done(key, name, command.leg_id)
        return
    reason = _dial_refusal(state, now, command)
    if reason is not None:
        state.refuse(key, name, reason, command.leg_id)
        return
    leg = Leg(
        leg_id=command.leg_id,
        is_arrived=False,
        phase=Phase.REQUESTED,
        started_at=Instant(now),
        address=command.address,
        dial=command,
    )
    state.put_leg(leg)
    if is_public(command.address):
        state.calls.begin(leg.leg_id, leg.started_at)
    requested = LegRequested(pbx_id=state.pbx_id, leg_id=command.leg_id, address=command.address)
    state.answer(requested, key)


def _dial_refusal(state: GatewayState, now: int, command: telephony.DialLeg) -> str | None:
    for reason in state.closed_by.values():
        return reason
    refusal = rules.refusal(command.address, state.policy)
    if refusal is None and is_public(command.address) and state.are_minutes_used_up:
        refusal = Refusal.MINUTES_USED_UP
    if refusal is not None:
        return str(refusal)
    if is_public(command.address) and state.calls.is_full(now):
        return TOO_MANY_CALLS
    if _is_late(state, command.not_after):
        return TOO_LATE
    if not state.is_there:
        return "pbx_lost"
    return None


def dial_requested(state: GatewayState, now: int, leg: Leg) -> None:
    """`leg_requested` was read back and the PBX is still ours: dial, unless it is too late."""
    if leg.phase is not Phase.REQUESTED or leg.dial is None:
        return
    for reason in state.closed_by.values():
        leg.ours = OurReason.LOST
        leg_gone(state, now, leg, cause=reason)
        return
    if not state.is_there or _is_late(state, leg.dial.not_after):
        leg.ours = OurReason.LOST
        if state.is_there:
            state.count(f"refused_{TOO_LATE}")
        leg_gone(state, now, leg, cause=TOO_LATE if state.is_there else "pbx_lost")
        return
    command = leg.dial
    leg.phase, leg.started_at = Phase.DIALLED, Instant(now)
    shown = telephony.DialLeg(
        pbx_id=command.pbx_id,
        leg_id=command.leg_id,
        address=command.address,
        caller_id=rules.shown_caller(command.address, command.caller_id, state.numbers),
        ring_ms_max=command.ring_ms_max,
        headers=rules.shown_headers(command.address, command.headers),
        display_name=rules.shown_name(command.address, command.display_name),
    )
    state.ask(now, shown, leg_id=leg.leg_id)
    state.timers.set("life", leg.leg_id, now + telephony.silent_ms_max(leg.address))
    unrung_ms_max = rules.unrung_ms_max(leg.address, command.ring_ms_max)
    state.timers.set("ring", leg.leg_id, now + unrung_ms_max)
    state.count("dialled")


Ending = telephony.CancelLeg | telephony.HangUp | telephony.RejectLeg


def _end(state: GatewayState, now: int, key: CommandKey, command: Ending, ours: OurReason) -> None:
    name = type_name(command)
    leg = state.legs.get(command.leg_id)
    if leg is None:
        state.refuse(key, name, "unknown_leg", command.leg_id)
    elif leg.is_over:
        state.done(key, name, leg.leg_id)
    elif leg.phase is Phase.REQUESTED:
        leg.ours = ours
        state.done(key, name, leg.leg_id)
        leg_gone(state, now, leg)
    elif _keeps_answered(command) and leg.phase is Phase.ANSWERED:
        state.done(key, name, leg.leg_id)
    else:
        leg.is_kept_if_answered = _keeps_answered(command) and (leg.ours is None or leg.is_kept_if_answered)
        leg.ours = leg.ours or ours
        state.ask(now, command, key=key, command=name, leg_id=leg.leg_id)
        state.timers.set("unconfirmed", leg.leg_id, now + rules.UNCONFIRMED_MS)


def _keeps_answered(command: Ending) -> bool:
    return isinstance(command, telephony.CancelLeg) and command.keeps_answered


def end_all(state: GatewayState, now: int) -> None:
    """Hang up every leg, unless what closed the PBX has been taken back meanwhile."""
    if not state.closed_by:
        return
    for leg in [each for each in state.legs.values() if each.is_with_pbx]:
        leg.ours = leg.ours or OurReason.HUNG_UP
        leg.is_kept_if_answered = False
        state.ask(now, telephony.HangUp(pbx_id=state.pbx_id, leg_id=leg.leg_id), leg_id=leg.leg_id)
        state.timers.set("unconfirmed", leg.leg_id, now + rules.UNCONFIRMED_MS)


def end_by_limit(state: GatewayState, now: int, leg_id: str, ours: OurReason) -> None:
    """Cancel a leg that has reached one of the gateway's limits before it was answered."""
    leg = state.live(LegId(leg_id))
    if leg is None or leg.phase not in (Phase.DIALLED, Phase.RINGING) or leg.ours is not None:
        return
    leg.ours = ours
    state.ask(now, telephony.CancelLeg(pbx_id=state.pbx_id, leg_id=leg.leg_id), leg_id=leg.leg_id)
    state.timers.set("unconfirmed", leg.leg_id, now + rules.ENDING_HELD_MS)


def _answer(state: GatewayState, now: int, key: CommandKey, command: telephony.AnswerLeg) -> None:
    name = type_name(command)
    leg = state.live(command.leg_id)
    if leg is None:
        state.refuse(key, name, "gone", command.leg_id)
    elif leg.phase is Phase.ANSWERED or leg.answering is not None:
        state.done(key, name, leg.leg_id)
    elif _is_late(state, command.not_after):
        state.refuse(key, name, TOO_LATE, leg.leg_id)
    else:
        leg.answering = key
        state.ask(now, command, key=key, command=name, leg_id=leg.leg_id)


def _play(state: GatewayState, now: int, key: CommandKey, command: telephony.Play) -> None:
    leg = state.live(command.leg_id)
    if leg is None:
        finished = PlayFinished(pbx_id=state.pbx_id, leg_id=command.leg_id, play_id=command.play_id, ok=False)
        state.answer(finished, key)
    elif command.play_id in leg.plays or command.play_id in leg.played:
        state.done(key, type_name(command), leg.leg_id)
    elif _is_late(state, command.not_after):
        state.refuse(key, type_name(command), TOO_LATE, leg.leg_id)
    elif state.is_bridged(leg):
        # A bridge ends plays. One that its sender would not have begun had it known would end the talk.
        interrupted = PlayFinished(
            pbx_id=state.pbx_id,
            leg_id=leg.leg_id,
            play_id=command.play_id,
            ok=False,
            was_interrupted=True,
        )
        state.answer(interrupted, key)
    else:
        leg.plays[command.play_id] = Playing(key=key, command=command)
        state.ask(now, command, key=key, command=type_name(command), leg_id=leg.leg_id)


Simple = telephony.StopPlay | telephony.StartHoldMusic | telephony.StopHoldMusic | telephony.StopRecording


def _ask_simply(state: GatewayState, now: int, key: CommandKey, command: Simple) -> None:
    """Commands that end with the PBX's reply; on a leg that is gone they count as done."""
    name = type_name(command)
    if state.live(command.leg_id) is None:
        state.done(key, name, command.leg_id)
    else:
        state.ask(now, command, key=key, command=name, leg_id=command.leg_id)


def _collect(state: GatewayState, now: int, key: CommandKey, command: telephony.CollectDigits) -> None:
    name = type_name(command)
    leg = state.live(command.leg_id)
    if leg is None:
        state.refuse(key, name, "gone", command.leg_id)
        return
    if leg.collecting is not None:
        state.done(leg.collecting.key, name, leg.leg_id)
    leg.collecting = Collecting(
        key=key,
        digits_max=command.digits_max,
        first_ms_max=command.first_ms_max,
        between_ms_max=command.between_ms_max,
        terminators=command.terminators,
    )
    if not leg.plays:
        # While a play runs, the time for the first key counts from its end (see play_over).
        state.timers.set("digits", leg.leg_id, now + command.first_ms_max)


def _record(state: GatewayState, now: int, key: CommandKey, command: telephony.Record) -> None:
    name = type_name(command)
    leg = state.live(command.leg_id)
    if command.recording_id in state.recordings:
        state.done(key, name, command.leg_id)
    elif leg is None:
        missing = RecordingFinished(
            pbx_id=state.pbx_id,
            leg_id=command.leg_id,
            recording_id=command.recording_id,
            ok=False,
            cause="gone",
        )
        state.answer(missing, key)
    elif _is_late(state, command.not_after):
        state.refuse(key, name, TOO_LATE, leg.leg_id)
    else:
        recording = Recording(recording_id=command.recording_id, leg_id=leg.leg_id, command=command)
        state.recordings[command.recording_id] = recording
        leg.recordings.add(command.recording_id)
        requested = RecordingRequested(
            pbx_id=state.pbx_id, leg_id=leg.leg_id, recording_id=command.recording_id
        )
        state.answer(requested, key)


def _bridge(state: GatewayState, now: int, key: CommandKey, command: telephony.Bridge) -> None:
    name = type_name(command)
    if command.bridge_id in state.bridges:
        state.done(key, name)
        return
    legs = [state.live(leg_id) for leg_id in command.legs]
    for leg_id, leg in zip(command.legs, legs, strict=True):
        if leg is None or leg.phase is not Phase.ANSWERED:
            state.refuse(key, name, "gone" if leg is None else "not_answered", leg_id)
            return
    bridge = LegBridge(bridge_id=command.bridge_id, legs=command.legs, bridging=key)
    state.bridges[command.bridge_id] = bridge
    for leg in legs:
        if leg is not None:
            leg.bridges.append(command.bridge_id)
    state.ask(now, command, key=key, command=name)


def _unbridge(state: GatewayState, now: int, key: CommandKey, command: telephony.Unbridge) -> None:
    bridge = state.bridges.get(command.bridge_id)
    if bridge is None:
        state.refuse(key, type_name(command), "unknown_bridge")
    elif bridge.is_over or bridge.unbridging is not None:
        again = Unbridged(pbx_id=state.pbx_id, bridge_id=bridge.bridge_id, legs=bridge.legs)
        state.answer(again, key)
    else:
        bridge.unbridging = key
        state.ask(now, command, key=key, command=type_name(command))


def _check(state: GatewayState, now: int, key: CommandKey, command: telephony.CheckExtension) -> None:
    state.checks.setdefault(command.extension, []).append(key)
    if len(state.checks[command.extension]) == 1:
        state.ask(now, command, key=key, command=type_name(command))
        state.timers.set("check", command.extension, now + rules.CHECK_EXTENSION_MS)


def record_requested(state: GatewayState, now: int, recording_id: RecordingId) -> None:
    """`recording_requested` was read back and the PBX is still ours: record, if the leg still exists."""
    recording = state.recordings.get(recording_id)
    if recording is None or recording.command is None or recording.is_started:
        return
    leg = state.live(recording.leg_id)
    if leg is None:
        recording_missing(state, recording_id, "gone")
        return
    recording.is_started = True
    state.ask(now, recording.command, command=type_name(recording.command), leg_id=leg.leg_id)
