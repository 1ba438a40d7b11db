"""What callback says: orders, attempts, apologies, and how each callback ended.

A callback ends exactly once: `connected`, `expired`, `unreached`, `cancelled` or `refused` (C13).
"""

from enum import StrEnum
from typing import Final

from contracts import erasure
from contracts.dialling import Refusal
from contracts.gateway import Outcome
from contracts.ids import (
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    PbxId,
    PlaceId,
    PlayId,
    RecordingId,
)
from contracts.message import Fact, Part

BY_AGENT: Final = "by_agent"
"""Why a callback was cancelled: an employee asked for it (C9)."""
CANCEL_ASKED: Final = "cancel_asked"
"""The step of a callback's story that says who asked for its cancellation."""


class NumberWanted(Fact, tag="callback.number_wanted", frozen=True, kw_only=True):
    """The caller's number is withheld or unusable: a typed and confirmed one is needed (C1)."""

    place_id: PlaceId
    leg_id: LegId
    play_id: PlayId
    tries_left: int


class NumberTyped(Fact, tag="callback.number_typed", frozen=True, kw_only=True):
    """The caller typed a number, hears it, and confirms with 1 or types again."""

    place_id: PlaceId
    leg_id: LegId
    number: str
    play_id: PlayId


class Origin(StrEnum):
    """Where an order came from."""

    QUEUE = "queue"
    API = "api"
    ABANDONED = "abandoned"


class CallbackOrdered(Fact, tag="callback.ordered", frozen=True, kw_only=True):
    """The customer will be called back; the place stays, held by this callback (C2).

    Ordered through the API, or after a call that was abandoned, it has none yet: queue takes one (C11). The
    place that the customer left is then `abandoned_place_id`. `is_alarm`: with this order four fifths of the
    organization's orders of the day are taken (C10).
    """

    callback_id: CallbackId
    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    number: str
    caller_id: str
    joined_at: Instant
    deadline_at: Instant
    leg_id: LegId | None
    origin: Origin = Origin.QUEUE
    confirmation_play_id: PlayId | None = None
    abandoned_place_id: PlaceId | None = None
    is_alarm: bool = False


class NumberChanged(Fact, tag="callback.number_changed", frozen=True, kw_only=True):
    """While the order was read back the caller typed and confirmed another number (C1)."""

    callback_id: CallbackId
    place_id: PlaceId
    number: str


class CallbackConfirmed(Fact, tag="callback.confirmed", frozen=True, kw_only=True):
    """The number had a callback in this department: the first one stands, the new place ends (C8).

    `asked_id` is the name that an order through the API came with, which has no place and no leg (C11).
    `joined_at` is the earlier of both joining times, `deadline_at` that claim's deadline. Confirmed in a call
    (`leg_id`), the callback is the customer's own, and its place has that leg from now on.
    """

    callback_id: CallbackId
    place_id: PlaceId
    new_place_id: PlaceId | None = None
    leg_id: LegId | None = None
    asked_id: CallbackId | None = None
    joined_at: Instant | None = None
    deadline_at: Instant | None = None


class CallbackRefused(Fact, tag="callback.refused", frozen=True, kw_only=True):
    """No callback for this place; the caller is told why and stays in the queue.

    Without a leg it is the answer to the API, whose order was named `callback_id`; there is no such place.
    Then `number` is what was asked for (E.164 where it can be read as such), `pbx_id` and `caller_id` what
    would have been dialled from: history has no call to show it with.
    """

    place_id: PlaceId
    department_id: DepartmentId
    leg_id: LegId | None
    reason: Refusal
    play_id: PlayId | None = None
    callback_id: CallbackId | None = None
    number: str | None = None
    pbx_id: PbxId | None = None
    caller_id: str = ""


class OrderAbandoned(Fact, tag="callback.order_abandoned", frozen=True, kw_only=True):
    """The caller typed nothing usable; the wait in the queue goes on."""

    place_id: PlaceId
    leg_id: LegId


