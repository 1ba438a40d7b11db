"""How a leg ends: what hangs on it is closed first, its recordings are waited for, and it is said once."""

from contracts.gateway import LegEnded, PlayFinished, RecordingFinished, Unbridged
from contracts.ids import Instant, RecordingId
from contracts.telephony import Bridge, DialLeg
from services.gateway import rules
from services.gateway.decider.book import Book
from services.gateway.decider.effects import CloseRecording
from services.gateway.port import Cause
from services.gateway.state import Leg, OurReason, Phase, Recording, Wiring

LEG_TIMERS = ("life", "ring", "unconfirmed", "digits")


def leg_gone(
    book: Book, now: int, leg: Leg, *, by_party: bool = False, code: int = 0, cause: str = ""
) -> None:
    """The PBX has the leg no longer: close what hangs on it, then say so, or wait for its recordings."""
    if leg.is_over:
        return
    leg.phase, leg.gone_at, leg.by_party, leg.code, leg.cause = (
        Phase.GONE,
        Instant(now),
        by_party,
        code,
        cause,
    )
    for kind in LEG_TIMERS:
        book.timers.drop(kind, leg.leg_id)
    for number, asked in list(book.asked.items()):
        if isinstance(asked.request, DialLeg) and asked.leg_id == leg.leg_id:
            book.replied(number)
    _close_plays(book, leg)
    _close_digits(book, leg)
    if leg.answering is not None:
        book.refuse(leg.answering, "telephony.answer_leg", "gone", leg.leg_id)
        leg.answering = None
    for bridge_id in leg.wirings:
        unwired(book, book.wirings[bridge_id])
    if _open_recordings(book, leg):
        book.timers.set("ending", leg.leg_id, now + rules.ENDING_HELD_MS)
    else:
        _say_ended(book, leg)


def _close_plays(book: Book, leg: Leg) -> None:
    for play_id, playing in list(leg.plays.items()):
        finished = PlayFinished(pbx_id=book.pbx_id, leg_id=leg.leg_id, play_id=play_id, ok=False)
        book.answer(finished, playing.key)
    leg.plays.clear()


def _close_digits(book: Book, leg: Leg) -> None:
    if leg.collecting is not None:
        book.refuse(leg.collecting.key, "telephony.collect_digits", "gone", leg.leg_id)
        leg.collecting = None


def unwired(book: Book, wiring: Wiring) -> None:
    """A bridge is over, or will not come about; said once."""
    if wiring.is_over:
        return
    wiring.is_over = True
    if wiring.bridging is not None:
        gone = [each for each in wiring.legs if book.live(each) is None]
        book.refuse(wiring.bridging, "telephony.bridge", "gone", gone[0] if gone else None)
        wiring.bridging = None
    if wiring.is_wired or wiring.unbridging is not None:
        ended = Unbridged(pbx_id=book.pbx_id, bridge_id=wiring.bridge_id, legs=wiring.legs)
        book.answer(ended, wiring.unbridging)
        wiring.unbridging = None
    for number, asked in list(book.asked.items()):
        if isinstance(asked.request, Bridge) and asked.request.bridge_id == wiring.bridge_id:
            book.replied(number)


def _open_recordings(book: Book, leg: Leg) -> list[Recording]:
    found = (book.recordings[each] for each in sorted(leg.recordings))
    return [recording for recording in found if recording.is_started and not recording.is_finished]


def _say_ended(book: Book, leg: Leg) -> None:
    if leg.phase is Phase.ENDED:
        return
    leg.phase = Phase.ENDED
    book.timers.drop("ending", leg.leg_id)
    gone_at = leg.gone_at or leg.started_at
    rang_until = leg.answered_at or gone_at
    was_answered = leg.answered_at is not None
    ended = LegEnded(
        pbx_id=book.pbx_id,
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
    book.say(ended)


def close_as_they_are(book: Book) -> None:
    """The PBX stays away: what was heard of its open recordings is closed into playable files (EC-63)."""
    for recording in [each for each in book.recordings.values() if each.is_started and not each.is_spooled]:
        if not recording.is_finished:
            cut = CloseRecording(recording_id=recording.recording_id, bytes=None, cause=Cause.CUT_OFF)
            book.effects.append(cut)


def ending_held_long_enough(book: Book, leg_id: str) -> None:
    """Two seconds are over: what was recorded is closed as it is, and the end is said."""
    leg = book.legs.get(leg_id)  # type: ignore[call-overload]  # a timer's subject is the leg's id
    if leg is None or leg.phase is not Phase.GONE:
        return
    for recording in _open_recordings(book, leg):
        if not recording.is_spooled:
            cut = CloseRecording(recording_id=recording.recording_id, bytes=None, cause=Cause.CUT_OFF)
            book.effects.append(cut)
    _say_ended(book, leg)


def recording_over(book: Book, recording: Recording, finished: RecordingFinished) -> None:
    """A recording is in S3 or will never be: said once, and an end that waited for it follows."""
    if recording.is_finished:
        return
    recording.is_finished = True
    book.say(finished)
    leg = book.legs.get(recording.leg_id)
    if leg is not None and leg.phase is Phase.GONE and not _open_recordings(book, leg):
        _say_ended(book, leg)


def recording_missing(book: Book, recording_id: RecordingId, cause: str) -> None:
    """There will be no audio of this recording."""
    recording = book.recordings[recording_id]
    finished = RecordingFinished(
        pbx_id=book.pbx_id, leg_id=recording.leg_id, recording_id=recording_id, ok=False, cause=cause
    )
    recording_over(book, recording, finished)


def lose_leg(book: Book, now: int, leg: Leg, cause: str = "lost") -> None:
    """A leg that should be there is not: it ended as lost, and is never dialled again."""
    leg.ours = leg.ours or OurReason.LOST
    leg_gone(book, now, leg, cause=cause)
