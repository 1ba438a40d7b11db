"""The queue's facts in a contact: places, offers, talks (H4)."""

from typing import Final

from contracts import queue, waiting
from contracts.ids import Instant, PlaceId
from contracts.message import Fact
from services.history.rules import place_standing
from services.history.rules.card_cache import CardCache
from services.history.rules.legs import note_leg
from services.history.rules.tries import GONE, add_try, end_try, move_claim, take_back_answer
from services.history.state import (
    CallbackEnd,
    Contact,
    ContactId,
    Place,
    PlaceEnd,
    Standing,
    Stop,
    Talk,
    Try,
    TryEnd,
    TryKind,
)

QueueFact = (
    queue.PlaceTaken
    | queue.AnnouncementMade
    | queue.CallbackTakenOver
    | queue.OfferMade
    | queue.FallbackRung
    | queue.OfferAccepted
    | queue.OfferDeclined
    | queue.OfferMissed
    | queue.OfferUnreachable
    | queue.OfferWithdrawn
    | queue.OfferReopened
    | queue.NoAnswerReached
    | queue.DeadlinePassed
    | queue.PlaceConnected
    | queue.PlaceAbandoned
    | queue.PlaceDiverted
    | queue.PlaceClosed
)
_ENDS: Final[dict[type[Fact], TryEnd]] = {
    queue.OfferDeclined: TryEnd.DECLINED,
    queue.OfferMissed: TryEnd.MISSED,
    queue.OfferUnreachable: TryEnd.UNREACHABLE,
    queue.OfferWithdrawn: TryEnd.WITHDRAWN,
}


def apply(contact: Contact, fact: QueueFact, at: Instant, cards: CardCache) -> None:
    """Fold one fact; one about another contact's place changes nothing."""
    place_standing.apply(contact, fact)
    match fact:
        case queue.NoAnswerReached() | queue.DeadlinePassed():
            pass  # They change nothing but how the place stands.
        case queue.PlaceTaken():
            _on_place_taken(contact, fact, cards)
        case queue.AnnouncementMade():
            _on_announcement_made(contact, fact)
        case queue.CallbackTakenOver():
            _on_taken_over(contact, fact, at)
        case queue.OfferMade():
            _on_offer_made(contact, fact, at, cards)
        case queue.FallbackRung():
            _on_fallback_rung(contact, fact, at, cards)
        case queue.OfferAccepted():
            _on_offer_accepted(contact, fact, at)
        case queue.OfferReopened():
            _on_offer_reopened(contact, fact)
        case queue.PlaceConnected():
            _on_place_connected(contact, fact, at, cards)
        case queue.PlaceAbandoned():
            _end(contact, fact.place_id, PlaceEnd.ABANDONED, at, waited_ms=fact.waited_ms)
        case queue.PlaceDiverted():
            _on_place_diverted(contact, fact, at)
        case queue.PlaceClosed():
            _on_place_closed(contact, fact, at)
        case _:
            _on_offer_ended(contact, fact, at)


def _on_place_taken(contact: Contact, fact: queue.PlaceTaken, cards: CardCache) -> None:
    if contact.place(fact.place_id) is not None:
        return
    if fact.leg_id is not None:
        note_leg(contact, fact.leg_id)
    department = cards.whither(fact.department_id, contact)
    contact.places.append(
        Place(
            place_id=fact.place_id,
            department=department,
            joined_at=fact.joined_at,
            deadline_at=fact.deadline_at,
            position=fact.position,
            passed_from=fact.passed_from,
            is_with_callback=any(each.place_id == fact.place_id for each in contact.callbacks),
            standing=Standing(leg_id=fact.leg_id),
        )
    )
    if contact.stops and contact.stops[-1].department == department:
        return  # Routing has added this stop, with the rule that led here.
    rule = "department_line" if fact.passed_from is None else "no_answer"
    contact.stops.append(Stop(at=fact.joined_at, rule=rule, department=department))


def _on_announcement_made(contact: Contact, fact: queue.AnnouncementMade) -> None:
    place = contact.place(fact.place_id)
    if place is not None and fact.position is not None:
        place.position_told = fact.position


def _on_taken_over(contact: Contact, fact: queue.CallbackTakenOver, at: Instant) -> None:
    """End the caller's own place; the callback's place gets the caller's leg (C8)."""
    if contact.place(fact.place_id) is not None:
        note_leg(contact, fact.leg_id)
        move_claim(contact, fact.place_id, fact.joined_at, fact.deadline_at)
    if contact.contact_id == ContactId(fact.leg_id):
        contact.continued_in = f"place:{fact.place_id}"
    _end(contact, fact.new_place_id, PlaceEnd.CONTINUED, at, reason="taken_over")


