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
    match asked.request:
        case telephony.CancelLeg() | telephony.HangUp() | telephony.RejectLeg():
            _ending(book, now, asked, result)
        case telephony.StopPlay() | telephony.StartHoldMusic() | telephony.StopHoldMusic():
            _simple(book, asked, result, reason)
        case telephony.StopRecording():
            _simple(book, asked, result, reason)
        case telephony.DialLeg():
            leg = book.live(asked.request.leg_id)
            if leg is not None and result in (Result.GONE, Result.REFUSED):
                lose_leg(book, now, leg, reason or "lost")
        case telephony.Play():
            _play(book, asked.request, result)
        case telephony.Record():
            if result in (Result.GONE, Result.REFUSED):
                recording_missing(book, asked.request.recording_id, reason or str(result))
        case telephony.Bridge():
            wiring = book.wirings.get(asked.request.bridge_id)
            if wiring is not None and result in (Result.GONE, Result.REFUSED):
                unwired(book, wiring)
        case telephony.Unbridge():
            wiring = book.wirings.get(asked.request.bridge_id)
            if wiring is not None and result in (Result.GONE, Result.REFUSED):
                unwired(book, wiring)
        case telephony.AnswerLeg():
            leg = book.live(asked.request.leg_id)
            if leg is not None and leg.answering is not None and result in (Result.GONE, Result.REFUSED):
                book.refuse(leg.answering, asked.command, reason or "gone", leg.leg_id)
                leg.answering = None
        case _:
            # Extensions are answered by a happening or a timer; sound and releases have no command.
            pass


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


def _play(book: Book, play: telephony.Play, result: Result) -> None:
    leg = book.live(play.leg_id)
    if leg is None or play.play_id not in leg.plays or result in (Result.DONE, Result.ALREADY):
        return
    playing = leg.plays.pop(play.play_id)
    leg.played.add(play.play_id)
    finished = PlayFinished(pbx_id=book.pbx_id, leg_id=leg.leg_id, play_id=play.play_id, ok=False)
    book.answer(finished, playing.key)
