"""How a leg begins: it arrives, rings, and is answered; each is said once, however it became known."""

from contracts.gateway import CallArrived, LegAnswered, LegRinging
from contracts.ids import Instant
from services.gateway import port
from services.gateway.decider.book import Book
from services.gateway.state import Leg, Phase


def arrived(book: Book, now: int, event: port.Arrived | port.LegSeen) -> None:
    """Somebody calls; told twice is told once."""
    if event.leg_id in book.legs:
        return
    leg = Leg(
        leg_id=event.leg_id,
        is_arrived=True,
        phase=Phase.RINGING,
        started_at=Instant(now),
        ringing_at=Instant(now),
    )
    book.put_leg(leg)
    fact = CallArrived(
        pbx_id=book.pbx_id,
        leg_id=event.leg_id,
        caller=event.caller,
        line=event.line,
        is_internal=event.is_internal,
    )
    book.say(fact)


def progressed(book: Book, now: int, leg: Leg, *, is_ringing: bool) -> None:
    """A sign of life; the ring limit counts from the first ringing."""
    book.timers.drop("life", leg.leg_id)
    if not is_ringing or leg.phase is not Phase.DIALLED:
        return
    leg.phase, leg.ringing_at = Phase.RINGING, Instant(now)
    if leg.dial is not None:
        book.timers.set("ring", leg.leg_id, now + leg.dial.ring_ms_max)
    if leg.ours is None:
        book.say(LegRinging(pbx_id=book.pbx_id, leg_id=leg.leg_id))


def picked_up(book: Book, now: int, leg: Leg) -> None:
    """A phone was answered. One that we are ending already is not: its hang-up is under way."""
    if leg.phase is Phase.ANSWERED:
        return
    book.timers.drop("life", leg.leg_id)
    book.timers.drop("ring", leg.leg_id)
    if leg.ours is not None and not leg.is_kept_if_answered:
        return
    if leg.ours is not None:
        # Answered in the moment of its cancelling, and whoever cancelled wants to talk to it then (C7).
        leg.ours = None
        book.timers.drop("unconfirmed", leg.leg_id)
    leg.phase, leg.answered_at = Phase.ANSWERED, Instant(now)
    key, leg.answering = leg.answering, None
    book.answer(LegAnswered(pbx_id=book.pbx_id, leg_id=leg.leg_id), key)
