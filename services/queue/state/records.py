"""The small records of the queue: cards from the book, places, offers, legs, phones, what agents do."""

from enum import StrEnum

from contracts import directory as book
from contracts.callback import Origin
from contracts.ids import (
    Address,
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    OfferId,
    PbxId,
    PlaceId,
    PlayId,
)
from contracts.queue import DivertReason, OfferLeg, TalkedBefore
from runtime.records import Record

Rank = tuple[int, int, str]
"""How places are ordered: C7 places first, then by joining time, then by id."""


class Organization(Record, frozen=True, array_like=True):
    """The organization's card; there is one."""

    organization_id: str
    saved: book.OrganizationSaved


class Pbx(Record, frozen=True, array_like=True):
    """A phone exchange, and whether it can be reached.

    `is_lost`: its gateway says so. `away_until_at`: a dialling failed; its agents are skipped until then,
    then one is probed (`is_probing`, `probe_offer_id`).
    """

    pbx_id: PbxId
    saved: book.PbxSaved | None = None
    is_lost: bool = False
    away_until_at: Instant | None = None
    is_probing: bool = False
    probe_offer_id: OfferId | None = None


class Department(Record, frozen=True, array_like=True):
    """A department's card."""

    department_id: DepartmentId
    saved: book.DepartmentSaved


class Pace(Record, frozen=True, array_like=True):
    """How long a department's calls take, averaged so that the last ten count most; `calls`: of how many."""

    department_id: DepartmentId
    handling_ms: int
    calls: int = 1


class Agent(Record, frozen=True, array_like=True):
    """An agent's card and working time."""

    agent_id: AgentId
    saved: book.AgentSaved | None = None
    availability: book.AgentAvailabilitySaved | None = None
    pause: book.AgentPauseSaved | None = None
    wrap_up_version: int = 0


class AgentActivity(Record, frozen=True, array_like=True):
    """What an agent is doing. `idle_since_at` 0: never had a call.

    `place_id` and `leg_id` belong to the call being set up or going on; `connected_at` is when it was
    bridged, which makes it a call with wrap-up.
    """

    agent_id: AgentId
    is_at_work: bool = True
    offer_id: OfferId | None = None
    leg_id: LegId | None = None
    place_id: PlaceId | None = None
    department_id: DepartmentId | None = None
    connected_at: Instant | None = None
    wrap_up_until_at: Instant | None = None
    idle_since_at: Instant = Instant(0)
    rests_until_at: Instant | None = None
    """No phone could be reached a moment ago: dialling for the next place at once would be a storm."""
    missed: tuple[PlaceId, ...] = ()
    """Different places missed in a row, the last ones; what auto-pause counts (Q8)."""
    is_auto_paused: bool = False
    direct_leg_id: LegId | None = None
    """On a direct call, which is routing's."""
    customer: str | None = None
    """The number of whom this agent talks to, or is being brought together with (EC-30)."""
    rests_for_us: bool = False
    """The rest is for a machine whose commands come too late, and says nothing of the agent's phones."""
    failures: int = 0
    """How many offers in a row reached none of the agent's phones: each makes the next rest longer."""
    word_until_at: Instant | None = None
    """The leg ended while callback had this agent: until callback has said how the attempt ended, and no
    longer than this, nothing is offered, so that a C7 place goes before everyone."""
    talk_place_id: PlaceId | None = None
    """The place from which the conversation came that goes on."""
    keeps_callback: bool = False
    """The agent has said that the customer's standing callback is needed nevertheless (C14)."""
    direct_caller_leg_id: LegId | None = None
    direct_at: Instant | None = None
    """When the direct call was answered, until one of its two legs has ended."""


class Phone(Record, frozen=True, array_like=True):
    """A registered phone as its PBX sees it; the key is PBX and address."""

    key: str
    is_in_use: bool = False
    is_unreachable: bool = False
    is_ours: bool = False
    """The use began while we rang or held its agent, so its end says nothing of other calls."""


