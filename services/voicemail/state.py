"""What voicemail remembers of one organization.

A record is dropped when nothing can happen to it any more; a projection shows what has ended.
"""

from enum import StrEnum
from typing import Any

import msgspec
from sortedcontainers import SortedDict

from contracts.dialling import DiallingPolicy, canonical
from contracts.directory import Language, NoticeChoice, Recipient, VoicemailSettings
from contracts.history import UnheardMessage
from contracts.ids import (
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    MediaKey,
    NoticeId,
    OrganizationId,
    PbxId,
    PlaceId,
    PlayId,
    RecordingId,
    VoiceMessageId,
)
from contracts.message import Interval
from contracts.voicemail import LetterKind
from runtime import erased_numbers
from runtime.erased_numbers import ErasedNumber
from runtime.records import Earliest, Record, State


class Organization(Record, frozen=True, array_like=True):
    """The sender of the letters, and the administrators, who get them when nobody else can."""

    organization_id: OrganizationId
    version: int
    name: str
    language: Language
    timezone: str
    administrators: tuple[Recipient, ...]
    console_url: str
    home_region: str = ""
    """The region in which callers' numbers are read; empty: only numbers with a country code are read."""


class Department(Record, frozen=True, array_like=True):
    """The greeting, limits and recipients of a department's machine."""

    department_id: DepartmentId
    version: int
    name: str
    language: Language
    timezone: str
    greeting: NoticeChoice
    voicemail: VoicemailSettings
    recipients: tuple[Recipient, ...]
    heads: tuple[Recipient, ...]
    agents: tuple[AgentId, ...] = ()
    """Their letters may go to the heads of this department; empty once it is removed."""


class Reader(Record, frozen=True, array_like=True):
    """An employee as a reader of letters: a letter to somebody absent reaches nobody (EC-70).

    `recipients` is the employee's own list, for voice messages on the employee's machine (V4).
    """

    agent_id: AgentId
    version: int = 0
    email: str = ""
    is_removed: bool = False
    availability_version: int = 0
    absences: tuple[Interval, ...] = ()
    name: str = ""
    language: Language = Language.RUSSIAN
    rules_version: int = 0
    recipients: tuple[Recipient, ...] = ()


class Notice(Record, frozen=True, array_like=True):
    """An organization's own greeting, rendered."""

    notice_id: NoticeId
    version: int
    language: Language
    parts: tuple[str, ...]


class Phase(StrEnum):
    """Where the conversation is."""

    GREETING = "greeting"
    RECORDING = "recording"
    CLOSING = "closing"
    THANKING = "thanking"
    LEAVING = "leaving"
    OVER = "over"
    ANSWERING = "answering"


LEG_IS_UP = frozenset({Phase.GREETING, Phase.RECORDING, Phase.THANKING})
"""Phases in which the caller is on the line and no hang-up was commanded."""


class StorageStatus(StrEnum):
    """What has become of the recording."""

    NOTHING = "nothing"
    TAKEN = "taken"
    STORING = "storing"
    STORED = "stored"
    QUARANTINED = "quarantined"
    MISSING = "missing"


STORAGE_ENDED = frozenset({StorageStatus.STORED, StorageStatus.QUARANTINED, StorageStatus.MISSING})


class LettersStatus(StrEnum):
    """Whether the letters about a subject are written: `wanted` lasts only within a step."""

    NOT_YET = "not_yet"
    WANTED = "wanted"
    WRITTEN = "written"
    NONE = "none"


_LETTERS_DONE = frozenset({LettersStatus.WRITTEN, LettersStatus.NONE})


