"""What the queue says: places, offers, agents. It alone decides about these."""

from enum import StrEnum

from contracts import erasure
from contracts.callback import Origin
from contracts.directory import ActionKind
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
    RecordingId,
)
from contracts.message import Fact, Part


class SkipReason(StrEnum):
    """Why an agent was not offered a place at a decision (Q2, H7)."""

    SUSPENDED = "suspended"
    OUT_OF_HOURS = "out_of_hours"
    ABSENT = "absent"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"
    PBX_AWAY = "pbx_away"
    ON_CALL = "on_call"
    HOLDS_OFFER = "holds_offer"
    WRAP_UP = "wrap_up"
    DECLINED_THIS_PLACE = "declined_this_place"
    TRIED_THIS_ROUND = "tried_this_round"
    NOT_THEIR_TURN = "not_their_turn"
    NOT_ALLOWED_TO_DIAL = "not_allowed_to_dial"
    EARLIER_PLACE = "earlier_place"
    LIMIT_OF_LEGS = "limit_of_legs"
    TOO_LATE = "too_late"
    """Our commands came too late to the PBX, again and again: a pause before the next."""
    CALLBACK_PENDING = "callback_pending"
    """Freed from a callback's place before callback has said how the attempt ended (C7)."""


class Skip(Part, frozen=True, kw_only=True):
    """One agent and why."""

    agent_id: AgentId
    reason: SkipReason


class PlaceTaken(Fact, tag="queue.place_taken", frozen=True, kw_only=True):
    """A customer has a place: `joined_at` ranks it, `deadline_at` bounds it, both fixed now (Q3, Q5).

    With `callback_id` it is held from the first moment by a callback that was not ordered in a call (C11).
    `is_answered`: somebody has spoken to the caller already, who needs no more than music and a welcome.
    """

    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    leg_id: LegId | None
    caller: str | None
    line: str
    joined_at: Instant
    deadline_at: Instant
    position: int
    passed_from: PlaceId | None = None
    is_internal: bool = False
    callback_id: CallbackId | None = None
    origin: Origin | None = None
    is_answered: bool = False


class AnnouncementKind(StrEnum):
    """What the queue plays to a waiting caller."""

    WELCOME = "welcome"
    POSITION = "position"
    INVITATION = "invitation"
    NO_ANSWER = "no_answer"
    CALLBACK_EXISTS = "callback_exists"


class AnnouncementMade(Fact, tag="queue.announcement_made", frozen=True, kw_only=True):
    """A waiting caller is told something; `position` never rises from one to the next (Q4)."""

    place_id: PlaceId
    kind: AnnouncementKind
    play_id: PlayId
    position: int | None = None
    wait_estimate_ms: int | None = None


class CallbackRequested(Fact, tag="queue.callback_requested", frozen=True, kw_only=True):
    """A waiting caller pressed 1 at the invitation; callback now speaks on this leg, until it says
    `callback.ordered`, `.confirmed`, `.refused` or `.order_abandoned` for the place (C1)."""

    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    leg_id: LegId
    caller: str | None
    line: str
    joined_at: Instant
    deadline_at: Instant


class CallbackTakenOver(Fact, tag="queue.callback_taken_over", frozen=True, kw_only=True):
    """A caller whose number has a callback pressed 1 to take that place on this line (C8).

    The place `place_id` of the callback gets the leg, the earlier of both joining times and the later of both
    deadlines; `new_place_id` ends; hanging up turns the caller back into a callback.
    """

    place_id: PlaceId
    new_place_id: PlaceId
    callback_id: CallbackId
    leg_id: LegId
    joined_at: Instant | None = None
    deadline_at: Instant | None = None


class CallbackJoined(Fact, tag="queue.callback_joined", frozen=True, kw_only=True):
    """A caller pressed 1 for the place of a callback with which an agent is just now (C8).

    Callback answers `callback.customer_joined`, and the agent is bridged to this leg, or
    `callback.join_refused`. Until then `new_place_id` is not offered.
    """

    place_id: PlaceId
    new_place_id: PlaceId
    callback_id: CallbackId
    leg_id: LegId


class CustomerOnLine(Fact, tag="queue.customer_on_line", frozen=True, kw_only=True):
    """Nobody dials this callback's customer now (C15): while its attempt runs, or its apology may be dialled,
    the customer calls in (`leg_id`), or an agent takes another place of the customer (None)."""

    place_id: PlaceId
    callback_id: CallbackId
    leg_id: LegId | None = None


