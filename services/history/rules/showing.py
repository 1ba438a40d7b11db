"""What a contact's row shows: whose call it was, and how it ended (H1 to H4, O4, O8).

* Somebody answered: the row is a call to that person, whatever was tried before (H2).
* Nobody did, and a person was called: missed by the first person called (H1, H2), with the answering
  machine beneath the name when something was left there (H3). A fallback employee is no such person: the
  department missed the call, and the fallback stays a try (Q5).
* Nobody did, and a department was called: abandoned when the caller hung up while waiting, else missed by
  the first department.
* A caller who went on in another place (C8) has the story there: the row says so.
"""

from enum import StrEnum
from typing import Final

import msgspec

from contracts.callback import Origin
from contracts.ids import Instant, PbxId, VoiceMessageId
from contracts.routing import EndReason
from services.history.state import (
    Contact,
    ContactId,
    Direction,
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
"""States of a voice message that somebody did leave."""


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
    """Nobody was called: a scenario's own end, or an unknown number."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of history. `agent` is who answered, or who missed; times in ms."""

    contact_id: ContactId
    started_at: Instant
    ended_at: Instant | None
    direction: Direction
    pbx_id: PbxId
    pbx_name: str
    line: str
    number: str | None
    number_said: str
    """As the network wrote it, where that is another text than `number`."""
    caller: str
    outcome: Outcome
    agent: Who | None
    agent_label: str
    department: Whither | None
    department_label: str
    is_voicemail: bool
    """«Автоответчик» stands beneath the name: something was left there, and `messages` names it."""
    messages: tuple[VoiceMessageId, ...]
    has_recording: bool
    waited_ms: int
    talk_ms: int
    position: int | None
    reason: str
    started_local: str = ""
    """`started_at` by the clock of the zone that was asked for (ISO 8601)."""


def outcome(contact: Contact) -> Outcome:
    """How the contact ended, or `open`."""
    if contact.talks:
        return Outcome.ANSWERED
    if contact.ended_at is None:
        return Outcome.OPEN
    if contact.continued_in:
        return Outcome.CONTINUED
    if missed_by(contact) is not None or left(contact):
        return Outcome.MISSED
    if contact.places:
        is_abandoned = _last_own(contact).end is PlaceEnd.ABANDONED
        return Outcome.ABANDONED if is_abandoned else Outcome.MISSED
    if any(not each.is_ordered for each in contact.callbacks):
        return Outcome.REFUSED
    return Outcome.ABANDONED if contact.end_reason == EndReason.ABANDONED else Outcome.ENDED


def _last_own(contact: Contact) -> Place:
    """The last place that the customer took; one that we took for a callback nobody ordered is none (C11)."""
    ours = {each.place_id for each in contact.callbacks if each.origin == Origin.ABANDONED}
    own = [place for place in contact.places if place.place_id not in ours]
    return (own or contact.places)[-1]


def left(contact: Contact) -> tuple[VoiceMessageId, ...]:
    """The voice messages that were left."""
    return tuple(each.voice_message_id for each in contact.messages if each.state in LEFT)


def missed_by(contact: Contact) -> Who | None:
    """The employee whose missed call it is: as routing says, else the first one called before any department.

    Routing ends a call that nobody took over; a digit that was pressed began a new trail, with its own first.
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


def answered(contact: Contact) -> Talk | None:
    """The talk that the row tells of: the last with a person, else the last."""
    with_people = [talk for talk in contact.talks if talk.agent is not None]
    found = with_people or contact.talks
    return found[-1] if found else None


def department(contact: Contact) -> Whither | None:
    """The department that answered, or the first that missed; or that nobody was to call back for."""
    talk = answered(contact)
    if talk is not None:
        named = (each.department for each in contact.places)
        return next((each for each in named if each.department_id == talk.department_id), None)
    if contact.places:
        return contact.places[0].department
    if contact.end_reason == EndReason.ABANDONED and contact.stops and contact.stops[-1].department:
        return contact.stops[-1].department
    return contact.callbacks[0].department if contact.callbacks else None


def row(contact: Contact) -> Row:
    """The contact as one line."""
    talk = answered(contact)
    agent = missed_by(contact) if talk is None else talk.agent
    whither = department(contact)
    messages = left(contact)
    return Row(
        contact_id=contact.contact_id,
        started_at=contact.started_at,
        ended_at=contact.ended_at,
        direction=contact.direction,
        pbx_id=contact.pbx_id,
        pbx_name=contact.pbx_name,
        line=contact.line,
        number=contact.number,
        number_said=contact.number_said,
        caller="" if contact.caller is None else contact.caller.label,
        outcome=outcome(contact),
        agent=agent,
        agent_label="" if agent is None else agent.label,
        department=whither,
        department_label="" if whither is None else whither.label,
        is_voicemail=talk is None and bool(messages),
        messages=messages,
        has_recording=any(each.key is not None for each in contact.recordings),
        waited_ms=waited_ms(contact),
        talk_ms=talk_ms(contact),
        position=contact.places[0].position if contact.places else None,
        reason=_reason(contact),
    )


def _reason(contact: Contact) -> str:
    """Why the last place ended, or the call; or why nobody was called back."""
    if contact.places:
        return contact.places[-1].reason or str(contact.places[-1].end or "")
    return contact.end_reason or next((each.reason for each in contact.callbacks if each.reason), "")


def waited_ms(contact: Contact) -> int:
    """Until the answer, or until the end of the wait in the last department, or of the call."""
    talk = answered(contact)
    if talk is not None:
        return talk.waited_ms
    return max((place.waited_ms for place in contact.places), default=contact.waited_ms)


def talk_ms(contact: Contact) -> int:
    """How long people talked; what goes on counts nothing yet."""
    return sum(talk.until_at - talk.from_at for talk in contact.talks if talk.until_at is not None)
