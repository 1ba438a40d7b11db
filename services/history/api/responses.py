"""The bodies of the API's answers: rows, whole contacts, voice messages."""

from collections.abc import Callable

from msgspec import Struct, structs

from contracts.ids import AgentId, DepartmentId, Instant, VoiceMessageId
from services.history.rules import history_row, outcome, tries
from services.history.rules.errors import GONE
from services.history.rules.history_row import Row
from services.history.rules.message_care import Care, care, machine, restorable_until_at
from services.history.rules.wait_explanation import PlaceWhy
from services.history.state import (
    Callback,
    Contact,
    ContactId,
    Done,
    Letter,
    Place,
    Recording,
    Stop,
    Talk,
    Try,
    VoiceMessage,
)


class Page(Struct, frozen=True, kw_only=True):
    """Rows, newest first; `next` is the cursor of the older ones, None at the end."""

    rows: tuple[Row, ...]
    next: str | None = None
    zone: str = ""


class DoneShown(Struct, frozen=True, kw_only=True):
    """The first person to do it, and when."""

    by: AgentId
    name: str
    at: Instant


class NoteShown(Struct, frozen=True, kw_only=True):
    """What somebody wrote to a voice message."""

    note_id: str
    by: AgentId
    name: str
    at: Instant
    text: str


class MessageShown(Struct, frozen=True, kw_only=True):
    """A voice message without its S3 keys: audio is fetched by a link."""

    voice_message_id: VoiceMessageId
    contact_id: ContactId
    number: str | None
    agent_id: AgentId | None
    department_id: DepartmentId | None
    taken_at: Instant
    duration_ms: int
    speech_ms: int
    state: str
    mark: str
    has_audio: bool
    reason: str
    """Why its audio is gone: `erased`, `deleted`, `retention`; else empty."""
    has_expired_callback: bool
    heard: DoneShown | None
    claimed: DoneShown | None
    called_back: DoneShown | None
    letters: tuple[Letter, ...]
    has_no_reader: bool
    """No recipient of its letters, down to the administrators, has an address (V4)."""
    caller: str
    """The colleague who called; empty: a customer."""
    agent_label: str
    department_label: str
    """Whose answering machine it was left on, by the name of the time."""
    waited_ms: int
    care: Care
    """What has been done about it, as the filter `state` has it."""
    notes: tuple[NoteShown, ...]
    """The oldest first."""
    deleted: DoneShown | None
    restorable_until_at: Instant | None
    """Until then its deletion can be undone."""


class MessageWhole(MessageShown, frozen=True, kw_only=True):
    """One voice message, and until when its audio is kept."""

    kept_until_at: Instant | None


class MessagePage(Struct, frozen=True, kw_only=True):
    """Voice messages, newest first; `next` is the cursor of the older ones."""

    messages: tuple[MessageShown, ...]
    next: str | None = None


class RecordingShown(Struct, frozen=True, kw_only=True):
    """A recorded conversation without its S3 key."""

    recording_id: str
    at: Instant
    duration_ms: int
    has_audio: bool
    reason: str
    """Why its audio is gone: `erased`, `retention`; else empty."""


class ContactShown(Struct, frozen=True, kw_only=True):
    """A whole contact: its row, and all that happened in it."""

    row: Row
    stops: tuple[Stop, ...]
    places: tuple[Place, ...]
    tries: tuple[Try, ...]
    tries_left_out: int
    talks: tuple[Talk, ...]
    callbacks: tuple[Callback, ...]
    messages: tuple[MessageShown, ...]
    recordings: tuple[RecordingShown, ...]
    continued_in: ContactId | None
    same_number: tuple[Row, ...]
    """Other contacts of this customer within a day: «already talked to Sales at 12:04»."""


class Why(Struct, frozen=True, kw_only=True):
    """Why a customer waited, place by place."""

    places: tuple[PlaceWhy, ...]


class Link(Struct, frozen=True, kw_only=True):
    """A link that anybody may open until `expires_at`."""

    url: str
    expires_at: Instant


def row(found: Contact, local: Callable[[Instant], str]) -> Row:
    """A row of a page, with its beginning also by the reader's clock."""
    made = history_row.row(found)
    return structs.replace(made, started_local=local(made.started_at))


def message(contact: Contact, found: VoiceMessage, *, shows_letters: bool = True) -> MessageShown:
    """A voice message for an answer; its letters have people's addresses."""
    expired = any(str(each.end) == "expired" for each in contact.callbacks)
    letters = tuple(each for each in contact.letters if each.voice_message_id == found.voice_message_id)
    agent_label, department_label = machine(contact, found)
    return MessageShown(
        voice_message_id=found.voice_message_id,
        contact_id=contact.contact_id,
        number=contact.number,
        agent_id=found.agent_id,
        department_id=found.department_id,
        taken_at=found.taken_at or found.at,
        duration_ms=found.duration_ms,
        speech_ms=found.speech_ms,
        state=str(found.state),
        mark=found.mark,
        has_audio=found.mp3_key is not None or found.original_key is not None,
        reason=_gone(found.reason),
        has_expired_callback=expired,
        heard=_done(found.heard),
        claimed=_done(found.claimed),
        called_back=_done(found.called_back),
        letters=letters if shows_letters else (),
        has_no_reader=bool(letters) and not any(each.email.strip() for each in letters),
        caller="" if contact.caller is None else contact.caller.label,
        agent_label=agent_label,
        department_label=department_label,
        waited_ms=history_row.waited_ms(contact),
        care=care(found),
        notes=tuple(
            NoteShown(note_id=each.note_id, by=each.by, name=each.name, at=each.at, text=each.text)
            for each in found.notes
        ),
        deleted=_done(found.deleted),
        restorable_until_at=restorable_until_at(found),
    )


def whole(shown: MessageShown, *, retention_ms: int | None) -> MessageWhole:
    """The same with the end of its retention; without audio, or a retention, it has none."""
    has_end = shown.has_audio and retention_ms is not None
    kept_until_at = Instant(shown.taken_at + (retention_ms or 0)) if has_end else None
    return MessageWhole(**structs.asdict(shown), kept_until_at=kept_until_at)


def _done(found: Done | None) -> DoneShown | None:
    return None if found is None else DoneShown(by=found.by, name=found.name, at=found.at)


def _gone(reason: str) -> str:
    """The reason if it is a stable word: others are the gateway's or voicemail's, for operators."""
    return reason if reason in GONE else ""


def _recording(found: Recording) -> RecordingShown:
    return RecordingShown(
        recording_id=found.recording_id,
        at=found.at,
        duration_ms=found.duration_ms,
        has_audio=found.key is not None,
        reason=_gone(found.reason),
    )


def contact(
    found: Contact,
    same_number: list[Contact],
    continued_in: ContactId | None,
    *,
    may_hear: Callable[[VoiceMessage], bool],
) -> ContactShown:
    """A whole contact for an answer; letters are shown of the voice messages that the reader may hear."""
    return ContactShown(
        row=history_row.row(found),
        stops=tuple(found.stops),
        places=tuple(found.places),
        tries=tuple(
            structs.replace(each, end=end) for each, end in zip(found.tries, tries.ends(found), strict=True)
        ),
        tries_left_out=found.tries_left_out,
        talks=tuple(found.talks),
        callbacks=tuple(found.callbacks),
        messages=tuple(
            message(found, each, shows_letters=may_hear(each))
            for each in found.messages
            if each.voice_message_id in outcome.voice_messages_left(found)
        ),
        recordings=tuple(_recording(each) for each in found.recordings),
        continued_in=continued_in,
        same_number=tuple(history_row.row(each) for each in same_number),
    )
