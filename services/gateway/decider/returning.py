"""The PBX is there, at the first time or again: what it has is compared with what we know.

What it has and we know is adopted by id. What we know and it does not have has ended, as lost. What it has
and nobody knows is a new call if it rings at us unanswered, else it is hung up and counted.
"""

from contracts import telephony
from contracts.gateway import DeviceChanged, LegRinging, PbxReturned
from contracts.ids import Instant, RecordingId
from services.gateway import port, rules
from services.gateway.decider.beginnings import arrived, picked_up
from services.gateway.decider.book import Book
from services.gateway.decider.effects import CloseRecording, FetchRecording
from services.gateway.decider.endings import lose_leg, unwired
from services.gateway.port import Cause
from services.gateway.state import Leg, Phase


def pbx_there(book: Book, now: int, there: port.PbxThere) -> None:
    """Compare, say what differs, and ask again what it may not have heard."""
    book.is_there = True
    book.timers.drop("away", "")
    seen = {leg.leg_id: leg for leg in there.legs}
    known = [leg_id for leg_id in seen if (leg := book.legs.get(leg_id)) is not None and not leg.is_over]
    book.say(PbxReturned(pbx_id=book.pbx_id, live_legs=tuple(known)))
    for leg in [each for each in book.legs.values() if not each.is_over and each.leg_id not in seen]:
        # One that was only said will be dialled when it is read back, unless this machine did not say it.
        if leg.phase is not Phase.REQUESTED or leg.dial is None:
            lose_leg(book, now, leg)
    for leg_seen in there.legs:
        _adopt(book, now, leg_seen)
    for wiring in [each for each in book.wirings.values() if each.is_wired and not each.is_over]:
        if wiring.bridge_id not in there.bridges:
            unwired(book, wiring)
    _compare_recordings(book, {each.recording_id: each for each in there.recordings})
    for device in there.devices:
        if book.devices.get(device.address) is not device.state:
            book.devices[device.address] = device.state
            book.say(DeviceChanged(pbx_id=book.pbx_id, address=device.address, state=device.state))
    book.ask_all_again(now)
    _ask_plays_again(book, now)


def _ask_plays_again(book: Book, now: int) -> None:
    """A play that ended while the PBX was away is told again by an adapter that is asked for it again."""
    asked = {each.request.play_id for each in book.asked.values() if isinstance(each.request, telephony.Play)}
    for leg in [each for each in book.legs.values() if each.plays]:
        for play_id, playing in leg.plays.items():
            if play_id not in asked:
                book.ask(now, playing.command, key=playing.key, command="telephony.play", leg_id=leg.leg_id)


def _adopt(book: Book, now: int, seen: port.LegSeen) -> None:
    leg = book.legs.get(seen.leg_id)
    if leg is None and seen.is_arrived and not seen.is_answered:
        arrived(book, now, seen)
        return
    if leg is None or leg.is_over:
        book.count("unknown_leg_hung_up")
        request = telephony.HangUp(pbx_id=book.pbx_id, leg_id=seen.leg_id, reason="unknown")
        book.ask(now, request, leg_id=seen.leg_id)
        return
    if seen.is_answered:
        picked_up(book, now, leg)
    elif leg.ours is None and not leg.is_arrived:
        _go_on_ringing(book, now, leg, seen)


def _go_on_ringing(book: Book, now: int, leg: Leg, seen: port.LegSeen) -> None:
    """A phone of a predecessor's dialling: its limits are ours again."""
    if leg.phase is Phase.REQUESTED:
        leg.phase = Phase.DIALLED
    if seen.is_ringing and leg.phase is Phase.DIALLED:
        leg.phase, leg.ringing_at = Phase.RINGING, Instant(now)
        book.say(LegRinging(pbx_id=book.pbx_id, leg_id=leg.leg_id))
    if leg.phase is Phase.DIALLED:
        book.timers.set("life", leg.leg_id, now + rules.NO_SIGN_OF_LIFE_MS)
    rung_since = leg.ringing_at or leg.started_at
    book.timers.set("ring", leg.leg_id, max(now, rung_since + seen.ring_ms_max))


def _compare_recordings(book: Book, seen: dict[RecordingId, port.RecordingSeen]) -> None:
    for recording in [each for each in book.recordings.values() if not each.is_finished]:
        if recording.is_spooled or not recording.is_started:
            continue
        if recording.recording_id in seen:
            book.effects.append(FetchRecording(recording_id=recording.recording_id))
        elif not _is_asked(book, recording.recording_id):
            cut = CloseRecording(recording_id=recording.recording_id, bytes=None, cause=Cause.CUT_OFF)
            book.effects.append(cut)


def _is_asked(book: Book, recording_id: RecordingId) -> bool:
    requests = (asked.request for asked in book.asked.values())
    return any(isinstance(each, telephony.Record) and each.recording_id == recording_id for each in requests)
