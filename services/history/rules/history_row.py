"""The one line that history shows of a contact: people, times, outcome (H1 to H4)."""

import msgspec

from contracts.ids import Instant, PbxId, VoiceMessageId
from services.history.rules import outcome
from services.history.rules.outcome import Outcome
from services.history.state import Contact, ContactId, Direction, Whither, Who


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of history. `agent` is the one who answered, or missed; times in ms."""

    contact_id: ContactId
    started_at: Instant
    ended_at: Instant | None
    direction: Direction
    pbx_id: PbxId
    pbx_name: str
    line: str
    number: str | None
    number_said: str
    """The number as the network wrote it, where that differs from `number`."""
    caller: str
    outcome: Outcome
    agent: Who | None
    agent_label: str
    department: Whither | None
    department_label: str
    is_voicemail: bool
    """«Автоответчик» is shown beneath the name: somebody left the `messages`."""
    messages: tuple[VoiceMessageId, ...]
    has_recording: bool
    waited_ms: int
    talk_ms: int
    position: int | None
    reason: str
    started_local: str = ""
    """`started_at` by the clock of the requested zone (ISO 8601)."""


def row(contact: Contact) -> Row:
    """The contact as one line."""
    talk = outcome.answering_talk(contact)
    agent = outcome.missed_by(contact) if talk is None else talk.agent
    whither = outcome.department(contact)
    messages = outcome.voice_messages_left(contact)
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
        outcome=outcome.outcome(contact),
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
    """Why the last place ended, else the call, else why the callback was refused."""
    if contact.places:
        return contact.places[-1].reason or str(contact.places[-1].end or "")
    return contact.end_reason or next((each.reason for each in contact.callbacks if each.reason), "")


def waited_ms(contact: Contact) -> int:
    """The wait until the answer, else the longest wait in a department, else until the end of the call."""
    talk = outcome.answering_talk(contact)
    if talk is not None:
        return talk.waited_ms
    return max((place.waited_ms for place in contact.places), default=contact.waited_ms)


def talk_ms(contact: Contact) -> int:
    """How long people talked; a talk counts when it has ended."""
    return sum(talk.until_at - talk.from_at for talk in contact.talks if talk.until_at is not None)