class VoiceMessage(Record, frozen=True, array_like=True):
    """One conversation with the machine, and its recording.

    `taken_at` 0: it never counted as a voice message. `tries` counts the storings asked for. `key` is the
    original in S3, `spool_url` the same audio at the gateway. `letters_open` counts unended letters.
    """

    voice_message_id: VoiceMessageId
    leg_id: LegId
    pbx_id: PbxId
    department_id: DepartmentId | None
    caller: str | None
    joined_at: Instant
    waited_ms: int
    place_id: PlaceId | None
    callback_id: CallbackId | None
    phase: Phase
    storage: StorageStatus = StorageStatus.NOTHING
    duration_ms: int = 0
    bytes: int = 0
    sha256: str = ""
    spool_url: str = ""
    key: MediaKey | None = None
    is_cut_off: bool = False
    spooled_at: Instant = Instant(0)
    taken_at: Instant = Instant(0)
    tries: int = 0
    mp3_key: MediaKey | None = None
    speech_ms: int = 0
    mark: str = ""
    reason: str = ""
    letters: LettersStatus = LettersStatus.NOT_YET
    letters_open: int = 0
    agent_id: AgentId | None = None
    """The employee whose machine it is; None for a department's."""
    is_greeted: bool = False
    is_erased: bool = False
    """Its customer's data were erased (V6), so no letter tells of it."""
    mp3_sha256: str = ""

    @property
    def recording_id(self) -> RecordingId:
        """The only recording of this conversation."""
        return RecordingId(f"{self.voice_message_id}.recording")

    @property
    def greeting_play_id(self) -> PlayId:
        """The play of the greeting."""
        return PlayId(f"{self.voice_message_id}.greeting")

    @property
    def thanks_play_id(self) -> PlayId:
        """The play of the thanks."""
        return PlayId(f"{self.voice_message_id}.thanks")


class EndedCallback(Record, frozen=True, array_like=True):
    """What the letters tell of a callback that ended without an agent and without a voice message."""

    callback_id: CallbackId
    kind: LetterKind
    department_id: DepartmentId
    number: str
    joined_at: Instant
    waited_ms: int
    reason: str
    letters: LettersStatus = LettersStatus.WANTED
    letters_open: int = 0
    was_abandoned: bool = False
    """It followed an abandoned call; nobody had ordered it (C11)."""
    is_erased: bool = False
    """Its customer's data were erased (V6)."""


class RetentionWarning(Record, frozen=True, array_like=True):
    """What the letters of a day tell of one machine's unheard voice messages (V6).

    It stays until the audio is gone, so that nobody is warned of a voice message twice; `warning_id` is the
    first of `voice_message_ids`. `messages` are those that the letters list; they are dropped with the last
    letter.
    """

    warning_id: VoiceMessageId
    department_id: DepartmentId | None
    agent_id: AgentId | None
    voice_message_ids: tuple[VoiceMessageId, ...]
    messages: tuple[UnheardMessage, ...]
    written_at: Instant
    letters: LettersStatus = LettersStatus.WANTED
    letters_open: int = 0


class Letter(Record, frozen=True, array_like=True):
    """One letter to one recipient, until the mail server has taken it or never will."""

    letter_id: str
    kind: LetterKind
    recipient: Recipient
    voice_message_id: VoiceMessageId | None
    callback_id: CallbackId | None
    due_at: Instant
    tries: int = 0
    may_have_arrived: bool = False
    answer: str = ""
    warning_id: VoiceMessageId | None = None


