"""What a PBX tells, turned into facts: one function per happening.

A leg that is over stays over: whatever is told of it later is dropped, and if the PBX seems to have it still,
it is hung up and counted.
"""

from typing import assert_never

from contracts import telephony
from contracts.gateway import (
    Bridged,
    DeviceChanged,
    DigitsEntered,
    ExtensionChecked,
    MediaLost,
    PbxLost,
    PlayFinished,
)
from contracts.ids import LegId, PlayId
from services.gateway import port, rules
from services.gateway.decider import replies
from services.gateway.decider.beginnings import arrived, picked_up, progressed
from services.gateway.decider.book import Book
from services.gateway.decider.effects import CloseRecording
from services.gateway.decider.endings import leg_gone, unwired
from services.gateway.decider.returning import pbx_there
from services.gateway.state import Leg

# The branches of this dispatch are the port's vocabulary.


def happened(book: Book, now: int, event: port.AnyHappening) -> None:
    """Take in one thing that the PBX told."""
    match event:
        case port.PbxGone():
            pbx_gone(book, now)
        case port.PbxThere():
            pbx_there(book, now, event)
        case port.Replied():
            replies.replied(book, now, event)
        case port.Arrived():
            arrived(book, now, event)
        case port.DeviceSeen():
            device_seen(book, event)
        case port.ExtensionFound():
            _extension_found(book, event)
        case port.Wired():
            _wired(book, event)
        case port.Unwired():
            _unwired(book, event)
        case port.RecordingClosed():
            _recording_closed(book, event)
        case port.Sound():
            # Sound goes straight to the spool: the shell takes it out before it comes here.
            pass
        case (
            port.Progressed()
            | port.PickedUp()
            | port.Ended()
            | port.Pressed()
            | port.PlayEnded()
            | port.Silent()
        ):
            _leg_happened(book, now, event)
        case _:
            assert_never(event)


def _leg_happened(
    book: Book,
    now: int,
    event: port.Progressed | port.PickedUp | port.Ended | port.Pressed | port.PlayEnded | port.Silent,
) -> None:
    leg = book.legs.get(event.leg_id)
    if leg is None or leg.is_over:
        if isinstance(event, port.Progressed | port.PickedUp | port.Pressed):
            hang_up_unknown(book, now, event.leg_id)
        return
    match event:
        case port.Progressed():
            progressed(book, now, leg, is_ringing=event.is_ringing)
        case port.PickedUp():
            picked_up(book, now, leg)
        case port.Ended():
            leg_gone(book, now, leg, by_party=event.by_party, code=event.code)
        case port.Pressed():
            _pressed(book, now, leg, event.digit)
        case port.PlayEnded():
            play_over(book, now, leg, event)
        case port.Silent():
            book.say(MediaLost(pbx_id=book.pbx_id, leg_id=leg.leg_id))
        case _:
            assert_never(event)


def pbx_gone(book: Book, now: int) -> None:
    """The PBX can't be reached: said once, until it is back."""
    if book.is_there is not False:
        book.is_there = False
        book.timers.set("away", "", now + rules.PBX_AWAY_MS)
        book.say(PbxLost(pbx_id=book.pbx_id))


def hang_up_unknown(book: Book, now: int, leg_id: LegId) -> None:
    """The PBX has a leg that nobody knows, or that ended long ago: hang it up, and count."""
    book.count("unknown_leg_hung_up")
    book.ask(now, telephony.HangUp(pbx_id=book.pbx_id, leg_id=leg_id, reason="unknown"), leg_id=leg_id)


def _pressed(book: Book, now: int, leg: Leg, digit: str) -> None:
    collecting = leg.collecting
    if collecting is None:
        book.say(DigitsEntered(pbx_id=book.pbx_id, leg_id=leg.leg_id, digits=digit))
        return
    is_end = digit in collecting.terminators
    if not is_end:
        collecting.digits += digit
    if is_end or len(collecting.digits) >= collecting.digits_max:
        collected(book, leg)
    else:
        book.timers.set("digits", leg.leg_id, now + collecting.between_ms_max)


def collected(book: Book, leg: Leg) -> None:
    """The keys that were asked for are there, or time is up: one string, empty when none came."""
    collecting, leg.collecting = leg.collecting, None
    if collecting is None:
        return
    book.timers.drop("digits", leg.leg_id)
    digits = DigitsEntered(pbx_id=book.pbx_id, leg_id=leg.leg_id, digits=collecting.digits, is_complete=True)
    book.say(digits, collecting.key)
    book.done(collecting.key, "telephony.collect_digits", leg.leg_id)


def play_over(book: Book, now: int, leg: Leg, event: port.PlayEnded) -> None:
    """A play ended by itself, by a key, by a bridge or another play, or could not be made."""
    if event.play_id not in leg.plays:
        return
    close_play(book, leg, event.play_id, ok=event.ok, was_interrupted=event.was_interrupted)
    collecting = leg.collecting
    if collecting is not None and not collecting.digits and not leg.plays:
        book.timers.set("digits", leg.leg_id, now + collecting.first_ms_max)


def close_play(book: Book, leg: Leg, play_id: PlayId, *, ok: bool, was_interrupted: bool = False) -> None:
    """Say how a play ended, once."""
    playing = leg.plays.pop(play_id)
    leg.played.add(play_id)
    finished = PlayFinished(
        pbx_id=book.pbx_id, leg_id=leg.leg_id, play_id=play_id, ok=ok, was_interrupted=was_interrupted
    )
    book.answer(finished, playing.key)


def _wired(book: Book, event: port.Wired) -> None:
    wiring = book.wirings.get(event.bridge_id)
    if wiring is None or wiring.is_over or wiring.is_wired:
        return
    wiring.is_wired = True
    key, wiring.bridging = wiring.bridging, None
    book.answer(Bridged(pbx_id=book.pbx_id, bridge_id=wiring.bridge_id, legs=wiring.legs), key)


def _unwired(book: Book, event: port.Unwired) -> None:
    wiring = book.wirings.get(event.bridge_id)
    if wiring is not None:
        unwired(book, wiring)


def _recording_closed(book: Book, event: port.RecordingClosed) -> None:
    recording = book.recordings.get(event.recording_id)
    if recording is None or recording.is_spooled or recording.is_finished:
        return
    closing = CloseRecording(recording_id=event.recording_id, bytes=event.bytes, cause=event.cause)
    book.effects.append(closing)


def device_seen(book: Book, event: port.DeviceSeen) -> None:
    """A registered phone became something else; what is known already is not said again."""
    if book.devices.get(event.address) is event.state:
        return
    book.devices[event.address] = event.state
    book.say(DeviceChanged(pbx_id=book.pbx_id, address=event.address, state=event.state))


def _extension_found(book: Book, event: port.ExtensionFound) -> None:
    book.timers.drop("check", event.extension)
    for key in book.checks.pop(event.extension, ()):
        found = ExtensionChecked(pbx_id=book.pbx_id, extension=event.extension, exists=event.exists)
        book.answer(found, key)