def _on_offer_made(contact: Contact, fact: queue.OfferMade, at: Instant, cards: CardCache) -> None:
    if contact.place(fact.place_id) is None:
        return
    made = Try(
        try_id=fact.offer_id,
        kind=TryKind.OFFER,
        rung_at=at,
        agent=cards.who(fact.agent_id, contact),
        department_id=fact.department_id,
        place_id=fact.place_id,
        skipped=fact.skipped,
    )
    add_try(contact, made)


def _on_fallback_rung(contact: Contact, fact: queue.FallbackRung, at: Instant, cards: CardCache) -> None:
    place = contact.place(fact.place_id)
    if place is None:
        return
    place.reason = fact.reason
    made = Try(
        try_id=fact.offer_id,
        kind=TryKind.FALLBACK,
        rung_at=at,
        agent=cards.who(fact.agent_id, contact),
        department_id=place.department.department_id,
        place_id=fact.place_id,
    )
    add_try(contact, made)


def _on_offer_accepted(contact: Contact, fact: queue.OfferAccepted, at: Instant) -> None:
    if contact.place(fact.place_id) is None:
        return
    note_leg(contact, fact.leg_id)
    end_try(contact, fact.offer_id, TryEnd.ACCEPTED, at)


def _on_offer_reopened(contact: Contact, fact: queue.OfferReopened) -> None:
    """The agent who accepted was gone before the bridge, so it was no answer; others are tried (Q9)."""
    take_back_answer(contact, fact.place_id, fact.agent_id, TryEnd.UNREACHABLE, GONE)


def _on_offer_ended(
    contact: Contact,
    fact: queue.OfferDeclined | queue.OfferMissed | queue.OfferUnreachable | queue.OfferWithdrawn,
    at: Instant,
) -> None:
    end_try(contact, fact.offer_id, _ENDS[type(fact)], at, reason=getattr(fact, "reason", ""))


def _on_place_connected(contact: Contact, fact: queue.PlaceConnected, at: Instant, cards: CardCache) -> None:
    place = contact.place(fact.place_id)
    if place is None or place.ended_at is not None:
        return
    place.agent = cards.who(fact.agent_id, contact)
    _end(contact, fact.place_id, PlaceEnd.CONNECTED, at, waited_ms=fact.waited_ms, reason=place.reason)
    note_leg(contact, fact.leg_id)
    note_leg(contact, fact.agent_leg_id)
    contact.talks.append(
        Talk(
            from_at=at,
            leg_id=fact.leg_id,
            with_leg_id=fact.agent_leg_id,
            agent=place.agent,
            department_id=place.department.department_id,
            waited_ms=fact.waited_ms,
        )
    )


def _on_place_diverted(contact: Contact, fact: queue.PlaceDiverted, at: Instant) -> None:
    place = contact.place(fact.place_id)
    if place is None:
        return
    place.action = fact.action
    over_at = Instant(place.joined_at + fact.waited_ms)
    waited_ms = waiting.waited_ms(place.joined_at, over_at, place.deadline_at)
    _end(contact, fact.place_id, PlaceEnd.DIVERTED, at, waited_ms=waited_ms, reason=fact.reason)


def _on_place_closed(contact: Contact, fact: queue.PlaceClosed, at: Instant) -> None:
    """A callback's place ends with it; a caller's, when an earlier callback of the number holds (C8)."""
    place = contact.place(fact.place_id)
    if place is None:
        return
    callback = contact.callback(fact.callback_id)
    if callback is None:
        contact.continued_in = f"callback:{fact.callback_id}"
        waited_ms = waiting.waited_ms(place.joined_at, at)
        _end(contact, fact.place_id, PlaceEnd.CONTINUED, at, waited_ms=waited_ms, reason=fact.outcome)
        return
    # The callback that connected is the place's answer: the department answered this customer.
    is_answered = fact.outcome == str(CallbackEnd.CONNECTED)
    end = PlaceEnd.CONNECTED if is_answered else PlaceEnd.CLOSED
    if callback.is_by_other_call:
        # One talk counts once (C14): it is that other call's.
        end = PlaceEnd.CONTINUED
    waited_ms = waiting.waited_ms(place.joined_at, at, place.deadline_at)
    if callback.ended_at is not None:
        waited_ms = callback.waited_ms
    reason = callback.reason if callback.is_by_other_call else fact.outcome
    _end(contact, fact.place_id, end, at, waited_ms=waited_ms, reason=reason)


def _end(
    contact: Contact,
    place_id: PlaceId,
    end: PlaceEnd,
    at: Instant,
    *,
    waited_ms: int | None = None,
    reason: str = "",
) -> None:
    place = contact.place(place_id)
    if place is None or place.ended_at is not None:
        return
    place.ended_at, place.end, place.reason, place.standing = at, end, reason, None
    place.waited_ms = waiting.waited_ms(place.joined_at, at) if waited_ms is None else waited_ms
