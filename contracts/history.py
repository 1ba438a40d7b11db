"""What people do with history: what they hear, claim, delete, were refused; and what is to be forgotten.

These are appended by the history service's API and read back: of two who claim one voice message, the
first on the log has it (V5). Whoever rebuilds history from the log finds them there, too.
"""

from enum import StrEnum

from contracts.ids import AgentId, DepartmentId, Instant, RecordingId, VoiceMessageId
from contracts.message import Fact, Part


class MessageFact(Fact, frozen=True, kw_only=True):
    """What one person did with one voice message."""

    voice_message_id: VoiceMessageId
    by: AgentId


class MessageHeard(MessageFact, tag="history.message_heard", frozen=True, kw_only=True):
    """Somebody listened; the first time counts."""


class MessageClaimed(MessageFact, tag="history.message_claimed", frozen=True, kw_only=True):
    """«I take it»: the first one on the log has it."""


class MessageUnclaimed(MessageFact, tag="history.message_unclaimed", frozen=True, kw_only=True):
    """A claim was given back, or taken away by somebody who may: exactly the one that is named.

    A fact that comes late or twice so ends no later claim.
    """

    claimed_by: AgentId
    claimed_at: Instant


class MessageNoted(MessageFact, tag="history.message_noted", frozen=True, kw_only=True):
    """A note to a voice message, for colleagues; of two with one `note_id` the first counts."""

    note_id: str
    text: str


class MessageCalledBack(MessageFact, tag="history.message_called_back", frozen=True, kw_only=True):
    """The customer of a voice message was called."""


class MessageDeleted(MessageFact, tag="history.message_deleted", frozen=True, kw_only=True):
    """A voice message was deleted by a person."""


class MessageRestored(MessageFact, tag="history.message_restored", frozen=True, kw_only=True):
    """A deletion was undone: the one of that instant, and only before its audio is gone from S3."""

    deleted_at: Instant


class AccessRefused(Fact, tag="history.access_refused", frozen=True, kw_only=True):
    """Somebody asked for what rights do not give; `what` names the action and its subject (P5, EC-73)."""

    by: str
    action: str
    what: str
    times: int = 1
    """More than one: refusals of the same person that were counted and not recorded one by one."""


class AccessKind(StrEnum):
    """Which personal data left history."""

    AUDIO_LINKED = "audio_linked"
    DOWNLOADED = "downloaded"


class Accessed(Fact, tag="history.accessed", frozen=True, kw_only=True):
    """Somebody was given a link to audio, or a download: who and what, for the audit trail.

    `by` is `agent/…` or `token/…`, `address` the client's network address, `details` in the words of the API.
    """

    by: str
    kind: AccessKind
    subject: str
    address: str = ""
    details: str = ""


class CustomerErased(Fact, tag="history.customer_erased", frozen=True, kw_only=True):
    """A customer's personal data are to go everywhere (V6); `number` is E.164 and is itself dropped with
    the log's retention."""

    number: str
    by: AgentId | None = None
    erasure_id: str = ""
    """Every owner answers with it (`<service>.number_erased`); empty: nobody waits for answers."""
    actor: str = ""
    """`agent/…` or `token/…`."""


class MessageRemoved(Fact, tag="history.message_removed", frozen=True, kw_only=True):
    """A voice message's audio is gone from S3: retention is over, or its data were erased (V6)."""

    voice_message_id: VoiceMessageId
    reason: str


class RecordingRemoved(Fact, tag="history.recording_removed", frozen=True, kw_only=True):
    """A recorded conversation's audio is gone from S3, for the same reasons (V6)."""

    recording_id: RecordingId
    reason: str


class UnheardMessage(Part, frozen=True, kw_only=True):
    """A voice message that nobody has heard; its audio goes at `removed_at`. `caller` None: withheld."""

    voice_message_id: VoiceMessageId
    caller: str | None
    taken_at: Instant
    duration_ms: int
    removed_at: Instant


class WarningWanted(Fact, tag="history.warning_wanted", frozen=True, kw_only=True):
    """Voice messages of one machine are unheard a week before they go: voicemail writes to whoever gets that
    machine's letters, about each message once, however often this is said (V6).

    `department_id` or `agent_id` names whose machine it is. The message that goes first stands first.
    """

    department_id: DepartmentId | None
    agent_id: AgentId | None
    messages: tuple[UnheardMessage, ...]
