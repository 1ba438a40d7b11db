"""Which contacts a fact concerns.

A contact has names: its legs, places, callbacks, voice messages, recordings, letters and numbers. A fact
concerns every contact that has one of the fact's names: two when a caller goes on in another place (C8), many
when a letter warns of many voice messages or a customer is erased (V6). What happens on a leg of two
contacts belongs to one of them.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, TypeGuard

from contracts.callback import CallbackOrdered, Origin
from contracts.gateway import LegEnded, Outcome, RecordingFinished
from contracts.history import CustomerErased, WarningWanted
from contracts.message import Fact
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterDue,
    LetterFailed,
    MessageMissing,
    MessageQuarantined,
    MessageStored,
    RecordingAsked,
)
from services.history.state import Contact, PlaceEnd

_FIELDS: Final = {
    "place_id": "place",
    "new_place_id": "place",
    "passed_from": "place",
    "abandoned_place_id": "place",
    "callback_id": "callback",
    "voice_message_id": "message",
    "letter_id": "letter",
    "recording_id": "recording",
    "leg_id": "leg",
    "with_leg_id": "leg",
}
EARLY_MS_MAX: Final = 3_600_000
"""An hour: an owner that dies between its commands and its facts is replaced much sooner."""
_BY_EDGES: Final = (
    LetterAccepted,
    LetterDeferred,
    LetterFailed,
    MessageStored,
    MessageQuarantined,
    MessageMissing,
)


def is_early(fact: Fact) -> bool:
    """Whether a fact without a known contact may get one soon, and so waits for it.

    Deciders send commands before facts, so an edge's answer can be on the log before the fact that gives the
    name: a letter's result, a stored voice message, the end of an answered leg.
    """
    if isinstance(fact, LegEnded):
        return fact.outcome is Outcome.COMPLETED
    return isinstance(fact, _BY_EDGES)


def owners(fact: Fact, concerned: list[Contact]) -> list[Contact]:
    """Those of the concerned contacts that take the fact.

    The leg of a customer who calls again is also of the contact whose callback goes on there (C7, C8). So a
    leg counts only where the fact has no better name, and then for one of them, unless it is the leg's end.
    """
    if len(concerned) < 2 or isinstance(fact, LegEnded):
        return concerned
    said = {name for name in names_in(fact) if not name.startswith("leg:")}
    better = [each for each in concerned if not said.isdisjoint(names_of(each))]
    if better or isinstance(fact, CustomerErased):
        return better or concerned
    return [max(concerned, key=lambda contact: _claims(contact, fact))]


def _claims(contact: Contact, fact: Fact) -> tuple[bool, bool]:
    """What speaks for this contact when only legs do, the stronger first."""
    leg_id = getattr(fact, "leg_id", None)
    is_awaited = isinstance(fact, RecordingAsked | RecordingFinished) and any(
        each.message_leg_id == leg_id for each in contact.callbacks
    )
    # A conversation is kept where the talk is: in the contact that the leg was brought into.
    return is_awaited, (contact.contact_id == leg_id) is not isinstance(fact, RecordingFinished)


def number_name(number: str) -> str:
    """The name under which a customer's contacts are found."""
    return f"number:{number}"


def callback_name(callback_id: str) -> str:
    """The name under which a callback's contact is found."""
    return f"callback:{callback_id}"


def names_in(fact: Fact) -> list[str]:
    """Every name of a contact that a fact contains."""
    if isinstance(fact, CustomerErased):
        return [number_name(fact.number)]
    if isinstance(fact, WarningWanted):
        return [f"message:{each.voice_message_id}" for each in fact.messages]
    if isinstance(fact, LetterDue) and fact.voice_message_ids:
        return [f"letter:{fact.letter_id}", *(f"message:{each}" for each in fact.voice_message_ids)]
    found = [(kind, getattr(fact, field)) for field, kind in _fields_of(type(fact))]
    return list(dict.fromkeys([f"{kind}:{id_}" for kind, id_ in found if id_]))


@cache
def _fields_of(type_: type[Fact]) -> tuple[tuple[str, str], ...]:
    """The fields of such facts that name a contact, and what of it they name."""
    return tuple((field, kind) for field, kind in _FIELDS.items() if field in type_.__struct_fields__)


def names_to_look_up(fact: Fact) -> list[str]:
    """The names to look up before a fact is folded: its own, and for a callback after an abandoned call (C11)
    the number, where a fact of an older version does not name the abandoned place."""
    found = names_in(fact)
    if _is_from_unsaid_place(fact):
        found.append(number_name(fact.number))
    return found


def abandoned_contact(fact: Fact, known: Iterable[Contact]) -> Contact | None:
    """The abandoned call's contact that a callback is for (C11): the last of its number and department."""
    if not _is_from_unsaid_place(fact):
        return None
    found = [
        (place.ended_at or 0, contact.contact_id, contact)
        for contact in known
        for place in contact.places
        if place.end is PlaceEnd.ABANDONED and place.department.department_id == fact.department_id
    ]
    return max(found, key=lambda each: each[:2])[2] if found else None


def _is_from_unsaid_place(fact: Fact) -> TypeGuard[CallbackOrdered]:
    if not isinstance(fact, CallbackOrdered):
        return False
    return fact.origin is Origin.ABANDONED and fact.abandoned_place_id is None


def names_of(contact: Contact) -> list[str]:
    """Every name of a contact, sorted."""
    return sorted(set(all_names(contact)))


def all_names(contact: Contact) -> Iterator[str]:
    """Every name of a contact, some of them twice."""
    yield f"leg:{contact.contact_id}"
    yield from (f"leg:{each.leg_id}" for each in contact.legs)
    yield from (f"place:{each.place_id}" for each in contact.places)
    yield from (callback_name(each.callback_id) for each in contact.callbacks)
    yield from (callback_name(asked) for each in contact.callbacks for asked in each.asked_ids)
    yield from (f"place:{each.place_id}" for each in contact.callbacks)
    yield from (f"message:{each.voice_message_id}" for each in contact.messages)
    yield from (f"recording:{each.recording_id}" for each in contact.recordings)
    yield from (f"letter:{each.letter_id}" for each in contact.letters)
    yield from (number_name(each) for each in numbers_of(contact))


def numbers_of(contact: Contact) -> list[str]:
    """The customer's numbers in a contact: the one that called, and those of ordered callbacks."""
    found = [contact.number, *(each.number for each in contact.callbacks)]
    return list(dict.fromkeys(each for each in found if each))
