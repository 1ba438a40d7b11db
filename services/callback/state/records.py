"""The records of callback's state, as the store has them."""

from enum import StrEnum
from typing import Final

import msgspec

from contracts.callback import Origin
from contracts.dialling import DiallingPolicy
from contracts.directory import CallbackSettings, Language, NoticeChoice
from contracts.ids import (
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    NoticeId,
    PbxId,
    PlaceId,
    PlayId,
    RecordingId,
)
from runtime.records import Record

ORGANIZATION: Final = "organization"
"""The key of the organization's own record, and of its count of orders."""


class Organization(Record, frozen=True, array_like=True):
    """The numbers that this organization's PBXs may dial."""

    key: str
    version: int
    policy: DiallingPolicy


class Pbx(Record, frozen=True, array_like=True):
    """A PBX's public numbers, and whether its gateway has lost it."""

    pbx_id: PbxId
    version: int = 0
    numbers: tuple[str, ...] = ()
    is_away: bool = False
    apologies_at_once_max: int = 5


class Department(Record, frozen=True, array_like=True):
    """Those of a department's settings that concern its callbacks."""

    department_id: DepartmentId
    version: int
    pbx_id: PbxId
    lines: tuple[str, ...]
    language: Language
    settings: CallbackSettings
    order_taken: NoticeChoice
    apology: NoticeChoice
    timezone: str = "Europe/Moscow"
    no_answer_ms: int = 600_000
    records_calls: bool = False


class Notice(Record, frozen=True, array_like=True):
    """A notice of the organization's own that can be played."""

    notice_id: NoticeId
    version: int
    language: Language
    parts: tuple[str, ...]


class OrderPhase(StrEnum):
    """Where the conversation about an order is."""

    REQUESTED = "requested"
    TYPING = "typing"
    CONFIRMING = "confirming"
    READ_BACK = "read_back"
    CLOSING = "closing"


class Order(Record, frozen=True, array_like=True):
    """A conversation about an order on the caller's leg, until the leg ends or is queue's again.

    `callback_id` is set once the order stands. `is_accepted`: an agent takes the place on this very leg,
    which is queue's from then on. `is_unheard`: the order could not be read back, since the leg was gone.
    """

    leg_id: LegId
    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    caller: str | None
    line: str
    joined_at: Instant
    deadline_at: Instant
    phase: OrderPhase = OrderPhase.REQUESTED
    callback_id: CallbackId | None = None
    number: str = ""
    tries_left: int = 0
    changes: int = 0
    plays: int = 0
    play_id: PlayId | None = None
    is_accepted: bool = False
    is_unheard: bool = False


class Phase(StrEnum):
    """Where a callback is."""

    WAITING = "waiting"
    WHISPERING = "whispering"
    DIALLING = "dialling"
    EXPECTING = "expecting"
    """The customer is on the line in another call, and may press 1."""
    CONFIRMING = "confirming"
    """Somebody has picked up, and is asked for a key (C16)."""
    BRIDGING = "bridging"
    TALKING = "talking"
    """Bridged: until the talk ends, or has lasted a minute, the agent can say that nobody was reached."""
    HELD = "held"
    APOLOGY_DUE = "apology_due"
    APOLOGY_DIALLED = "apology_dialled"
    APOLOGY_MADE = "apology_made"
    RECORDING = "recording"


WITH_AGENT: Final = frozenset(
    {
        Phase.WHISPERING,
        Phase.DIALLING,
        Phase.EXPECTING,
        Phase.CONFIRMING,
        Phase.BRIDGING,
        Phase.TALKING,
    }
)
"""Phases in which an agent's leg is callback's: the agent is told and freed when the attempt ends."""
PROMISED: Final = WITH_AGENT - {Phase.TALKING} | {Phase.WAITING, Phase.HELD}
"""Phases in which ordering again confirms this callback; later only an apology is due."""


class Dial(msgspec.Struct, frozen=True, array_like=True):
    """A leg of the customer; `is_requested` once the gateway has said that it dials the leg."""

    leg_id: LegId
    is_requested: bool = False
    is_over: bool = False


class OtherTalk(msgspec.Struct, frozen=True, array_like=True):
    """A talk of the customer with the department by another call, long enough to end the callback (C14)."""

    agent_id: AgentId
    agent_leg_id: LegId
    leg_id: LegId
    bridged_at: Instant


class StoryLine(msgspec.Struct, frozen=True, array_like=True):
    """One step of a callback's story."""

    at: Instant
    what: str
    agent_id: AgentId | None = None
    leg_id: LegId | None = None
    reason: str = ""


