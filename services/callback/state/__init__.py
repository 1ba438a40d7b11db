"""What callback remembers of one organization: callbacks, conversations about orders, counts of orders.

A callback lives here from its order to its one end. Some things outlive it for a moment and have records
of their own: a leg to be hung up, a bridged pair, a line for apologies that is not free yet.
"""

from typing import Final, TypeVar

import msgspec
from sortedcontainers import SortedDict, SortedList

from contracts.dialling import DiallingPolicy, canonical
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, LegId, PbxId, PlaceId
from runtime.erased_numbers import ErasedNumber
from runtime.records import Earliest, State
from services.callback.state.records import (
    ORGANIZATION,
    WITH_AGENT,
    ApologyLine,
    Callback,
    Department,
    Farewell,
    Notice,
    Order,
    OrderCount,
    Organization,
    Pair,
    Pbx,
    Phase,
    WebOrder,
)

NUMBER_PREFIX: Final = "number/"
Key = TypeVar("Key", bound=object)


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
        self.ended_call_of: tuple[CallbackId, ...] = ()
        """Where the call that has just ended was waited for; for this step only, never stored."""
        self.erasing: Erasure | None = None
        self.organizations = self.table("organizations", Organization)
        self.pbxs = self.table("pbxs", Pbx)
        self.departments = self.table("departments", Department)
        self.notices = self.table("notices", Notice)
        self.order_of_place: dict[PlaceId, LegId] = {}
        self.orders = self.table("orders", Order, self._track_order)
        self._of_place: dict[PlaceId, CallbackId] = {}
        self._of_leg: dict[LegId, CallbackId] = {}
        self._waiting_for: dict[LegId, tuple[CallbackId, ...]] = {}
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
        for leg_id in new.calls_in():
            _put(self._waiting_for, leg_id, new.callback_id)
        if new.agent_id is not None and new.phase in WITH_AGENT:
            self._of_agent[new.agent_id] = new.callback_id
        _put(self._of_number, (new.department_id, new.number), new.callback_id)
        if new.phase is Phase.APOLOGY_DUE and new.is_apology_ready:
            ready = self.apologies_ready.setdefault(new.pbx_id, SortedList())
            ready.add((new.tries, new.deadline_at, new.callback_id))

    def _forget(self, old: Callback) -> None:
        self._of_place.pop(old.place_id, None)
        for leg_id in old.legs():
            self._of_leg.pop(leg_id, None)
        for leg_id in old.calls_in():
            _drop(self._waiting_for, leg_id, old.callback_id)
        if old.agent_id is not None and self._of_agent.get(old.agent_id) == old.callback_id:
            del self._of_agent[old.agent_id]
        _drop(self._of_number, (old.department_id, old.number), old.callback_id)
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

    def callbacks_waiting_for(self, leg_id: LegId | None) -> tuple[Callback, ...]:
        """The callbacks in which this call of the customer's is waited for; rarely more than one."""
        found = () if leg_id is None else self._waiting_for.get(leg_id, ())
        return tuple(self.callbacks[each] for each in found)

    def callback_with(self, agent_id: AgentId) -> Callback | None:
        """The callback whose attempt this agent is in."""
        found = self._of_agent.get(agent_id)
        return None if found is None else self.callbacks.get(found)

    def callback_of(self, place_id: PlaceId) -> Callback | None:
        """The callback that holds this place, if it has one."""
        found = self._of_place.get(place_id)
        return None if found is None else self.callbacks.get(found)

    def callbacks_to(self, department_id: DepartmentId, number: str) -> tuple[Callback, ...]:
        """The callbacks of a department to a number, by their ids; rarely more than one."""
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


def _put(index: dict[Key, tuple[CallbackId, ...]], key: Key, callback_id: CallbackId) -> None:
    # By their ids: in the order of the last changes, a state that was loaded anew would have another one.
    index[key] = tuple(sorted((*index.get(key, ()), callback_id)))


def _drop(index: dict[Key, tuple[CallbackId, ...]], key: Key, callback_id: CallbackId) -> None:
    left = tuple(each for each in index[key] if each != callback_id)
    if left:
        index[key] = left
    else:
        del index[key]


def callback_id_of(place_id: PlaceId) -> CallbackId:
    """The id of a callback ordered in a call, made from its place: a place has one callback at most."""
    return CallbackId(f"cb.{place_id}")
