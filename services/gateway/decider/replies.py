"""What a reply changes: it ends our asking, and answers commands that have no happening of their own.

A reply never makes a leg answered, a bridge wired or a play finished, except `gone`: then nothing more is
told.
"""

from contracts import telephony
from contracts.gateway import PlayFinished
from services.gateway import port
from services.gateway.decider.book import Asked, Book
from services.gateway.decider.endings import leg_gone, lose_leg, recording_missing, unwired
from services.gateway.port import Result
from services.gateway.state import Phase


def replied(book: Book, now: int, event: port.Replied) -> None:
    """A reply came; late and doubled ones are counted and change nothing."""
    asked = book.replied(event.request)
    if asked is None:
        book.count("reply_late_or_doubled")
        return
    after_reply(book, now, asked, event.result, event.reason)


def after_reply(book: Book, now: int, asked: Asked, result: Result, reason: str) -> None:
    """What follows from a reply, or from none after the last time of asking (refused, `no_reply`)."""
    request = asked.request
    match request:
        case telephony.CancelLeg() | telephony.HangUp() | telephony.RejectLeg():
            _ending(book, now, asked, result)
        case telephony.StopPlay() | telephony.StartHoldMusic() | telephony.StopHoldMusic():
            _simple(book, asked, result, reason)
        case telephony.StopRecording():
            _simple(book, asked, result, reason)
        case _ if result in (Result.GONE, Result.REFUSED):
            _not_done(book, now, asked, reason or ("gone" if result is Result.GONE else "refused"))
        case _:
            # It is under way: happenings will tell.
            pass


def _not_done(book: Book, now: int, asked: Asked, reason: str) -> None:
    request = asked.request
    match request:
        case telephony.DialLeg():
            _not_dialled(book, now, request, reason)
        case telephony.Play():
            _not_played(book, request)
        case telephony.Record():
            recording_missing(book, request.recording_id, reason)
        case telephony.Bridge() | telephony.Unbridge():
            _not_wired(book, request)
        case telephony.AnswerLeg():
            _not_answered(book, asked, request, reason)
        case _:
            # Extensions are answered by a happening or a timer; sound and releases have no command.
            pass


def _not_dialled(book: Book, now: int, dial: telephony.DialLeg, reason: str) -> None:
    leg = book.live(dial.leg_id)
    if leg is not None:
        lose_leg(book, now, leg, "lost" if reason == "gone" else reason)


def _not_wired(book: Book, request: telephony.Bridge | telephony.Unbridge) -> None:
    wiring = book.wirings.get(request.bridge_id)
    if wiring is not None:
        unwired(book, wiring)


def _not_answered(book: Book, asked: Asked, request: telephony.AnswerLeg, reason: str) -> None:
    leg = book.live(request.leg_id)
    if leg is not None and leg.answering is not None:
        book.refuse(leg.answering, asked.command, reason, leg.leg_id)
        leg.answering = None


def _ending(book: Book, now: int, asked: Asked, result: Result) -> None:
    if asked.leg_id is None:
        return
    book.done(asked.key, asked.command, asked.leg_id)
    leg = book.live(asked.leg_id)
    if leg is not None and result is Result.GONE and leg.phase is not Phase.REQUESTED:
        leg_gone(book, now, leg)


def _simple(book: Book, asked: Asked, result: Result, reason: str) -> None:
    if result is Result.REFUSED:
        book.refuse(asked.key, asked.command, reason or "refused", asked.leg_id)
    else:
        book.done(asked.key, asked.command, asked.leg_id)


def _not_played(book: Book, play: telephony.Play) -> None:
    leg = book.live(play.leg_id)
    if leg is None or play.play_id not in leg.plays:
        return
    playing = leg.plays.pop(play.play_id)
    leg.played.add(play.play_id)
    finished = PlayFinished(pbx_id=book.pbx_id, leg_id=leg.leg_id, play_id=play.play_id, ok=False)
    book.answer(finished, playing.key)
