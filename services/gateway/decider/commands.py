"""Carrying commands out: one function per command; a known id is answered from the leg table first.

Gone, late, forbidden and unknown are refusals, and refusals are facts. `not_after` is judged by the newest
append time that was read, never by a clock.
"""

from typing import assert_never

from contracts import telephony
from contracts.gateway import (
    TOO_LATE,
    LegRequested,
    PlayFinished,
    RecordingFinished,
    RecordingRequested,
    Unbridged,
)
from contracts.ids import Instant, LegId, RecordingId
from contracts.message import type_name
from services.gateway import rules
from services.gateway.decider.book import Book
from services.gateway.decider.endings import leg_gone, recording_missing
from services.gateway.port import AnyCommand
from services.gateway.state import Collecting, CommandKey, Leg, OurReason, Phase, Playing, Recording, Wiring


def carry_out(book: Book, now: int, key: CommandKey, command: AnyCommand) -> None:
    """Do one command that was taken on."""
    match command:
        case telephony.DialLeg():
            _dial(book, now, key, command)
        case telephony.CancelLeg():
            _end(book, now, key, command, OurReason.CANCELLED)
        case telephony.HangUp():
            _end(book, now, key, command, OurReason.HUNG_UP)
        case telephony.RejectLeg():
            _end(book, now, key, command, rules.REJECTED[command.reason])
        case telephony.AnswerLeg():
            _answer(book, now, key, command)
        case telephony.Play():
            _play(book, now, key, command)
        case telephony.StopPlay() | telephony.StartHoldMusic() | telephony.StopHoldMusic():
            _ask_simply(book, now, key, command)
        case telephony.CollectDigits():
            _collect(book, now, key, command)
        case telephony.Record():
            _record(book, now, key, command)
        case telephony.StopRecording():
            _ask_simply(book, now, key, command)
        case telephony.Bridge():
            _bridge(book, now, key, command)
        case telephony.Unbridge():
            _unbridge(book, now, key, command)
        case telephony.CheckExtension():
            _check(book, now, key, command)
        case _:
            assert_never(command)


def _is_late(book: Book, not_after: Instant | None) -> bool:
    return not_after is not None and book.newest_at > not_after


def _dial(book: Book, now: int, key: CommandKey, command: telephony.DialLeg) -> None:
    name = type_name(command)
    if command.leg_id in book.legs:
        book.done(key, name, command.leg_id)
        return
    reason = _dial_refusal(book, command)
    if reason is not None:
        book.refuse(key, name, reason, command.leg_id)
        return
    leg = Leg(
        leg_id=command.leg_id,
        is_arrived=False,
        phase=Phase.REQUESTED,
        started_at=Instant(now),
        address=command.address,
        dial=command,
    )
    book.put_leg(leg)
    requested = LegRequested(pbx_id=book.pbx_id, leg_id=command.leg_id, address=command.address)
    book.answer(requested, key)


def _dial_refusal(book: Book, command: telephony.DialLeg) -> str | None:
    if rules.is_forbidden(command.address, book.region):
        return "emergency"
    if _is_late(book, command.not_after):
        return TOO_LATE
    if not book.is_there:
        return "pbx_lost"
    return None


def dial_requested(book: Book, now: int, leg: Leg) -> None:
    """`leg_requested` was read back and the PBX is still ours: dial now, unless it is pointless by now."""
    if leg.phase is not Phase.REQUESTED or leg.dial is None:
        return
    if not book.is_there or _is_late(book, leg.dial.not_after):
        leg.ours = OurReason.LOST
        if book.is_there:
            book.count(f"refused_{TOO_LATE}")
        leg_gone(book, now, leg, cause=TOO_LATE if book.is_there else "pbx_lost")
        return
    command = leg.dial
    leg.phase, leg.started_at = Phase.DIALLED, Instant(now)
    shown = telephony.DialLeg(
        pbx_id=command.pbx_id,
        leg_id=command.leg_id,
        address=command.address,
        caller_id=rules.shown_caller(command.address, command.caller_id, book.numbers),
        ring_ms_max=command.ring_ms_max,
        headers=rules.shown_headers(command.address, command.headers),
    )
    book.ask(now, shown, leg_id=leg.leg_id)
    book.timers.set("life", leg.leg_id, now + rules.NO_SIGN_OF_LIFE_MS)
    book.timers.set("ring", leg.leg_id, now + command.ring_ms_max)
    book.count("dialled")


