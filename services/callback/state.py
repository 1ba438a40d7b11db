"""What callback remembers of one organization: callbacks, conversations about orders, counts of orders.

A callback lives here from its order to its one end. Some things outlive it for a moment and have records
of their own: a leg to be hung up, a bridged pair, a line for apologies that is not free yet.
"""

from enum import StrEnum
from typing import Final

import msgspec
from sortedcontainers import SortedDict, SortedList

from contracts.callback import Origin
from contracts.dialling import DiallingPolicy, canonical
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
from runtime.erased_numbers import ErasedNumber
from runtime.records import Earliest, Record, State

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
        """The legs that something may still happen to."""
        found = (
            self.order_leg_id,
            self.agent_leg_id,
            self.customer_leg_id,
            None if self.cancelled is None else self.cancelled.leg_id,
            self.live_leg_id,
            *self.other_live_legs,
        )
        return tuple(leg_id for leg_id in found if leg_id is not None)


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


NUMBER_PREFIX: Final = "number/"


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure has found, for the decision of the same step; never stored."""

    cause: str
    order_legs: tuple[LegId, ...]
    callbacks: tuple[CallbackId, ...]
    counts: int


class CallbackState(State):
    """One organization's callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.barred_in_step = (self.cause, 0)
        """The cause of a step, and how many callbacks that step has barred; never stored."""
        self.ended_call_of: CallbackId | None = None
        """The callback whose customer's own call the fact at hand ended; for this step only, never stored."""
        self.erasing: Erasure | None = None
        self.organizations = self.table("organizations", Organization)
        self.pbxs = self.table("pbxs", Pbx)
        self.departments = self.table("departments", Department)
        self.notices = self.table("notices", Notice)
        self.order_of_place: dict[PlaceId, LegId] = {}
        self.orders = self.table("orders", Order, self._track_order)
        self._of_place: dict[PlaceId, CallbackId] = {}
        self._of_leg: dict[LegId, CallbackId] = {}
        self._of_agent: dict[AgentId, CallbackId] = {}
        self._of_number: dict[tuple[DepartmentId, str], tuple[CallbackId, ...]] = {}
        self.apologies_ready: dict[PbxId, SortedList[tuple[int, Instant, CallbackId]]] = {}
        """Apologies to be dialled: first calls before second tries, the earliest deadline first (C4)."""
        self.waiting = Earliest[Callback](
            "deadline_at", lambda each: each.phase is Phase.WAITING and not each.was_dialled
        )
        self.apologies_due = Earliest[Callback]("deadline_at", lambda each: each.phase is Phase.APOLOGY_DUE)
        self.callbacks = self.table("callbacks", Callback, self._track_callback)
        self.pair_of_agent: dict[LegId, LegId] = {}
        self.pairs = self.table("pairs", Pair, self._track_pair)
        self.farewells = self.table("farewells", Farewell)
        self.lines_taken: dict[PbxId, int] = {}
        self.lines = self.table("lines", ApologyLine, self._track_line)
        self.numbers_by_age: SortedDict[tuple[Instant, str], None] = SortedDict()
        self.web_orders_by_age: SortedDict[tuple[Instant, CallbackId], None] = SortedDict()
        self.web_orders = self.table("asked", WebOrder, self._track_web_order)
        self.counts = self.table("counts", OrderCount, self._track_count)
        self.erased_numbers = self.table("erased_numbers", ErasedNumber)

    def _track_order(self, old: Order | None, new: Order | None) -> None:
        if old is not None and self.order_of_place.get(old.place_id) == old.leg_id:
            del self.order_of_place[old.place_id]
        if new is not None:
            self.order_of_place[new.place_id] = new.leg_id

    def _track_callback(self, old: Callback | None, new: Callback | None) -> None:
        self.waiting.track(old, new)
        self.apologies_due.track(old, new)
        if old is not None:
            self._forget(old)
        if new is None:
            return
        self._of_place[new.place_id] = new.callback_id
        for leg_id in new.legs():
            self._of_leg[leg_id] = new.callback_id
        if new.agent_id is not None and new.phase in WITH_AGENT:
            self._of_agent[new.agent_id] = new.callback_id
        place = (new.department_id, new.number)
        self._of_number[place] = (*self._of_number.get(place, ()), new.callback_id)
        if new.phase is Phase.APOLOGY_DUE and new.is_apology_ready:
            ready = self.apologies_ready.setdefault(new.pbx_id, SortedList())
            ready.add((new.tries, new.deadline_at, new.callback_id))

    def _forget(self, old: Callback) -> None:
        self._of_place.pop(old.place_id, None)
        for leg_id in old.legs():
            self._of_leg.pop(leg_id, None)
        if old.agent_id is not None and self._of_agent.get(old.agent_id) == old.callback_id:
            del self._of_agent[old.agent_id]
        place = (old.department_id, old.number)
        left = tuple(each for each in self._of_number[place] if each != old.callback_id)
        if left:
            self._of_number[place] = left
        else:
            del self._of_number[place]
        if old.phase is Phase.APOLOGY_DUE and old.is_apology_ready:
            ready = self.apologies_ready[old.pbx_id]
            ready.remove((old.tries, old.deadline_at, old.callback_id))
            if not ready:
                del self.apologies_ready[old.pbx_id]

    def _track_pair(self, old: Pair | None, new: Pair | None) -> None:
        if old is not None:
            self.pair_of_agent.pop(old.agent_leg_id, None)
        if new is not None:
            self.pair_of_agent[new.agent_leg_id] = new.leg_id

    def _track_line(self, old: ApologyLine | None, new: ApologyLine | None) -> None:
        for line, by in ((old, -1), (new, 1)):
            if line is not None:
                self.lines_taken[line.pbx_id] = self.lines_taken.get(line.pbx_id, 0) + by

    def _track_web_order(self, old: WebOrder | None, new: WebOrder | None) -> None:
        if old is not None:
            self.web_orders_by_age.pop((old.asked_at, old.callback_id), None)
        if new is not None:
            self.web_orders_by_age[(new.asked_at, new.callback_id)] = None

    def _track_count(self, old: OrderCount | None, new: OrderCount | None) -> None:
        if old is not None and old.key.startswith(NUMBER_PREFIX):
            self.numbers_by_age.pop((old.taken_at[-1], old.key), None)
        if new is not None and new.key.startswith(NUMBER_PREFIX):
            self.numbers_by_age[(new.taken_at[-1], new.key)] = None

    def wait(self, callback: Callback, due_ms: int | None) -> None:
        """Set a callback's one timer, or drop it. In `apply` only."""
        self.drop_timer("bridge", callback.callback_id)
        if due_ms is None:
            self.drop_timer("callback", callback.callback_id)
        else:
            self.set_timer("callback", callback.callback_id, Instant(self.now_at + due_ms))

    def close_order(self, leg_id: LegId | None) -> None:
        """End a conversation about an order, or leave its leg to queue. In `apply` only."""
        if leg_id is not None:
            self.orders.drop(leg_id)
            self.drop_timer("order", leg_id)

    def pbx(self, pbx_id: PbxId) -> Pbx:
        """A PBX, with the usual settings as long as none were saved."""
        return self.pbxs.get(pbx_id) or Pbx(pbx_id)

    def callback_on(self, leg_id: LegId | None) -> Callback | None:
        """The callback that this leg belongs to, in whatever role."""
        found = None if leg_id is None else self._of_leg.get(leg_id)
        return None if found is None else self.callbacks.get(found)

    def callback_with(self, agent_id: AgentId) -> Callback | None:
        """The callback whose attempt this agent is in."""
        found = self._of_agent.get(agent_id)
        return None if found is None else self.callbacks.get(found)

    def callback_of(self, place_id: PlaceId) -> Callback | None:
        """The callback that holds this place, if it has one."""
        found = self._of_place.get(place_id)
        return None if found is None else self.callbacks.get(found)

    def callbacks_to(self, department_id: DepartmentId, number: str) -> tuple[Callback, ...]:
        """The callbacks of a department to a number, oldest first; rarely more than one."""
        return tuple(self.callbacks[each] for each in self._of_number.get((department_id, number), ()))

    def pair_with(self, leg_id: LegId) -> Pair | None:
        """The bridged pair that this leg belongs to."""
        return self.pairs.get(self.pair_of_agent.get(leg_id, leg_id))

    def callback_ordered_in(self, order: Order) -> Callback | None:
        """The callback that was ordered in this conversation."""
        return None if order.callback_id is None else self.callbacks.get(order.callback_id)

    def order_on(self, leg_id: LegId | None) -> Order | None:
        """The conversation about an order on this leg."""
        return None if leg_id is None else self.orders.get(leg_id)

    def order_about(self, place_id: PlaceId) -> Order | None:
        """The conversation about an order of this place."""
        return self.order_on(self.order_of_place.get(place_id))

    def is_away(self, pbx_id: PbxId) -> bool:
        """Whether this PBX cannot be reached now."""
        return self.pbx(pbx_id).is_away

    def canonical(self, caller: str | None) -> str | None:
        """A caller's number in the form in which callbacks keep theirs."""
        return canonical(caller, self.policy())

    def policy(self) -> DiallingPolicy:
        """Which numbers may be dialled now; the organization's own numbers include those of all its PBXs."""
        organization = self.organizations.get(ORGANIZATION)
        policy = DiallingPolicy() if organization is None else organization.policy
        own = (*policy.own_numbers, *(number for pbx in self.pbxs for number in pbx.numbers))
        return msgspec.structs.replace(policy, own_numbers=own)


def callback_id_of(place_id: PlaceId) -> CallbackId:
    """The id of a callback ordered in a call, made from its place: a place has one callback at most."""
    return CallbackId(f"cb.{place_id}")
