"""What voicemail says: the conversation with the machine, what was kept, and every letter's state."""

from enum import StrEnum

from contracts import erasure
from contracts.directory import Language, Recipient
from contracts.history import UnheardMessage
from contracts.ids import (
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    MediaKey,
    PbxId,
    PlaceId,
    PlayId,
    RecordingId,
    VoiceMessageId,
)
from contracts.message import Command, Fact


class MissingReason(StrEnum):
    """Why there is no voice message (V2, EC-59)."""

    HUNG_UP_IN_GREETING = "hung_up_in_greeting"
    TOO_SHORT = "too_short"
    RECORDING_FAILED = "recording_failed"


class Mark(StrEnum):
    """What a letter adds to a voice message that is not as it should be (V8, EC-63)."""

    CUT_OFF = "cut_off"
    DAMAGED = "damaged"
    TOO_LONG = "too_long"
    NOT_PLAYABLE = "not_playable"
    NOT_RECORDED = "not_recorded"


class GreetingPlayed(Fact, tag="voicemail.greeting_played", frozen=True, kw_only=True):
    """Voicemail has taken a leg over and greets the caller."""

    voice_message_id: VoiceMessageId
    leg_id: LegId
    pbx_id: PbxId
    department_id: DepartmentId | None
    agent_id: AgentId | None
    caller: str | None
    joined_at: Instant
    play_id: PlayId
    place_id: PlaceId | None = None
    callback_id: CallbackId | None = None


class RecordingAsked(Fact, tag="voicemail.recording_asked", frozen=True, kw_only=True):
    """The tone sounds and the caller may speak."""

    voice_message_id: VoiceMessageId
    leg_id: LegId
    recording_id: RecordingId


class MessageTaken(Fact, tag="voicemail.message_taken", frozen=True, kw_only=True):
    """A recording is closed and counts as a voice message, once enough speech is found in it."""

    voice_message_id: VoiceMessageId
    recording_id: RecordingId
    duration_ms: int
    is_cut_off: bool = False
    callback_id: CallbackId | None = None


class CallerThanked(Fact, tag="voicemail.caller_thanked", frozen=True, kw_only=True):
    """The caller has heard the thanks after the recording was closed, and is hung up (V1)."""

    voice_message_id: VoiceMessageId
    leg_id: LegId


class MessageMissing(Fact, tag="voicemail.message_missing", frozen=True, kw_only=True):
    """No voice message: a plain missed call (V2)."""

    voice_message_id: VoiceMessageId
    reason: MissingReason
    callback_id: CallbackId | None = None


class MessageStored(Fact, tag="voicemail.message_stored", frozen=True, kw_only=True):
    """Original and MP3 are in S3, sizes and checksums verified (V3)."""

    voice_message_id: VoiceMessageId
    original_key: MediaKey
    mp3_key: MediaKey
    mp3_bytes: int
    mp3_sha256: str
    speech_ms: int
    mark: str = ""


class MessageQuarantined(Fact, tag="voicemail.message_quarantined", frozen=True, kw_only=True):
    """The recording could not be made playable: kept aside, the recipients are still told (V8)."""

    voice_message_id: VoiceMessageId
    original_key: MediaKey | None
    reason: str


class StoringAsked(Fact, tag="voicemail.storing_asked", frozen=True, kw_only=True):
    """A recording shall be checked, converted and stored, for the `tries`-th time again (V3, V7)."""

    voice_message_id: VoiceMessageId
    tries: int


class StoringDeferred(Fact, tag="voicemail.storing_deferred", frozen=True, kw_only=True):
    """S3 does not take it now; the audio stays in the spool and is tried again (V7)."""

    voice_message_id: VoiceMessageId
    reason: str
    tries: int


class LetterKind(StrEnum):
    """What a letter tells."""

    VOICE_MESSAGE = "voice_message"
    EXPIRED = "expired"
    UNREACHED = "unreached"
    UNHEARD = "unheard"
    REFUSED = "refused"


class LetterDue(Fact, tag="voicemail.letter_due", frozen=True, kw_only=True):
    """One letter to one recipient is due; `letter_id` makes its Message-ID.

    A warning (`unheard`) is about several voice messages: `voice_message_ids`.
    """

    letter_id: str
    kind: LetterKind
    recipient: Recipient
    voice_message_id: VoiceMessageId | None = None
    callback_id: CallbackId | None = None
    voice_message_ids: tuple[VoiceMessageId, ...] = ()


class LetterRetried(Fact, tag="voicemail.letter_retried", frozen=True, kw_only=True):
    """A letter that was deferred is sent again, with the same Message-ID (V4)."""

    letter_id: str
    tries: int


class LetterAccepted(Fact, tag="voicemail.letter_accepted", frozen=True, kw_only=True):
    """The mail server took a letter; `answer` is its last word."""

    letter_id: str
    answer: str
    is_repeat_possible: bool = False


class LetterDeferred(Fact, tag="voicemail.letter_deferred", frozen=True, kw_only=True):
    """The mail server said 4xx, or nothing: again after a growing pause, for a day (V4).

    `is_answer_lost`: the whole letter was sent and no answer came, so that it may have arrived.
    """

    letter_id: str
    answer: str
    tries: int
    is_answer_lost: bool = False


class LetterFailed(Fact, tag="voicemail.letter_failed", frozen=True, kw_only=True):
    """The mail server said 5xx, or a day is over: this letter will not arrive."""

    letter_id: str
    answer: str


class StoreMessage(Command, tag="delivery.store_message", frozen=True, kw_only=True):
    """Check, convert and store a recording; answered by stored, quarantined, deferred or missing."""

    voice_message_id: VoiceMessageId
    recording_id: RecordingId
    key: MediaKey | None
    spool_url: str
    sha256: str
    bytes: int
    tries: int
    speech_ms_min: int
    duration_ms_max: int
    callback_id: CallbackId | None = None


class SendLetter(Command, tag="delivery.send_letter", frozen=True, kw_only=True):
    """Send one letter to one recipient; everything it says is in here, audio by key or spool.

    A warning names the voice messages that go first (`unheard`) of `unheard_count`, and was written at
    `written_at`; `caller` and `called_at` are then the first one's. Audio of another checksum than
    `mp3_sha256` or `spool_sha256` is not attached.
    """

    letter_id: str
    kind: LetterKind
    recipient: Recipient
    organization_name: str
    department_name: str
    timezone: str
    caller: str | None
    called_at: Instant
    waited_ms: int
    tries: int
    language: Language
    voice_message_id: VoiceMessageId | None = None
    mp3_key: MediaKey | None = None
    spool_url: str = ""
    duration_ms: int = 0
    has_expired_callback: bool = False
    mark: str = ""
    reason: str = ""
    console_url: str = ""
    may_have_arrived: bool = False
    employee_name: str = ""
    was_abandoned: bool = False
    unheard: tuple[UnheardMessage, ...] = ()
    unheard_count: int = 0
    written_at: Instant | None = None
    mp3_sha256: str = ""
    spool_sha256: str = ""


class NumberErased(erasure.NumberErased, tag="voicemail.number_erased", frozen=True, kw_only=True):
    """What voicemail has erased of a customer, and what stays."""