Ending = telephony.CancelLeg | telephony.HangUp | telephony.RejectLeg


def _end(book: Book, now: int, key: CommandKey, command: Ending, ours: OurReason) -> None:
    name = type_name(command)
    leg = book.legs.get(command.leg_id)
    if leg is None:
        book.refuse(key, name, "unknown_leg", command.leg_id)
    elif leg.is_over:
        book.done(key, name, leg.leg_id)
    elif leg.phase is Phase.REQUESTED:
        leg.ours = ours
        book.done(key, name, leg.leg_id)
        leg_gone(book, now, leg)
    elif _keeps_answered(command) and leg.phase is Phase.ANSWERED:
        book.done(key, name, leg.leg_id)
    else:
        leg.is_kept_if_answered = _keeps_answered(command) and (leg.ours is None or leg.is_kept_if_answered)
        leg.ours = leg.ours or ours
        book.ask(now, command, key=key, command=name, leg_id=leg.leg_id)
        book.timers.set("unconfirmed", leg.leg_id, now + rules.NO_SIGN_OF_LIFE_MS)


def _keeps_answered(command: Ending) -> bool:
    return isinstance(command, telephony.CancelLeg) and command.keeps_answered


def end_by_limit(book: Book, now: int, leg_id: str, ours: OurReason) -> None:
    """One of the gateway's own limits is reached while a leg is dialled: stop it."""
    leg = book.live(LegId(leg_id))
    if leg is None or leg.phase not in (Phase.DIALLED, Phase.RINGING) or leg.ours is not None:
        return
    leg.ours = ours
    book.ask(now, telephony.CancelLeg(pbx_id=book.pbx_id, leg_id=leg.leg_id), leg_id=leg.leg_id)
    book.timers.set("unconfirmed", leg.leg_id, now + rules.ENDING_HELD_MS)


def _answer(book: Book, now: int, key: CommandKey, command: telephony.AnswerLeg) -> None:
    name = type_name(command)
    leg = book.live(command.leg_id)
    if leg is None:
        book.refuse(key, name, "gone", command.leg_id)
    elif leg.phase is Phase.ANSWERED or leg.answering is not None:
        book.done(key, name, leg.leg_id)
    elif _is_late(book, command.not_after):
        book.refuse(key, name, TOO_LATE, leg.leg_id)
    else:
        leg.answering = key
        book.ask(now, command, key=key, command=name, leg_id=leg.leg_id)


def _play(book: Book, now: int, key: CommandKey, command: telephony.Play) -> None:
    leg = book.live(command.leg_id)
    if leg is None:
        finished = PlayFinished(pbx_id=book.pbx_id, leg_id=command.leg_id, play_id=command.play_id, ok=False)
        book.answer(finished, key)
    elif command.play_id in leg.plays or command.play_id in leg.played:
        book.done(key, type_name(command), leg.leg_id)
    elif _is_late(book, command.not_after):
        book.refuse(key, type_name(command), TOO_LATE, leg.leg_id)
    else:
        leg.plays[command.play_id] = Playing(key=key, command=command)
        book.ask(now, command, key=key, command=type_name(command), leg_id=leg.leg_id)


Simple = telephony.StopPlay | telephony.StartHoldMusic | telephony.StopHoldMusic | telephony.StopRecording


def _ask_simply(book: Book, now: int, key: CommandKey, command: Simple) -> None:
    """Commands that the PBX just does; on a leg that is gone they are done already."""
    name = type_name(command)
    if book.live(command.leg_id) is None:
        book.done(key, name, command.leg_id)
    else:
        book.ask(now, command, key=key, command=name, leg_id=command.leg_id)


