"""How a contact ended, and whose call it was (H1 to H4, O4, O8).

* Somebody answered: it is a call to that person, whatever was tried before (H2).
* Nobody did, and a person was called: missed by the first person called (H1, H2), with the answering
  machine beneath the name when something was left there (H3). A fallback employee is no such person: the
  department missed the call, and the fallback stays a try (Q5).
* Nobody did, and a department was called: abandoned when the caller hung up while waiting, else missed by
  the first department.
* The caller went on in another place (C8): the story is there, and the row says so.
"""

from enum import StrEnum
from typing import Final

from contracts.callback import Origin
from contracts.ids import VoiceMessageId
from contracts.routing import EndReason
from services.history.state import (
    Contact,
    MessageState,
    Place,
    PlaceEnd,
    Talk,
    TryKind,
    Whither,
    Who,
)

LEFT: Final = (
    MessageState.TAKEN,
    MessageState.STORED,
    MessageState.QUARANTINED,
    MessageState.REMOVED,
    MessageState.DELETED,
)
"""States of a voice message that somebody left."""


class Outcome(StrEnum):
    """How a contact ended, for the row and the filter."""

    OPEN = "open"
    ANSWERED = "answered"
    MISSED = "missed"
    ABANDONED = "abandoned"
    CONTINUED = "continued"
    REFUSED = "refused"
    """A callback that the API asked for and did not get (C10)."""
    ENDED = "ended"
    """Nobody was called: a scenario ended by itself, or the number is unknown."""


def outcome(contact: Contact) -> Outcome:
    """How the contact ended, or `open`."""
    if contact.talks:
        return Outcome.ANSWERED
    if contact.ended_at is None:
        return Outcome.OPEN
    if contact.continued_in:
        return Outcome.CONTINUED
    if missed_by(contact) is not None or voice_messages_left(contact):
        return Outcome.MISSED
    if contact.places:
        is_abandoned = _last_own(contact).end is PlaceEnd.ABANDONED
        return Outcome.ABANDONED if is_abandoned else Outcome.MISSED
    if any(not each.is_ordered for each in contact.callbacks):
        return Outcome.REFUSED
    return Outcome.ABANDONED if contact.end_reason == EndReason.ABANDONED else Outcome.ENDED


def _last_own(contact: Contact) -> Place:
    """The customer's last place; that of a callback after an abandoned call is ours (C11)."""
    ours = {each.place_id for each in contact.callbacks if each.origin == Origin.ABANDONED}
    own = [place for place in contact.places if place.place_id not in ours]
    return (own or contact.places)[-1]


def voice_messages_left(contact: Contact) -> tuple[VoiceMessageId, ...]:
    """The voice messages that somebody left."""
    return tuple(each.voice_message_id for each in contact.messages if each.state in LEFT)


def missed_by(contact: Contact) -> Who | None:
    """The employee whose missed call it is: as routing says, else the first called before any department.

    Routing says so when it ends a call; a digit pressed by the caller began a new trail, with its own first.
    """
    if contact.talks:
        return None
    if contact.missed_by is not None:
        return contact.missed_by
    first_place_at = contact.places[0].joined_at if contact.places else None
    for each in contact.tries:
        if each.kind is not TryKind.DIRECT or each.agent is None:
            continue
        if first_place_at is None or each.rung_at <= first_place_at:
            return each.agent
    return None if contact.places else contact.machine_of


def answering_talk(contact: Contact) -> Talk | None:
    """The talk that the row shows: the last with an agent, else the last."""
    with_people = [talk for talk in contact.talks if talk.agent is not None]
    found = with_people or contact.talks
    return found[-1] if found else None


def department(contact: Contact) -> Whither | None:
    """The department that answered, else the first that missed, else that of a refused callback."""
    talk = answering_talk(contact)
    if talk is not None:
        named = (each.department for each in contact.places)
        return next((each for each in named if each.department_id == talk.department_id), None)
    if contact.places:
        return contact.places[0].department
    if contact.end_reason == EndReason.ABANDONED and contact.stops and contact.stops[-1].department:
        return contact.stops[-1].department
    return contact.callbacks[0].department if contact.callbacks else None
