"""What one fact changes in one contact: only `apply` changes a record (H1 to H4).

It never refuses: a fact about something the contact does not have changes nothing, and any fact may come
twice.
"""

from typing import Final, get_args

from contracts.history import CustomerErased
from contracts.ids import Instant, LegId
from contracts.message import Fact
from services.history.rules import callbacks, direct_calls, legs, queue_places, voice_messages
from services.history.rules.card_cache import CardCache
from services.history.state import Contact

_QUEUE: Final = get_args(queue_places.QueueFact)
_ROUTING: Final = get_args(direct_calls.RoutingFact)
_CALLBACK: Final = get_args(callbacks.CallbackFact)
_VOICEMAIL: Final = get_args(voice_messages.VoicemailFact)
_HISTORY: Final = get_args(voice_messages.HistoryFact)
_GATEWAY: Final = get_args(legs.GatewayFact)
CONTACT_FACTS: Final[tuple[type[Fact], ...]] = (
    *_QUEUE,
    *_ROUTING,
    *_CALLBACK,
    *_VOICEMAIL,
    *_HISTORY,
    *_GATEWAY,
)
"""Every fact that may change a contact."""


def apply(contact: Contact, fact: Fact, at: Instant, cards: CardCache) -> None:
    """Fold one fact, appended to the log at `at`, with the names that the cards have then."""
    if not contact.pbx_name:
        pbx = cards.pbx(contact.pbx_id)
        contact.pbx_name = "" if pbx is None else pbx.name
    if isinstance(fact, queue_places.QueueFact):
        queue_places.apply(contact, fact, at, cards)
    elif isinstance(fact, direct_calls.RoutingFact):
        direct_calls.apply(contact, fact, at, cards)
    elif isinstance(fact, callbacks.CallbackFact):
        callbacks.apply(contact, fact, at, cards)
    elif isinstance(fact, voice_messages.VoicemailFact):
        voice_messages.apply(contact, fact, at, cards)
    elif isinstance(fact, voice_messages.HistoryFact):
        voice_messages.apply_done(contact, fact, at, cards)
    elif isinstance(fact, legs.GatewayFact):
        legs.apply(contact, fact, at, cards)
    if not isinstance(fact, CustomerErased):
        contact.ended_at = _ended_at(contact)


def _ended_at(contact: Contact) -> Instant | None:
    """When the last part ended; None while the call, a place, a callback or a talk is open."""
    legs.close_talks(contact)
    first = contact.leg(LegId(contact.contact_id))
    ends = [
        *(() if first is None else (first.ended_at,)),
        *(place.ended_at for place in contact.places),
        *(callback.ended_at for callback in contact.callbacks),
        *(talk.until_at for talk in contact.talks),
    ]
    known = [end for end in ends if end is not None]
    return Instant(max(known)) if known and len(known) == len(ends) else None