class ApologyGranted(Fact, tag="queue.apology_granted", frozen=True, kw_only=True):
    """No leg of the customer is up and no attempt runs: callback may dial for the apology (C4, C15).

    It holds until the apology ends, or `queue.customer_on_line` takes it back.
    """

    place_id: PlaceId
    callback_id: CallbackId


class CustomerTalked(Fact, tag="queue.customer_talked", frozen=True, kw_only=True):
    """The customer of a standing callback has talked with its department by another call, long enough: the
    callback is not needed any more (C14). `talk_place_id` None: it was a direct call."""

    place_id: PlaceId
    callback_id: CallbackId
    agent_id: AgentId
    agent_leg_id: LegId
    leg_id: LegId
    bridged_at: Instant
    talk_place_id: PlaceId | None = None


class OfferLeg(Part, frozen=True, kw_only=True):
    """A phone of the offered agent; rung at `dial_at`, answered by a key where `needs_key`."""

    leg_id: LegId
    address: Address
    dial_at: Instant
    needs_key: bool = False


class TalkedBefore(Part, frozen=True, kw_only=True):
    """The customer has talked to another department meanwhile: which, and when they were bridged (EC-30)."""

    department_id: DepartmentId
    at: Instant


class OfferMade(Fact, tag="queue.offer_made", frozen=True, kw_only=True):
    """A place is presented to an agent, whose phones start to ring; who was skipped, and why, is kept."""

    offer_id: OfferId
    place_id: PlaceId
    department_id: DepartmentId
    agent_id: AgentId
    round: int
    ring_ms_max: int
    legs: tuple[OfferLeg, ...]
    skipped: tuple[Skip, ...] = ()
    talked_before: TalkedBefore | None = None


class OfferLegDialled(Fact, tag="queue.offer_leg_dialled", frozen=True, kw_only=True):
    """A phone that rings later than the first is dialled now (E4)."""

    offer_id: OfferId
    leg_id: LegId


class KeyWanted(Fact, tag="queue.key_wanted", frozen=True, kw_only=True):
    """A mobile was answered: its person must press a key within 8 s, the others ring on (E4)."""

    offer_id: OfferId
    leg_id: LegId
    until_at: Instant


class OfferAccepted(Fact, tag="queue.offer_accepted", frozen=True, kw_only=True):
    """An agent took the place; all other offers of it are withdrawn."""

    offer_id: OfferId
    place_id: PlaceId
    agent_id: AgentId
    leg_id: LegId


class OfferFact(Fact, frozen=True, kw_only=True):
    """An offer that ended without being accepted."""

    offer_id: OfferId
    place_id: PlaceId
    agent_id: AgentId


class OfferDeclined(OfferFact, tag="queue.offer_declined", frozen=True, kw_only=True):
    """The agent pressed reject (Q8)."""


class OfferMissed(OfferFact, tag="queue.offer_missed", frozen=True, kw_only=True):
    """The agent's phones rang to the end."""


class OfferUnreachable(OfferFact, tag="queue.offer_unreachable", frozen=True, kw_only=True):
    """No phone of the agent rang, or all were busy: not a miss."""

    reason: str


class OfferWithdrawn(OfferFact, tag="queue.offer_withdrawn", frozen=True, kw_only=True):
    """The offer ended for a reason that is not the agent's; counts as nothing."""

    reason: str


class OfferReopened(Fact, tag="queue.offer_reopened", frozen=True, kw_only=True):
    """Who had accepted dropped before the bridge: the place is offered to others again (Q9)."""

    place_id: PlaceId
    agent_id: AgentId


class AgentReady(Fact, tag="queue.agent_ready", frozen=True, kw_only=True):
    """An agent has accepted a callback's place and no customer's leg is up: callback dials now (C3).

    From here to `callback.connected`, `.attempt_failed` or `.agent_lost` the agent is callback's.
    """

    place_id: PlaceId
    callback_id: CallbackId
    agent_id: AgentId
    agent_name: str
    leg_id: LegId
    pbx_id: PbxId
    offer_id: OfferId
    waited_ms: int
    talked_before: TalkedBefore | None = None


class PlaceConnected(Fact, tag="queue.place_connected", frozen=True, kw_only=True):
    """A caller on the line and an agent were bridged: the place ends, the wait was this long.

    `recording_id` is there when the conversation is recorded, of which the caller was told before (R1).
    """

    place_id: PlaceId
    agent_id: AgentId
    leg_id: LegId
    agent_leg_id: LegId
    waited_ms: int
    callback_id: CallbackId | None = None
    recording_id: RecordingId | None = None