def _collect(book: Book, now: int, key: CommandKey, command: telephony.CollectDigits) -> None:
    name = type_name(command)
    leg = book.live(command.leg_id)
    if leg is None:
        book.refuse(key, name, "gone", command.leg_id)
        return
    if leg.collecting is not None:
        book.done(leg.collecting.key, name, leg.leg_id)
    leg.collecting = Collecting(
        key=key,
        digits_max=command.digits_max,
        first_ms_max=command.first_ms_max,
        between_ms_max=command.between_ms_max,
        terminators=command.terminators,
    )
    if not leg.plays:
        # Who is still being told what to type gets the whole time from the end of it (see play_over).
        book.timers.set("digits", leg.leg_id, now + command.first_ms_max)


def _record(book: Book, now: int, key: CommandKey, command: telephony.Record) -> None:
    name = type_name(command)
    leg = book.live(command.leg_id)
    if command.recording_id in book.recordings:
        book.done(key, name, command.leg_id)
    elif leg is None:
        missing = RecordingFinished(
            pbx_id=book.pbx_id,
            leg_id=command.leg_id,
            recording_id=command.recording_id,
            ok=False,
            cause="gone",
        )
        book.answer(missing, key)
    elif _is_late(book, command.not_after):
        book.refuse(key, name, TOO_LATE, leg.leg_id)
    else:
        recording = Recording(recording_id=command.recording_id, leg_id=leg.leg_id, command=command)
        book.recordings[command.recording_id] = recording
        leg.recordings.add(command.recording_id)
        requested = RecordingRequested(
            pbx_id=book.pbx_id, leg_id=leg.leg_id, recording_id=command.recording_id
        )
        book.answer(requested, key)


def _bridge(book: Book, now: int, key: CommandKey, command: telephony.Bridge) -> None:
    name = type_name(command)
    if command.bridge_id in book.wirings:
        book.done(key, name)
        return
    legs = [book.live(leg_id) for leg_id in command.legs]
    for leg_id, leg in zip(command.legs, legs, strict=True):
        if leg is None or leg.phase is not Phase.ANSWERED:
            book.refuse(key, name, "gone" if leg is None else "not_answered", leg_id)
            return
    wiring = Wiring(bridge_id=command.bridge_id, legs=command.legs, bridging=key)
    book.wirings[command.bridge_id] = wiring
    for leg in legs:
        if leg is not None:
            leg.wirings.append(command.bridge_id)
    book.ask(now, command, key=key, command=name)


def _unbridge(book: Book, now: int, key: CommandKey, command: telephony.Unbridge) -> None:
    wiring = book.wirings.get(command.bridge_id)
    if wiring is None:
        book.refuse(key, type_name(command), "unknown_bridge")
    elif wiring.is_over or wiring.unbridging is not None:
        again = Unbridged(pbx_id=book.pbx_id, bridge_id=wiring.bridge_id, legs=wiring.legs)
        book.answer(again, key)
    else:
        wiring.unbridging = key
        book.ask(now, command, key=key, command=type_name(command))


def _check(book: Book, now: int, key: CommandKey, command: telephony.CheckExtension) -> None:
    book.checks.setdefault(command.extension, []).append(key)
    if len(book.checks[command.extension]) == 1:
        book.ask(now, command, key=key, command=type_name(command))
        book.timers.set("check", command.extension, now + rules.CHECK_EXTENSION_MS)


def record_requested(book: Book, now: int, recording_id: RecordingId) -> None:
    """`recording_requested` was read back and the PBX is still ours: record, if the leg is still there."""
    recording = book.recordings.get(recording_id)
    if recording is None or recording.command is None or recording.is_started:
        return
    leg = book.live(recording.leg_id)
    if leg is None:
        recording_missing(book, recording_id, "gone")
        return
    recording.is_started = True
    book.ask(now, recording.command, command=type_name(recording.command), leg_id=leg.leg_id)
