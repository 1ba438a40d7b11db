"""The queue's records: cards of the directory, places, offers, legs, phones, what agents are doing."""

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
"""How places are ordered: those that C7 puts first, then by joining time, then by id."""


class Organization(Record, frozen=True, array_like=True):
    """The card of the organization; the table has one row."""

    organization_id: str
    saved: book.OrganizationSaved


class Pbx(Record, frozen=True, array_like=True):
    """A PBX's card, and whether the PBX can be reached.

    `is_lost`: its gateway can't reach it. `away_until_at`: another PBX failed to dial through to it; its
    agents are skipped until then, and then one of them is rung as a probe (`is_probing`, `probe_offer_id`).
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
    """How long a department's calls take, averaged over about the last ten; `calls` is how many count."""

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
    """What an agent is doing. `idle_since_at` 0: the agent never had a call.

    `place_id` and `leg_id` belong to the current call. Wrap-up follows only a call that was bridged
    (`connected_at`).
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
    """No phone could be reached a moment ago: dialling again at once would repeat for every place."""
    missed: tuple[PlaceId, ...] = ()
    """The last different places missed in a row, which auto-pause counts (Q8)."""
    is_auto_paused: bool = False
    direct_leg_id: LegId | None = None
    """The agent's leg of a direct call, which routing owns."""
    customer: str | None = None
    """The number of the customer to whom the agent talks or is being connected (EC-30)."""
    rests_for_us: bool = False
    """The agent rests because commands reach the gateway too late, not because of the agent's phones."""
    failures: int = 0
    """How many offers in a row reached none of the agent's phones; each doubles the next rest."""
    word_until_at: Instant | None = None
    """The agent's leg ended during an attempt: nothing is offered until callback says how the attempt ended,
    at most until then, so that a place that C7 puts first gets this agent."""
    talk_place_id: PlaceId | None = None
    """The place from which the current conversation came."""
    keeps_callback: bool = False
    """The agent wants the customer's callback to stand although they are talking (C14)."""
    direct_caller_leg_id: LegId | None = None
    direct_at: Instant | None = None
    """When the direct call was answered; None again when one of its two legs has ended."""


class Phone(Record, frozen=True, array_like=True):
    """A registered phone as its PBX reports it; the key is made of PBX and address."""

    key: str
    is_in_use: bool = False
    is_unreachable: bool = False
    is_ours: bool = False
    """The phone came into use by a call of ours, so the end of that use says nothing of other calls."""


class Phase(StrEnum):
    """What a place is waiting for."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    WITH_CALLBACK = "with_callback"
    EXPIRED = "expired"
    NO_ANSWER = "no_answer"
    FALLBACK = "fallback"


class Place(Record, frozen=True, array_like=True):
    """One customer's place; a place that ends is dropped."""

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
    """The deadline has come: phones that ring may ring on, nothing new is offered."""
    callback_id: CallbackId | None = None
    is_ordering: bool = False
    is_invited: bool = False
    existing_place_id: PlaceId | None = None
    """The place of this number's callback, which the caller is invited to take over (C8)."""
    held_until_at: Instant | None = None
    """The place is not offered before this: a gap between two attempts, or quiet hours."""
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
    """The customer of this callback is on the line again, and the queue speaks on the leg (C8)."""
    origin: Origin | None = None
    """How the callback was ordered for which the place was taken; None: a call took the place (C11)."""
    talked_before: TalkedBefore | None = None
    told_play_id: PlayId | None = None
    """The play that tells the caller of the recording; the bridge waits for its end (R1)."""
    is_told: bool = False
    late_count: int = 0
    late_at: Instant = Instant(0)
    """`late_count`: how many offers in a row came too late to the PBX; `late_at`: when the last one did."""
    ordered_at: Instant | None = None
    """When the callback was ordered: earlier conversations do not end it (C14)."""
    is_beyond_limit: bool = False
    """The queue is full, but this caller may first take the place of a standing callback (C8)."""
    is_joining: bool = False
    """The caller pressed 1 for the place of a callback that has an agent; callback decides (C8)."""
    is_held: bool = False
    """`leg_id` is the leg of a customer whom callback dialled and whose agent had just gone (C7)."""
    drops: int = 0
    """How many agents answered and left before the customer was reached (C7)."""
    calm_until_at: Instant | None = None
    """The deadline waited for another call of the customer, and does not act before this (C15)."""

    @property
    def rank(self) -> Rank:
        """The place's key in the order of its department."""
        return (0 if self.is_first else 1, self.joined_at, self.place_id)

    @property
    def is_erased(self) -> bool:
        """Whether the customer of this callback was erased, and is not on the line (V6).

        Callback ends it in a moment. Without a number nothing else stands against an offer: neither policy
        nor another call of the customer.
        """
        return self.callback_id is not None and self.leg_id is None and self.caller is None


class Offer(Record, frozen=True, array_like=True):
    """A place presented to an agent. `legs` is the plan; `open_legs` are those that may still be answered."""

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
    """A phone rang for its whole time without an answer."""
    key_legs: tuple[LegId, ...] = ()
    """Mobiles that were answered and from which a key is awaited."""
    is_fallback: bool = False
    failure: str = ""


class LegKind(StrEnum):
    """Whose leg it is."""

    CALLER = "caller"
    AGENT = "agent"
    CUSTOMER = "customer"
    """Dialled by callback, for an attempt or an apology."""


class Leg(Record, frozen=True, array_like=True):
    """A leg, from dialling or arrival to its end. An agent's leg without `offer_id` is of no open offer."""

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
    """A caller's leg that has or had a place; it is given no other."""
    number: str | None = None
    """The customer's number in the form of callbacks; None: withheld, a colleague's, or an agent's leg."""
    is_apology: bool = False


class Apology(Record, frozen=True, array_like=True):
    """An apology call that callback wants to make. `is_due`: its time has come; `is_granted`: it may dial."""

    callback_id: CallbackId
    place_id: PlaceId
    number: str | None
    is_due: bool = False
    is_granted: bool = False
    leg_id: LegId | None = None


class Notice(Record, frozen=True, array_like=True):
    """A notice of the organization that can be played. `parts` are keys, with placeholders for values."""

    notice_id: str
    version: int
    parts: tuple[str, ...]


def phone_key(pbx_id: PbxId, address: Address) -> str:
    """The key of a registered phone."""
    return f"{pbx_id}|{address}"