class PlaceAbandoned(Fact, tag="queue.place_abandoned", frozen=True, kw_only=True):
    """A caller hung up while waiting; a callback's place is never abandoned."""

    place_id: PlaceId
    waited_ms: int
    department_id: DepartmentId | None = None
    pbx_id: PbxId | None = None
    caller: str | None = None
    line: str = ""
    is_internal: bool = False
    joined_at: Instant | None = None
    """Whose number was erased after this instant is not called back (V6)."""


class DivertReason(StrEnum):
    """Why a no-answer action was taken."""

    DEADLINE = "deadline"
    NOBODY_CAN_COME = "nobody_can_come"
    QUEUE_FULL = "queue_full"
    FALLBACK_UNANSWERED = "fallback_unanswered"


class PlaceDiverted(Fact, tag="queue.place_diverted", frozen=True, kw_only=True):
    """The no-answer action of a place is done and the place ends here: missed by the department.

    With `voicemail` the voicemail service takes `leg_id` over; with `other_department` a `place_taken`
    that was passed from this place follows. A fallback employee who answers is no diversion: after
    `queue.fallback_rung` the place ends with `queue.place_connected`.
    """

    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    leg_id: LegId | None
    caller: str | None
    line: str
    joined_at: Instant
    action: ActionKind
    reason: DivertReason
    waited_ms: int
    agent_id: AgentId | None = None
    to_department_id: DepartmentId | None = None


class FallbackRung(Fact, tag="queue.fallback_rung", frozen=True, kw_only=True):
    """At the deadline the fallback employee's phones are rung for 30 s (Q5)."""

    place_id: PlaceId
    offer_id: OfferId
    agent_id: AgentId
    legs: tuple[OfferLeg, ...]
    ring_ms_max: int
    reason: DivertReason


class NoAnswerReached(Fact, tag="queue.no_answer_reached", frozen=True, kw_only=True):
    """A live place's time is over, or nobody can come: its notice plays, then the action follows."""

    place_id: PlaceId
    reason: DivertReason
    play_id: PlayId | None


class DeadlinePassed(Fact, tag="queue.deadline_passed", frozen=True, kw_only=True):
    """A callback's place got no agent in time (nothing rings any more): callback decides (C4, C6).

    The place is not offered again unless callback says `attempt_failed` with a later `give_up_at`.
    Said also when nobody came for a held customer (C7). `reason` is there when the deadline waited too long
    for another call of the customer: no apology follows (C15).
    """

    place_id: PlaceId
    callback_id: CallbackId
    deadline_at: Instant
    reason: str = ""


class PlaceClosed(Fact, tag="queue.place_closed", frozen=True, kw_only=True):
    """A callback's place ended with its callback."""

    place_id: PlaceId
    callback_id: CallbackId
    outcome: str


class AgentBusy(Fact, tag="queue.agent_busy", frozen=True, kw_only=True):
    """An agent is on a call for a department, until `agent_freed`; a lease bounds it (G3, EC-108)."""

    agent_id: AgentId
    leg_id: LegId
    lease_until_at: Instant


class AgentFreed(Fact, tag="queue.agent_freed", frozen=True, kw_only=True):
    """An agent can take calls again, after wrap-up if there is any; `cause` says why."""

    agent_id: AgentId
    cause: str
    idle_since_at: Instant


class WrapUpStarted(Fact, tag="queue.wrap_up_started", frozen=True, kw_only=True):
    """After a bridged department call the agent has this long for notes (Q13)."""

    agent_id: AgentId
    until_at: Instant


class AgentPaused(Fact, tag="queue.agent_paused", frozen=True, kw_only=True):
    """An agent has missed this many customers in a row and is paused until `agent_resumed`, or until the
    agent or the head resumes (Q8)."""

    agent_id: AgentId
    department_id: DepartmentId
    misses: int


class AgentResumed(Fact, tag="queue.agent_resumed", frozen=True, kw_only=True):
    """A pause, whoever began it, ends because the agent made or answered a call (Q8)."""

    agent_id: AgentId
    cause: str


class PbxAway(Fact, tag="queue.pbx_away", frozen=True, kw_only=True):
    """A PBX could not be reached: its agents are skipped until `probe_at`, then probed (O9)."""

    pbx_id: PbxId
    probe_at: Instant
    reason: str


class PbxBack(Fact, tag="queue.pbx_back", frozen=True, kw_only=True):
    """A PBX that was away answered."""

    pbx_id: PbxId


class NumberErased(erasure.NumberErased, tag="queue.number_erased", frozen=True, kw_only=True):
    """What queue has erased of a customer, and what stays."""