class Callback(Record, frozen=True, array_like=True):
    """A promised call.

    `attempts` counts dialled attempts, `refusals` dials that the gateway refused, `tries` apology calls;
    `dials` numbers the legs. `customer` is the leg that is dialled or talked to, `cancelled` a leg whose
    agent went before it was answered. Settings are those of the time of the order.
    `is_apology_ready`: queue has granted the apology, which waits for a line.
    """

    callback_id: CallbackId
    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    number: str
    caller_id: str
    joined_at: Instant
    deadline_at: Instant
    ordered_at: Instant
    attempts_max: int
    gap_ms: int
    ring_ms: int
    phase: Phase = Phase.WAITING
    attempts: int = 0
    refusals: int = 0
    tries: int = 0
    dials: int = 0
    order_leg_id: LegId | None = None
    agent_id: AgentId | None = None
    agent_leg_id: LegId | None = None
    customer: Dial | None = None
    cancelled: Dial | None = None
    is_whispered: bool = False
    is_apology_ready: bool = False
    ask: int = 0
    plays: int = 0
    play_id: PlayId | None = None
    story: tuple[StoryLine, ...] = ()
    story_left_out: int = 0
    cancel_asked: str = ""
    """Why it was withdrawn while the two were being bridged: if that fails, no attempt follows (C9)."""
    origin: Origin = Origin.QUEUE
    is_told: bool = False
    """The customer has heard that the talk will be recorded (R1)."""
    live_leg_id: LegId | None = None
    """The leg on which the customer has called in while an agent is here (C15)."""
    is_joined: bool = False
    """The customer's leg is the customer's own call: its end counts as no attempt (C8)."""
    bridged_at: Instant | None = None
    recording_id: RecordingId | None = None
    talk: OtherTalk | None = None
    """The customer has talked with the department while an attempt runs: no call follows it (C14)."""
    live_bridged_at: Instant | None = None
    """Since when somebody talks to the customer on `live_leg_id`."""
    word_until_at: Instant | None = None
    """Nobody dials before this: queue may say that the talk on that leg has ended the callback."""
    live_department_id: DepartmentId | None = None
    """Whose customer `live_leg_id` is, and after its end whose talk that was."""
    other_live_legs: tuple[LegId, ...] = ()
    """The customer's other calls, if there are several: nobody dials before the last has ended (C15)."""

    def word_in_ms(self, now: Instant) -> int | None:
        """How long nobody dials yet, since queue may have a word to say; None: that is over."""
        return None if self.word_until_at is None or self.word_until_at <= now else self.word_until_at - now

    @property
    def was_dialled(self) -> bool:
        """Whether an attempt has ever dialled the customer: then no apology call follows (C4)."""
        return self.attempts > 0

    @property
    def has_attempts_left(self) -> bool:
        """Whether another attempt may be started."""
        return self.attempts < self.attempts_max

    @property
    def cancelling(self) -> Dial | None:
        """The customer's leg that was cancelled and has not ended yet."""
        return self.cancelled if self.cancelled is not None and not self.cancelled.is_over else None

    @property
    def customer_leg_id(self) -> LegId | None:
        """The customer's leg that counts now."""
        return None if self.customer is None else self.customer.leg_id

    def legs(self) -> tuple[LegId, ...]:
        """Its own legs, to which something may still happen: no other callback has any of them."""
        found = (
            self.order_leg_id,
            self.agent_leg_id,
            self.customer_leg_id,
            None if self.cancelled is None else self.cancelled.leg_id,
        )
        return tuple(leg_id for leg_id in found if leg_id is not None)

    def calls_in(self) -> tuple[LegId, ...]:
        """The customer's other legs, whose end is waited for. One may be another callback's apology."""
        counted = () if self.live_leg_id is None else (self.live_leg_id,)
        return (*counted, *self.other_live_legs)


class Pair(Record, frozen=True, array_like=True):
    """A customer and an agent whom callback bridged: when one goes, the other is hung up."""

    leg_id: LegId
    agent_leg_id: LegId
    pbx_id: PbxId
    ended_leg_id: LegId | None = None


class Farewell(Record, frozen=True, array_like=True):
    """An agent's leg that is told why the attempt ended before it is hung up."""

    leg_id: LegId
    pbx_id: PbxId
    play_id: PlayId


class ApologyLine(Record, frozen=True, array_like=True):
    """One of a PBX's lines for apology calls, taken until that leg has ended."""

    leg_id: LegId
    pbx_id: PbxId


class WebOrder(Record, frozen=True, array_like=True):
    """An order that was not made in a call, and was answered: the same id within an hour is a repetition."""

    callback_id: CallbackId
    asked_at: Instant


class OrderCount(Record, frozen=True, array_like=True):
    """When orders were taken: for one number, one department, or all; only as far back as limits look."""

    key: str
    taken_at: tuple[Instant, ...]
    day: int = 0
    """The day (UTC, since 1970) that `of_day` counts; only where all orders are counted."""
    of_day: int = 0