class Phase(StrEnum):
    """Where a place is on its way."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    WITH_CALLBACK = "with_callback"
    EXPIRED = "expired"
    NO_ANSWER = "no_answer"
    FALLBACK = "fallback"


class Place(Record, frozen=True, array_like=True):
    """One customer's place. It ends by being dropped."""

    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    leg_id: LegId | None
    caller: str | None
    line: str
    joined_at: Instant
    deadline_at: Instant
    phase: Phase = Phase.WAITING
    is_internal: bool = False
    is_answered: bool = False
    is_first: bool = False
    is_late: bool = False
    """The deadline has come: what rings may ring on, nothing new is offered."""
    callback_id: CallbackId | None = None
    is_ordering: bool = False
    is_invited: bool = False
    existing_place_id: PlaceId | None = None
    """The place of this number's callback, which the caller was offered to take over (C8)."""
    held_until_at: Instant | None = None
    """Between two attempts of a callback the place is not offered."""
    round: int = 1
    tried: tuple[AgentId, ...] = ()
    declined: tuple[tuple[AgentId, Instant], ...] = ()
    round_order: tuple[AgentId, ...] = ()
    is_step_open: bool = True
    offers: tuple[OfferId, ...] = ()
    offer_count: int = 0
    play_count: int = 0
    play_id: PlayId | None = None
    """The play whose end this place waits for."""
    accepted_offer_id: OfferId | None = None
    agent_id: AgentId | None = None
    agent_leg_id: LegId | None = None
    position_told: int | None = None
    divert_reason: DivertReason | None = None
    hops: int = 0
    is_taken_over: bool = False
    """A callback's place with its customer on the line again: the queue speaks on this leg (C8)."""
    origin: Origin | None = None
    """Where the callback came from for which the place was taken; None for one that a call took (C11)."""
    talked_before: TalkedBefore | None = None
    told_play_id: PlayId | None = None
    """The caller is being told that the conversation will be recorded: the bridge waits for that (R1)."""
    is_told: bool = False
    late_count: int = 0
    late_at: Instant = Instant(0)
    """How many of its offers in a row came too late to the PBX, and when the last one did."""
    ordered_at: Instant | None = None
    """When the callback was ordered that holds the place: talks before are no reason to end it (C14)."""
    is_beyond_limit: bool = False
    """More callers wait than the department wants; this one was told of a callback's place first (C8)."""
    is_joining: bool = False
    """The caller pressed 1 for the place of a callback with which an agent is: callback has the word (C8)."""
    is_held: bool = False
    """`leg_id` was dialled by callback, whose agent had just gone (C7)."""
    drops: int = 0
    """How many agents answered for it and went before the customer was reached (C7)."""
    calm_until_at: Instant | None = None
    """The deadline waited for another call of the customer, and acts no sooner than this (C15)."""

    @property
    def rank(self) -> Rank:
        """Its key in the order of the department."""
        return (0 if self.is_first else 1, self.joined_at, self.place_id)


class Offer(Record, frozen=True, array_like=True):
    """A place presented to an agent. `legs` are the plan; `open_legs` those that may still answer."""

    offer_id: OfferId
    place_id: PlaceId
    department_id: DepartmentId
    agent_id: AgentId
    pbx_id: PbxId
    ring_ms_max: int
    legs: tuple[OfferLeg, ...]
    open_legs: tuple[LegId, ...]
    dialled_legs: tuple[LegId, ...]
    has_rung: bool = False
    was_silent: bool = False
    """A phone rang to its end."""
    key_legs: tuple[LegId, ...] = ()
    """Mobiles that were answered and have not pressed a key yet."""
    is_fallback: bool = False
    failure: str = ""


class LegKind(StrEnum):
    """Whose leg it is."""

    CALLER = "caller"
    AGENT = "agent"
    CUSTOMER = "customer"
    """Dialled by callback: for an attempt, or an apology."""


class Leg(Record, frozen=True, array_like=True):
    """A leg that is up or may be. `offer_id` None on an agent's leg: it is no longer wanted."""

    leg_id: LegId
    kind: LegKind
    pbx_id: PbxId
    place_id: PlaceId | None = None
    offer_id: OfferId | None = None
    agent_id: AgentId | None = None
    peer_leg_id: LegId | None = None
    goodbye_play_id: PlayId | None = None
    is_answered: bool = False
    was_taken: bool = False
    """A caller's leg that has, or had, a place: it is not given another."""
    number: str | None = None
    """The customer's, as callbacks keep theirs; None: withheld, or a colleague's, or an agent's leg."""
    is_apology: bool = False


class Apology(Record, frozen=True, array_like=True):
    """An apology call that callback wants to make: its time has come (`is_due`), it may be dialled."""

    callback_id: CallbackId
    place_id: PlaceId
    number: str | None
    is_due: bool = False
    is_granted: bool = False
    leg_id: LegId | None = None


class Notice(Record, frozen=True, array_like=True):
    """A notice of the organization's own that can be played: keys and gaps for values."""

    notice_id: str
    version: int
    parts: tuple[str, ...]


def phone_key(pbx_id: PbxId, address: Address) -> str:
    """The key of a registered phone."""
    return f"{pbx_id}|{address}"