class VoicemailState(State):
    """Everything open in one organization's voicemail."""

    def __init__(self) -> None:
        super().__init__()
        self._by_leg: dict[LegId, VoiceMessageId] = {}
        self._by_email: dict[str, SortedDict[str, None]] = {}
        self._warned: dict[VoiceMessageId, VoiceMessageId] = {}
        self.organizations = self.table("organizations", Organization)
        self.departments = self.table("departments", Department)
        self.readers = self.table("readers", Reader, self._index_reader)
        self.notices = self.table("notices", Notice)
        self.messages = self.table("messages", VoiceMessage, self._index_message)
        self.callbacks = self.table("callbacks", EndedCallback)
        self.letters_open = Earliest[Letter]("due_at")
        self.letters = self.table("letters", Letter, self.letters_open.track)
        self.warnings = self.table("warnings", RetentionWarning, self._index_warning)
        self.erased_numbers = self.table("erased_numbers", ErasedNumber)

    def _index_message(self, old: VoiceMessage | None, new: VoiceMessage | None) -> None:
        # Contradictory facts may put two conversations on one leg, or move one to another leg.
        if old is not None and self._by_leg.get(old.leg_id) == old.voice_message_id:
            del self._by_leg[old.leg_id]
        if new is not None:
            self._by_leg[new.leg_id] = new.voice_message_id

    def _index_reader(self, old: Reader | None, new: Reader | None) -> None:
        if old is not None and old.email:
            found = self._by_email[old.email]
            del found[old.agent_id]
            if not found:
                del self._by_email[old.email]
        if new is not None and new.email:
            self._by_email.setdefault(new.email, SortedDict())[new.agent_id] = None

    def _index_warning(self, old: RetentionWarning | None, new: RetentionWarning | None) -> None:
        if old is not None:
            for id_ in old.voice_message_ids:
                self._warned.pop(id_, None)
        if new is not None:
            self._warned.update((id_, new.warning_id) for id_ in new.voice_message_ids)

    def change_message(self, message: VoiceMessage, **fields: Any) -> None:
        """Change fields of a voice message, and drop it when nothing can happen to it any more."""
        message = msgspec.structs.replace(message, **fields)
        is_done = (
            message.phase is Phase.OVER
            and message.storage in STORAGE_ENDED
            and message.letters in _LETTERS_DONE
            and message.letters_open == 0
        )
        if is_done:
            self.messages.drop(message.voice_message_id)
        else:
            self.messages.put(message)

    def change_callback(self, callback: EndedCallback, **fields: Any) -> None:
        """Change fields of an ended callback, and drop it with its last letter."""
        callback = msgspec.structs.replace(callback, **fields)
        if callback.letters in _LETTERS_DONE and callback.letters_open == 0:
            self.callbacks.drop(callback.callback_id)
        else:
            self.callbacks.put(callback)

    def department_of(self, message: VoiceMessage) -> Department | None:
        """The department whose machine it is; None for an employee's and for an unknown department."""
        return None if message.department_id is None else self.departments.get(message.department_id)

    def settings_of(self, message: VoiceMessage) -> VoicemailSettings:
        """The limits of the message's department."""
        department = self.department_of(message)
        return VoicemailSettings() if department is None else department.voicemail

    def language_of(self, message: VoiceMessage) -> Language:
        """The language that is spoken to the caller."""
        department = self.department_of(message)
        if department is not None:
            return department.language
        organization = self.organization()
        return Language.RUSSIAN if organization is None else organization.language

    def warning_about(self, voice_message_id: VoiceMessageId) -> RetentionWarning | None:
        """The warning that told of this voice message."""
        found = self._warned.get(voice_message_id)
        return None if found is None else self.warnings[found]

    def message_on(self, leg_id: LegId | None) -> VoiceMessage | None:
        """The voice message whose conversation is, or was, on this leg."""
        found = None if leg_id is None else self._by_leg.get(leg_id)
        return None if found is None else self.messages[found]

    def message_recorded_as(self, leg_id: LegId, recording_id: RecordingId) -> VoiceMessage | None:
        """The voice message of a recording; None for a recording of another service."""
        message = self.message_on(leg_id)
        return message if message is not None and message.recording_id == recording_id else None

    def organization(self) -> Organization | None:
        """The organization, once the directory has told of it."""
        return next(iter(self.organizations), None)

    def caller(self, said: str | None) -> str | None:
        """A caller's number in the canonical form, so that letters can dial it; None: withheld."""
        organization = self.organization()
        region = "" if organization is None else organization.home_region
        return canonical(said, DiallingPolicy(home_region=region))

    def caller_since(self, said: str | None, since_at: Instant | None) -> str | None:
        """The same; None, too, if the number was erased after the call or the order, `since_at` (V6)."""
        number = self.caller(said)
        return None if erased_numbers.is_erased(self.erased_numbers, number, since_at) else number

    def readers_at(self, email: str) -> tuple[Reader, ...]:
        """The employees with this address."""
        return tuple(self.readers[agent_id] for agent_id in self._by_email.get(email, ()))
