"""The gateway's facts in a contact: the ends of legs and so of talks, recorded conversations (R1)."""

from contracts.gateway import CallArrived, LegEnded, RecordingFinished
from contracts.ids import Instant, LegId
from services.history.rules.card_cache import CardCache
from services.history.state import Contact, Leg, Recording

GatewayFact = CallArrived | LegEnded | RecordingFinished


def note_leg(contact: Contact, leg_id: LegId) -> None:
    """Remember a leg of the contact, so that its end is found."""
    if contact.leg(leg_id) is None:
        contact.legs.append(Leg(leg_id=leg_id))


def apply(contact: Contact, fact: GatewayFact, at: Instant, cards: CardCache) -> None:
    """Fold one fact."""
    match fact:
        case CallArrived():
            note_leg(contact, fact.leg_id)
        case LegEnded():
            _on_leg_ended(contact, fact, at)
        case RecordingFinished():
            _on_recording_finished(contact, fact, at)


def _on_leg_ended(contact: Contact, fact: LegEnded, at: Instant) -> None:
    leg = contact.leg(fact.leg_id)
    if leg is None or leg.ended_at is not None:
        return
    leg.ended_at, leg.outcome = at, fact.outcome
    close_talks(contact)


def close_talks(contact: Contact) -> None:
    """End each talk with the first of its two legs, even one that ended before the talk was reported."""
    for talk in contact.talks:
        if talk.until_at is not None:
            continue
        legs = (contact.leg(talk.leg_id), contact.leg(talk.with_leg_id))
        ends = [leg.ended_at for leg in legs if leg is not None and leg.ended_at is not None]
        if ends:
            talk.until_at = Instant(max(talk.from_at, min(ends)))


def _on_recording_finished(contact: Contact, fact: RecordingFinished, at: Instant) -> None:
    """Keep a voice message's original, or a conversation; not after the customer was erased (V6)."""
    message = next((each for each in contact.messages if each.recording_id == fact.recording_id), None)
    key = None if contact.is_erased else fact.key
    if message is not None:
        message.original_key = message.original_key or key
        return
    if any(each.recording_id == fact.recording_id for each in contact.recordings):
        return
    contact.recordings.append(
        Recording(
            recording_id=fact.recording_id,
            at=at,
            duration_ms=fact.duration_ms,
            key=key if fact.ok else None,
            reason="" if fact.ok else fact.cause,
        )
    )