class AttemptStarted(Fact, tag="callback.attempt_started", frozen=True, kw_only=True):
    """An agent is there and hears whom he will talk to (C3)."""

    callback_id: CallbackId
    place_id: PlaceId
    attempt: int
    agent_id: AgentId
    agent_leg_id: LegId
    whisper_play_id: PlayId


class CustomerDialled(Fact, tag="callback.customer_dialled", frozen=True, kw_only=True):
    """The customer's phone is dialled, for the agent who answered."""

    callback_id: CallbackId
    place_id: PlaceId
    attempt: int
    leg_id: LegId
    agent_id: AgentId
    agent_leg_id: LegId


class CustomerExpected(Fact, tag="callback.customer_expected", frozen=True, kw_only=True):
    """The customer has called in (`leg_id`) and may press 1 for this callback's place: until then, for a
    while, the agent stays, nothing is dialled, and what was dialled counts for nothing (C8, C15)."""

    callback_id: CallbackId
    place_id: PlaceId
    leg_id: LegId


class CustomerJoined(Fact, tag="callback.customer_joined", frozen=True, kw_only=True):
    """The customer has called in and is bridged to the agent who is with the callback, on that leg: whatever
    was dialled is cancelled and counts for nothing (C8). `play_id` as in `customer_answered`."""

    callback_id: CallbackId
    place_id: PlaceId
    new_place_id: PlaceId
    leg_id: LegId
    play_id: PlayId | None = None


class JoinRefused(Fact, tag="callback.join_refused", frozen=True, kw_only=True):
    """No agent is with the callback any more, or both are being bridged: the new place goes on."""

    callback_id: CallbackId
    place_id: PlaceId
    new_place_id: PlaceId


class ConfirmationAsked(Fact, tag="callback.confirmation_asked", frozen=True, kw_only=True):
    """Somebody, or a machine, has picked up: who presses 1 is the customer and will be bridged (C16)."""

    callback_id: CallbackId
    place_id: PlaceId
    leg_id: LegId
    play_id: PlayId


class CustomerAnswered(Fact, tag="callback.customer_answered", frozen=True, kw_only=True):
    """The customer is on the line and is being bridged, after `play_id`, which tells of a recording (R1)."""

    callback_id: CallbackId
    place_id: PlaceId
    leg_id: LegId
    play_id: PlayId | None = None


class AttemptFailed(Fact, tag="callback.attempt_failed", frozen=True, kw_only=True):
    """The customer was not reached; the agent is told and freed, the place is tried again (C6).

    `next_attempt_at` None: no further attempt. The next one must have an agent before `give_up_at`.
    """

    callback_id: CallbackId
    place_id: PlaceId
    attempt: int
    agent_id: AgentId
    agent_leg_id: LegId
    outcome: Outcome
    next_attempt_at: Instant | None
    give_up_at: Instant | None
    is_uncounted: bool = False
    """The customer was on the line by another call, or policy forbade the number: it was no attempt."""


class AgentLost(Fact, tag="callback.agent_lost", frozen=True, kw_only=True):
    """The agent went before the customer answered: the place is first again (C7).

    Once the customer was dialled an apology is no longer possible, and the next agent must be there
    before `give_up_at`; None leaves the deadline as it was.
    """

    callback_id: CallbackId
    place_id: PlaceId
    agent_id: AgentId
    give_up_at: Instant | None = None


class CustomerHeld(Fact, tag="callback.customer_held", frozen=True, kw_only=True):
    """The customer answered and the agent had just gone: «one moment», the next free agent gets this leg
    before everyone, until `until_at`; then queue says `deadline_passed` (C7)."""

    callback_id: CallbackId
    place_id: PlaceId
    leg_id: LegId
    until_at: Instant
    play_id: PlayId


