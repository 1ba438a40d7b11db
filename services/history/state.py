"""One contact's record: a customer's story, from which every row is made.

A contact is named by its first leg; a callback ordered without a call, by its place. `rules` fold facts into
the record, which is stored as one JSON document. All other tables are made from it, so that filters and pages
can't differ. Names are those of the time: an old row keeps an employee's old name.
"""

from enum import StrEnum
from typing import Final, NewType

import msgspec

from contracts.dialling import Refusal
from contracts.directory import ActionKind
from contracts.gateway import Outcome as LegOutcome
from contracts.ids import (
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    MediaKey,
    OrganizationId,
    PbxId,
    PlaceId,
    RecordingId,
    VoiceMessageId,
)
from contracts.queue import Skip

ContactId = NewType("ContactId", str)

TRIES_MAX: Final = 1_000
"""Forty agents rung all at once for ten minutes make that many; further tries are only counted."""
STORY_MAX: Final = 400
NOTES_MAX: Final = 50
"""Notes to one voice message: two colleagues talk about it at length, and a document stays small."""


class Piece(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A part of a contact's record that only `rules` change."""


class Mark(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A part that is replaced and never changed."""


class Who(Mark, frozen=True):
    """An agent by the name of the time; `pbx_name` is empty on the contact's own PBX (O4).

    `through` is the public number of the other PBX, by which the agent was reached (O8).
    """

    agent_id: AgentId
    name: str
    pbx_name: str = ""
    through: str = ""

    @property
    def label(self) -> str:
        """The name as every list shows it, followed by another PBX in brackets."""
        return f"{self.name} ({self.pbx_name})" if self.pbx_name else self.name


class Whither(Mark, frozen=True):
    """A department by the name of the time; `pbx_name` as for agents."""

    department_id: DepartmentId
    name: str
    pbx_name: str = ""

    @property
    def label(self) -> str:
        """The name as every list shows it."""
        return f"{self.name} ({self.pbx_name})" if self.pbx_name else self.name


class Direction(StrEnum):
    """Where a contact came from; an ordered callback without a call is outgoing."""

    INCOMING = "incoming"
    INTERNAL = "internal"
    OUTGOING = "outgoing"


class TryKind(StrEnum):
    """How somebody was tried: by a department, as its fallback, directly, or on an outside number."""

    OFFER = "offer"
    FALLBACK = "fallback"
    DIRECT = "direct"
    EXTERNAL = "external"


class TryEnd(StrEnum):
    """How a try ended. `absent`, `out_of_hours` and `removed` were not rung at all (D4)."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    MISSED = "missed"
    UNREACHABLE = "unreachable"
    WITHDRAWN = "withdrawn"
    BUSY = "busy"
    ABSENT = "absent"
    OUT_OF_HOURS = "out_of_hours"
    REMOVED = "removed"
    CALLER_GONE = "caller_gone"
    NOT_REACHED = "not_reached"
    """The agent accepted but talked to nobody: the customer was not reached, or had gone (C6, Q7)."""
    REFUSED = "refused"


class Try(Piece):
    """One person or phone tried; `ended_at` None while it rings."""

    try_id: str
    kind: TryKind
    rung_at: Instant
    agent: Who | None = None
    number: str = ""
    department_id: DepartmentId | None = None
    place_id: PlaceId | None = None
    skipped: tuple[Skip, ...] = ()
    ended_at: Instant | None = None
    end: TryEnd | None = None
    reason: str = ""


class PlaceEnd(StrEnum):
    """How a place ended."""

    CONNECTED = "connected"
    ABANDONED = "abandoned"
    DIVERTED = "diverted"
    CLOSED = "closed"
    CONTINUED = "continued"
    """The caller went on in another place: that of the number's first callback (C8)."""


class PlacePhase(StrEnum):
    """What an open place is waiting for, as the queue has it."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    """An agent has accepted it, and is being connected or dials the customer."""
    NO_ANSWER = "no_answer"
    """Nobody came: its no-answer action goes on."""
    FALLBACK = "fallback"
    EXPIRED = "expired"
    """The deadline of its callback has passed, or nothing is tried any more."""


class Standing(Mark, frozen=True):
    """How an open place stands in the queue; it goes with the place's end.

    `leg_id` is the leg on which its customer waits, None while nobody is on the line. `is_first`: it comes
    before all others (C7). It is not offered before `held_until_at`; `give_up_at` replaces its deadline.
    """

    phase: PlacePhase = PlacePhase.WAITING
    leg_id: LegId | None = None
    is_first: bool = False
    drops: int = 0
    agent_id: AgentId | None = None
    held_until_at: Instant | None = None
    give_up_at: Instant | None = None


class Place(Piece):
    """One place in one department's queue; `waited_ms` runs from joining to the end."""

    place_id: PlaceId
    department: Whither
    joined_at: Instant
    deadline_at: Instant
    position: int
    passed_from: PlaceId | None = None
    ended_at: Instant | None = None
    end: PlaceEnd | None = None
    reason: str = ""
    action: ActionKind | None = None
    waited_ms: int = 0
    agent: Who | None = None
    position_told: int | None = None
    is_with_callback: bool = False
    refusals: list[Refusal] = []
    standing: Standing | None = None
    """How it stands in the queue; None once it has ended."""


class CallbackEnd(StrEnum):
    """How a callback ended: exactly one of these (C13)."""

    CONNECTED = "connected"
    EXPIRED = "expired"
    UNREACHED = "unreached"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class Step(Mark, frozen=True):
    """One step of a callback's story."""

    at: Instant
    what: str
    agent: Who | None = None
    reason: str = ""


class Callback(Piece):
    """A callback as one story; the instants are the steps of the funnel (H6), None if not reached."""

    callback_id: CallbackId
    place_id: PlaceId
    department: Whither
    number: str
    origin: str
    ordered_at: Instant
    joined_at: Instant
    deadline_at: Instant | None = None
    agent_at: Instant | None = None
    dialled_at: Instant | None = None
    reached_at: Instant | None = None
    attempts: int = 0
    ended_at: Instant | None = None
    end: CallbackEnd | None = None
    reason: str = ""
    was_told: bool = False
    waited_ms: int = 0
    agent: Who | None = None
    story: list[Step] = []
    is_by_other_call: bool = False
    """It ended *connected* by another talk: the customer called in, or had a direct call (C14)."""
    is_ordered: bool = True
    """False: the API asked for it and was refused, so nothing was promised (C10)."""
    message_leg_id: LegId | None = None
    """Where its customer leaves a voice message: on a call that may be another contact's."""
    next_attempt_at: Instant | None = None
    """Not before then the customer is dialled again (C6, C4); None: as soon as it is this place's turn."""
    cancelled_by: Who | None = None
    """The employee who cancelled it (C9); None: the customer, a program, or nobody."""
    asked_ids: list[CallbackId] = []
    """The names of orders by the API that only confirmed this callback (C8)."""


class Talk(Piece):
    """Two legs that hear each other; `agent` is None for an outside number, `until_at` while they talk."""

    from_at: Instant
    leg_id: LegId
    with_leg_id: LegId
    agent: Who | None = None
    department_id: DepartmentId | None = None
    waited_ms: int = 0
    until_at: Instant | None = None


class MessageState(StrEnum):
    """What became of a voice message."""

    RECORDING = "recording"
    TAKEN = "taken"
    STORED = "stored"
    QUARANTINED = "quarantined"
    MISSING = "missing"
    DELETED = "deleted"
    REMOVED = "removed"


class Done(Mark, frozen=True):
    """The first person to do something, and when."""

    by: AgentId
    name: str
    at: Instant


class Note(Mark, frozen=True):
    """What somebody wrote to a voice message, for colleagues."""

    note_id: str
    by: AgentId
    name: str
    at: Instant
    text: str


class VoiceMessage(Piece):
    """A voice message of an employee or of a department, and who took care of it (V5)."""

    voice_message_id: VoiceMessageId
    at: Instant
    agent_id: AgentId | None = None
    department_id: DepartmentId | None = None
    recording_id: RecordingId | None = None
    state: MessageState = MessageState.RECORDING
    reason: str = ""
    mark: str = ""
    taken_at: Instant | None = None
    duration_ms: int = 0
    speech_ms: int = 0
    original_key: MediaKey | None = None
    mp3_key: MediaKey | None = None
    heard: Done | None = None
    claimed: Done | None = None
    called_back: Done | None = None
    deleted: Done | None = None
    notes: list[Note] = []
    warned_at: Instant | None = None
    """When its owner was warned that it will be removed unheard (V6)."""

    def note(self, note_id: str) -> Note | None:
        """A note by its id, or None."""
        return next((each for each in self.notes if each.note_id == note_id), None)


class Letter(Piece):
    """One letter to one recipient about this contact; `state` is due, accepted, deferred or failed.

    A warning that is about several contacts is kept in each of them.
    """

    letter_id: str
    kind: str
    name: str
    email: str
    due_at: Instant
    voice_message_id: VoiceMessageId | None = None
    state: str = "due"
    answer: str = ""
    at: Instant | None = None


class Recording(Piece):
    """A recorded conversation (R1)."""

    recording_id: RecordingId
    at: Instant
    duration_ms: int = 0
    key: MediaKey | None = None
    reason: str = ""


class Leg(Piece):
    """A leg whose end matters to the contact."""

    leg_id: LegId
    ended_at: Instant | None = None
    outcome: LegOutcome | None = None


class Stop(Mark, frozen=True):
    """One stop on a contact's way: an agent or a department, and the rule that led there (D5, D6)."""

    at: Instant
    rule: str
    agent: Who | None = None
    department: Whither | None = None


class Contact(Piece):
    """One customer's story in history."""

    contact_id: ContactId
    organization_id: OrganizationId
    started_at: Instant
    pbx_id: PbxId
    pbx_name: str = ""
    line: str = ""
    number: str | None = None
    direction: Direction = Direction.INCOMING
    caller: Who | None = None
    legs: list[Leg] = []
    stops: list[Stop] = []
    tries: list[Try] = []
    tries_left_out: int = 0
    places: list[Place] = []
    callbacks: list[Callback] = []
    talks: list[Talk] = []
    messages: list[VoiceMessage] = []
    letters: list[Letter] = []
    recordings: list[Recording] = []
    machine_of: Who | None = None
    """The employee whose answering machine took the call."""
    missed_by: Who | None = None
    end_reason: str = ""
    waited_ms: int = 0
    ended_at: Instant | None = None
    number_said: str = ""
    """The caller's number as the network wrote it, where that differs from `number`."""
    continued_in: str = ""
    """The place, callback or leg of another contact in which the caller went on (C8, C14)."""
    is_erased: bool = False

    def leg(self, leg_id: LegId) -> Leg | None:
        """A leg by its id, or None."""
        return next((each for each in self.legs if each.leg_id == leg_id), None)

    def place(self, place_id: PlaceId) -> Place | None:
        """A place by its id, or None."""
        return next((each for each in self.places if each.place_id == place_id), None)

    def callback(self, callback_id: CallbackId) -> Callback | None:
        """A callback by its id, or None."""
        return next((each for each in self.callbacks if each.callback_id == callback_id), None)

    def callback_asked(self, callback_id: CallbackId) -> Callback | None:
        """A callback by its id, or by that of an order which confirmed it (C8)."""
        found = (each for each in self.callbacks if callback_id in (each.callback_id, *each.asked_ids))
        return next(found, None)

    def message(self, voice_message_id: VoiceMessageId) -> VoiceMessage | None:
        """A voice message by its id, or None."""
        return next((each for each in self.messages if each.voice_message_id == voice_message_id), None)

    def find_try(self, try_id: str) -> Try | None:
        """A try by its id, or None; searched from the newest, which is asked for most."""
        return next((each for each in reversed(self.tries) if each.try_id == try_id), None)


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Contact)


def encoded(contact: Contact) -> str:
    """A contact as its document: the same text for the same record."""
    return _ENCODER.encode(contact).decode()


def decoded(document: str) -> Contact:
    """A contact from its document. Raises msgspec.DecodeError."""
    return _DECODER.decode(document)
