"""Voice messages of history as the console shows them. Instants are ms since 1970, durations ms."""

import msgspec


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Who did something first, and when."""

    by: str
    name: str
    at: int


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote for colleagues."""

    note_id: str
    by: str
    name: str
    at: int
    text: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One letter to one recipient. History leaves out what has its default, so each has the same here."""

    letter_id: str
    kind: str
    name: str
    email: str
    state: str = "due"
    at: int | None = None


class VoiceMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A voice message as lists have it; numbers come masked."""

    voice_message_id: str
    contact_id: str
    number: str | None
    caller: str
    agent_id: str | None
    agent_label: str
    department_id: str | None
    department_label: str
    taken_at: int
    duration_ms: int
    speech_ms: int
    waited_ms: int
    mark: str
    care: str
    reason: str
    has_audio: bool
    has_expired_callback: bool
    heard: Done | None
    claimed: Done | None
    called_back: Done | None
    deleted: Done | None
    restorable_until_at: int | None
    notes: tuple[Note, ...]


class OpenedMessage(VoiceMessage, frozen=True, kw_only=True):
    """A voice message as its own page has it."""

    letters: tuple[Letter, ...]
    has_no_reader: bool
    kept_until_at: int | None


class MessagePage(msgspec.Struct, frozen=True, kw_only=True):
    """Voice messages, newest first; `next` is the cursor of the older ones, None at the end."""

    messages: tuple[VoiceMessage, ...]
    next: str | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """New ones of each inbox, and those that one has claimed and not called back."""

    departments: int
    own: int
    colleagues: int
    claimed: int


class NoteGiven(msgspec.Struct, frozen=True, kw_only=True):
    """A note to add."""

    text: str