class ApologyQueued(Fact, tag="callback.apology_queued", frozen=True, kw_only=True):
    """The deadline passed without an agent; the customer will be called with an apology (C4), once queue has
    granted it (`queue.apology_granted`), not before `due_at`."""

    callback_id: CallbackId
    place_id: PlaceId
    due_at: Instant
    number: str | None = None


class ApologyDialled(Fact, tag="callback.apology_dialled", frozen=True, kw_only=True):
    """The customer is dialled for the apology, on one of the PBX's lines for these."""

    callback_id: CallbackId
    leg_id: LegId
    attempt: int
    place_id: PlaceId | None = None


class ApologyMade(Fact, tag="callback.apology_made", frozen=True, kw_only=True):
    """The customer hears the apology and is asked to press 1 to leave a voice message."""

    callback_id: CallbackId
    leg_id: LegId
    play_id: PlayId
    ask: int


class ApologyFailed(Fact, tag="callback.apology_failed", frozen=True, kw_only=True):
    """The customer could not be told; `next_attempt_at` None: that was the last.

    `is_uncounted`: it was cancelled because the customer called in, or because an attempt goes first (C15).
    """

    callback_id: CallbackId
    leg_id: LegId
    outcome: Outcome
    next_attempt_at: Instant | None
    is_uncounted: bool = False


class MessageWanted(Fact, tag="callback.message_wanted", frozen=True, kw_only=True):
    """The customer pressed 1 after the apology: voicemail takes this leg over, then says
    `voicemail.message_taken` or `voicemail.message_missing` for the callback."""

    callback_id: CallbackId
    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    leg_id: LegId
    number: str
    joined_at: Instant
    deadline_at: Instant | None = None
    ordered_at: Instant | None = None


class StoryStep(Part, frozen=True, kw_only=True):
    """One step of a callback's story."""

    at: Instant
    what: str
    agent_id: AgentId | None = None
    leg_id: LegId | None = None
    reason: str = ""


class CallbackEnd(Fact, frozen=True, kw_only=True):
    """How a callback ended, with its whole story in one record (C13)."""

    callback_id: CallbackId
    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    number: str
    joined_at: Instant
    ordered_at: Instant
    attempts: int
    reason: str = ""
    story: tuple[StoryStep, ...] = ()
    origin: Origin = Origin.QUEUE
    deadline_at: Instant | None = None


class CallbackConnected(CallbackEnd, tag="callback.connected", frozen=True, kw_only=True):
    """Agent and customer were bridged; `recording_id` when the conversation is recorded (R1).

    `by_other_call`: they talked by a call that was not this callback's (C14): the customer's own to the
    department, or a direct one. `bridged_at` is when they began to hear each other.
    """

    agent_id: AgentId
    agent_leg_id: LegId
    leg_id: LegId
    waited_ms: int
    recording_id: RecordingId | None = None
    by_other_call: bool = False
    bridged_at: Instant | None = None


class CallbackExpired(CallbackEnd, tag="callback.expired", frozen=True, kw_only=True):
    """Nobody came in time; with or without a voice message. Without one, a letter without audio goes."""

    has_voice_message: bool
    was_told: bool


class CallbackUnreached(CallbackEnd, tag="callback.unreached", frozen=True, kw_only=True):
    """The customer was dialled and never reached; the recipients are told."""


class CallbackCancelled(CallbackEnd, tag="callback.cancelled", frozen=True, kw_only=True):
    """Withdrawn by the customer, an agent or the API (C9), or void: they talked on the ordering leg.

    `keeps_line`: the customer is on the line, where an agent is about to come; the place goes on as a
    caller's.
    """

    keeps_line: bool = False


class CallbackBarred(CallbackEnd, tag="callback.barred", frozen=True, kw_only=True):
    """An accepted callback whose number policy no longer allows, for good: it ends *refused*, `reason` says
    why (C10)."""


class NumberErased(erasure.NumberErased, tag="callback.number_erased", frozen=True, kw_only=True):
    """What callback has erased of a customer, and what stays."""
