"""The queue's state of one organization.

Small records in tables, and indexes that answer quickly which place is next, which agents are free and what
rank a place has. Indexes are derived from the records and never stored; loading rebuilds them.
"""

from collections.abc import Callable, Iterable

from sortedcontainers import SortedList, SortedSet

from contracts import directory as book
from contracts.dialling import DiallingPolicy
from contracts.ids import Address, AgentId, CallbackId, DepartmentId, LegId, PbxId, PlaceId
from contracts.queue import SkipReason
from runtime.records import State
from services.queue.state import indexes
from services.queue.state.customers import Customer, Customers
from services.queue.state.early_ends import EarlyEnds
from services.queue.state.indexes import FreeKey, index_key, is_live, is_ranked, link, set_key
from services.queue.state.numbers import customer_refusal, employee_refusal, normalized
from services.queue.state.records import (
    Agent,
    AgentActivity,
    Apology,
    Department,
    Leg,
    Notice,
    Offer,
    Organization,
    Pace,
    Pbx,
    Phase,
    Phone,
    Place,
    Rank,
    phone_key,
)


class QueueState(State):
    """The tables and their indexes.

    `order[department]`: its places by rank · `open[department]`: places that could take an agent now ·
    `live[department]`: callers who wait on the line · `free[department]`: its free agents by idleness ·
    `servable`: departments with open places and free agents · `can_come[department]`: its agents at work ·
    `taking[department]`: agents who are free or soon will be · `unserved`: departments with callers to whom
    nobody can come · `late`: places whose deadline acts now · `grantable`: apologies that may be dialled now
    · `customers`: what is known of each number · `seats`: an agent's rank in each department, and whether the
    agent is suspended there · `skips`: why an agent can take no place of a department now · `on_direct`: the
    agent of a leg's direct call · `legs_rung[department]`: how many phones its offers ring or will.

    `touched` are departments in which this step's facts may have made a match possible; all others are
    settled. It is never stored, and is empty between two steps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ended_leg: Leg | None = None
        """The leg that the current fact ended: for the decision of the same step, never stored."""
        self.talk_over: tuple[AgentActivity, Leg] | None = None
        """The direct call that the current fact ended, with its caller's leg; never stored either."""
        self.touched: dict[DepartmentId, None] = {}
        self.touched_by = self.cause
        self.settled = (self.cause, 0)
        """How much was settled in the step of this cause, which has a limit; never stored."""
        self.customers = Customers()
        self.late: set[PlaceId] = set()
        self.grantable: set[CallbackId] = set()
        self.unserved: set[DepartmentId] = set()
        self.on_direct: dict[LegId, AgentId] = {}
        self.order: dict[DepartmentId, SortedList[Rank]] = {}
        self.open: dict[DepartmentId, SortedList[Rank]] = {}
        self.live: dict[DepartmentId, SortedList[Rank]] = {}
        self.free: dict[DepartmentId, SortedList[FreeKey]] = {}
        self.servable: SortedSet[DepartmentId] = SortedSet()
        self.seats: dict[AgentId, dict[DepartmentId, tuple[int, bool]]] = {}
        self.can_come: dict[DepartmentId, set[AgentId]] = {}
        self.taking: dict[DepartmentId, set[AgentId]] = {}
        self.skips: dict[tuple[DepartmentId, AgentId], SkipReason | None] = {}
        self.legs_rung: dict[DepartmentId, int] = {}
        self._free_keys: dict[tuple[DepartmentId, AgentId], FreeKey] = {}
        self._agents_by_phone: dict[str, set[AgentId]] = {}
        self._agents_by_pbx: dict[PbxId, set[AgentId]] = {}
        self.organizations = self.table("organizations", Organization, self._index_organization)
        self.pbxs = self.table("pbxs", Pbx, self._index_pbx)
        self.departments = self.table("departments", Department, self._index_department)
        self.paces = self.table("paces", Pace)
        self.agents = self.table("agents", Agent, self._index_agent)
        self.activities = self.table("lines", AgentActivity, self._index_activity)
        self.phones = self.table("phones", Phone, self._index_phone)
        self.places = self.table("places", Place, self._index_place, self._index_places)
        self.offers = self.table("offers", Offer, self._index_offer)
        self.legs = self.table("legs", Leg, self._index_leg, self._index_legs)
        self.apologies = self.table("apologies", Apology, self._index_apology)
        self.notices = self.table("notices", Notice)
        self.early_ends = EarlyEnds(self)

    # Reading.

    def activity(self, agent_id: AgentId) -> AgentActivity:
        """What an agent is doing; an unknown agent is idle."""
        return self.activities.get(agent_id) or AgentActivity(agent_id)

    def pbx(self, pbx_id: PbxId) -> Pbx:
        """What is known of a PBX."""
        return self.pbxs.get(pbx_id) or Pbx(pbx_id)

    def is_suspended(self, department_id: DepartmentId, agent_id: AgentId) -> bool:
        """Whether the agent is suspended in the department, or has no seat there."""
        return self.seats.get(agent_id, {}).get(department_id, (0, True))[1]

    def policy(self) -> DiallingPolicy | None:
        """Which numbers the organization's PBXs may dial; None while its card is unknown."""
        card = next(iter(self.organizations), None)
        return None if card is None else card.saved.dialling_policy

    def number_of(self, caller: str | None, *, is_internal: bool = False) -> str | None:
        """A caller's number in the form in which callbacks keep theirs; None for a colleague."""
        if caller is None or is_internal:
            return None
        policy = self.policy()
        return caller if policy is None else normalized(caller, policy)

    def number_of_place(self, place: Place) -> str | None:
        """The number by which other departments know the customer in this place; None for a colleague."""
        if place.callback_id is not None:
            return place.caller
        leg = self.legs.get(place.leg_id)
        if leg is not None and leg.number is not None:  # read when the call arrived
            return leg.number
        return self.number_of(place.caller, is_internal=place.is_internal)

    def callbacks_of(self, customer: Customer) -> tuple[Place, ...]:
        """The places of a customer's callbacks, in any department, in order."""
        return tuple(self.places[each] for each in sorted(customer.callbacks)) if customer.callbacks else ()

    def is_engaged(self, place: Place) -> bool:
        """Whether this callback's customer is on the line, or being called, for another reason (C15)."""
        if place.callback_id is None or place.leg_id is not None or place.caller is None:
            return False
        return self.customers.of(place.caller).is_engaged(place.place_id)

    def may_call(self, place: Place) -> bool:
        """Whether the customer of a callback may be dialled now: by policy, never if erased (C10, V6)."""
        policy = self.policy()
        return not place.is_erased and (policy is None or customer_refusal(place.caller, policy) is None)

    def is_paused(self, agent_id: AgentId) -> bool:
        """Whether an agent is paused, by a person or by misses (Q8)."""
        agent = self.agents.get(agent_id)
        by_person = agent is not None and agent.pause is not None and agent.pause.is_paused
        return by_person or self.activity(agent_id).is_auto_paused

    def phones_of(self, agent: book.AgentSaved) -> tuple[Phone | None, ...]:
        """The agent's phones as their PBX reports them; None for a phone it has not reported."""
        return tuple(self.phones.get(phone_key(agent.pbx_id, device.address)) for device in agent.devices)

    def first_places(self, department_id: DepartmentId) -> "SortedList[Rank]":
        """The department's places that could take an agent now, the next one first."""
        return self.open.get(department_id, _NO_PLACES)

    def is_coming(self, department_id: DepartmentId, agent_id: AgentId) -> bool:
        """Whether an agent can come sooner or later: at work, neither suspended nor removed (Q6)."""
        agent = self.agents.get(agent_id)
        return (
            agent is not None
            and agent.saved is not None
            and not agent.saved.is_removed
            and not self.is_suspended(department_id, agent_id)
            and self.activity(agent_id).is_at_work
        )

    def skip(self, department_id: DepartmentId, agent_id: AgentId) -> SkipReason | None:
        """Why an agent can't be offered any place of this department now, or None; as indexed.

        Hours and absences are asked anew: a state that was just loaded does not know the time yet.
        """
        indexed = self.skips[department_id, agent_id]
        return self.blocked(department_id, agent_id) if indexed in _BY_THE_CLOCK else indexed

    def blocked(self, department_id: DepartmentId, agent_id: AgentId) -> SkipReason | None:
        """Why an agent can't be offered any place of this department now, or None (Q2)."""
        agent = self.agents.get(agent_id)
        if self.is_suspended(department_id, agent_id) or agent is None or agent.saved is None:
            return SkipReason.SUSPENDED
        activity = self.activity(agent_id)
        if self.is_paused(agent_id) and activity.is_at_work:
            return SkipReason.PAUSED
        if (reason := self.blocked_anywhere(agent_id)) is not None:
            return reason
        if activity.word_until_at is not None:
            return SkipReason.CALLBACK_PENDING
        if activity.rests_until_at is not None:
            return SkipReason.TOO_LATE if activity.rests_for_us else SkipReason.UNREACHABLE
        return None if activity.wrap_up_until_at is None else SkipReason.WRAP_UP

    def blocked_anywhere(self, agent_id: AgentId) -> SkipReason | None:
        """Why an agent can't be rung at all, even as a fallback: removed, absent, out of hours, busy (Q5)."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.saved is None or agent.saved.is_removed:
            return SkipReason.SUSPENDED
        activity = self.activity(agent_id)
        if not activity.is_at_work:
            absences = agent.availability.absences if agent.availability else ()
            is_absent = any(absence.contains(self.now_at) for absence in absences)
            return SkipReason.ABSENT if is_absent else SkipReason.OUT_OF_HOURS
        if activity.leg_id is not None or activity.direct_leg_id is not None:
            return SkipReason.ON_CALL
        if activity.offer_id is not None:
            return SkipReason.HOLDS_OFFER
        return self._blocked_phones(agent.saved)

    def _blocked_phones(self, agent: book.AgentSaved) -> SkipReason | None:
        pbx = self.pbx(agent.pbx_id)
        if pbx.is_lost or pbx.away_until_at is not None or pbx.probe_offer_id is not None:
            return SkipReason.PBX_AWAY
        phones = self.phones_of(agent)
        if any(phone is not None and phone.is_in_use for phone in phones):
            return SkipReason.ON_CALL
        usable = [
            device
            for device, phone in zip(agent.devices, phones, strict=True)
            if phone is None or not phone.is_unreachable
        ]
        if not usable:
            return SkipReason.UNREACHABLE
        if not any(self.may_dial(device.address) for device in usable):
            return SkipReason.NOT_ALLOWED_TO_DIAL
        return None

    def may_dial(self, address: Address) -> bool:
        """Whether policy allows an agent's phone to be dialled; extensions always may be (C10)."""
        scheme, _, number = address.partition(":")
        if scheme != "tel":
            return True
        policy = self.policy()
        return policy is not None and employee_refusal(number, policy) is None

    # What a step has touched.

    def begin_step(self) -> None:
        """Forget what earlier steps touched: it is settled."""
        self.touched_by = self.cause
        self.touched.clear()

    def touch(self, department_id: DepartmentId) -> None:
        """Note that this step may have made a match possible in the department."""
        self.touched[department_id] = None

    # Indexes.

    def _index_place(self, old: Place | None, new: Place | None) -> None:
        stayed = old if old and new and index_key(old) == index_key(new) else None
        if old is not None and stayed is None:
            self._unindex(old)
        numbers = self.customers.index_place(old, new)
        if new is not None:
            rank = new.rank
            if (ranked := is_ranked(new)) != (stayed is not None and is_ranked(stayed)):
                set_key(self.order, new.department_id, rank, is_member=ranked)
            if (live := is_live(new)) != (stayed is not None and is_live(stayed)):
                set_key(self.live, new.department_id, rank, is_member=live)
                self._index_unserved(new.department_id)
            self._index_open(new, rank)
        if numbers:
            self._refresh_customers(numbers)

    def _index_places(self, loaded: Iterable[Place]) -> None:
        numbers = self.customers.index_places(loaded)
        found = indexes.ranked(loaded, self._is_open)
        for sets, ranks in zip((self.order, self.live, self.open), found, strict=True):
            for department_id, each in ranks.items():
                sets[department_id] = SortedList(each)
        self.late.update(place.place_id for place in loaded if place.is_late and self._is_late(place))
        for department_id in self.live:
            self._index_unserved(department_id)
        for department_id in self.open:
            self._index_servable(department_id)
            if self.free.get(department_id):
                self.touch(department_id)
        self._refresh_customers(numbers)

    def _unindex(self, old: Place) -> None:
        rank = old.rank
        for sets in (self.order, self.open, self.live):
            set_key(sets, old.department_id, rank, is_member=False)
        self.late.discard(old.place_id)
        self._index_servable(old.department_id)
        self._index_unserved(old.department_id)

    def _index_open(self, place: Place, rank: Rank) -> None:
        set_key(self.open, place.department_id, rank, is_member=(is_open := self._is_open(place)))
        self._index_servable(place.department_id)
        if is_open and self.free.get(place.department_id):
            self.touch(place.department_id)
        acts_now = place.is_late and self._is_late(place)
        (self.late.add if acts_now else self.late.discard)(place.place_id)

    def _is_late(self, place: Place) -> bool:
        """Whether the deadline acts now: no phone rings, and no other call of the customer goes first."""
        return (
            place.phase is Phase.WAITING
            and not place.offers
            and not (place.is_ordering or place.is_joining)
            and not place.is_erased
            and place.calm_until_at is None
            and not self.is_engaged(place)
        )

    def _index_unserved(self, department_id: DepartmentId) -> None:
        is_unserved = not self.can_come.get(department_id) and bool(self.live.get(department_id))
        (self.unserved.add if is_unserved else self.unserved.discard)(department_id)

    def _index_servable(self, department_id: DepartmentId) -> None:
        is_servable = bool(self.free.get(department_id)) and bool(self.open.get(department_id))
        if is_servable != (department_id in self.servable):
            (self.servable.add if is_servable else self.servable.discard)(department_id)

    def _is_open(self, place: Place) -> bool:
        if place.phase is not Phase.WAITING or place.is_late or place.held_until_at is not None:
            return False
        if place.is_joining or place.is_beyond_limit or self.is_engaged(place):
            return False
        # The caller hung up during the order: it is not known yet whether a callback follows.
        if place.leg_id is None and (place.callback_id is None or not self.may_call(place)):
            return False
        department = self.departments.get(place.department_id)
        if department is None or self.pbx(place.pbx_id).is_lost:
            return False
        match department.saved.strategy.kind:
            case book.StrategyKind.RING_ALL:
                return True
            case book.StrategyKind.CUMULATIVE:
                return place.is_step_open or not place.offers
            case _:
                return not place.offers

    def _index_offer(self, old: Offer | None, new: Offer | None) -> None:
        for offer, sign in ((old, -1), (new, 1)):
            if offer is not None and not offer.is_fallback:
                rung = self.legs_rung.get(offer.department_id, 0)
                self.legs_rung[offer.department_id] = rung + sign * len(offer.open_legs)
                self._touch_limited(offer.department_id)

    def _touch_limited(self, department_id: DepartmentId) -> None:
        """Where the phones that ring at once are limited, fewer of them let another ring (Q13)."""
        department = self.departments.get(department_id)
        if department is not None and department.saved.legs_max is not None:
            self.touch(department_id)

    def _index_leg(self, old: Leg | None, new: Leg | None) -> None:
        self._refresh_customers(self.customers.index_leg(old, new))

    def _index_legs(self, loaded: Iterable[Leg]) -> None:
        self._refresh_customers(self.customers.index_legs(loaded))

    def _index_apology(self, old: Apology | None, new: Apology | None) -> None:
        self._refresh_customers(self.customers.index_apology(old, new))
        for apology in (old, new):
            if apology is not None:
                self._index_grantable(apology.callback_id)

    def _index_grantable(self, callback_id: CallbackId) -> None:
        apology = self.apologies.get(callback_id)
        if apology is not None and apology.is_due and not apology.is_granted and apology.number is not None:
            customer = self.customers.of(apology.number)
            is_over = apology.leg_id is None or apology.leg_id not in self.legs
            if is_over and not (customer.legs or customer.running or customer.granted):
                self.grantable.add(callback_id)
                return
        self.grantable.discard(callback_id)

    def _refresh_customers(self, numbers: tuple[str, ...]) -> None:
        for number in numbers:
            customer = self.customers.of(number)
            if customer.callbacks:
                self._refresh_places(tuple(sorted(customer.callbacks)))
            for callback_id in sorted(customer.apologies) if customer.apologies else ():
                self._index_grantable(callback_id)

    def _index_department(self, old: Department | None, new: Department | None) -> None:
        if old is not None:
            for seat in old.saved.agents:
                self.seats.get(seat.agent_id, {}).pop(old.department_id, None)
        if new is not None and not new.saved.is_removed:
            for rank, seat in enumerate(new.saved.agents):
                self.seats.setdefault(seat.agent_id, {})[new.department_id] = (rank, seat.is_suspended)
        here = new or old
        assert here is not None
        for agent_id in {seat.agent_id: None for each in (old, new) if each for seat in each.saved.agents}:
            self._refresh(agent_id, here.department_id)
        self._index_unserved(here.department_id)
        self.touch(here.department_id)
        # Which places are open depends on the strategy: with the same one they need no new look.
        if old is None or new is None or old.saved.strategy.kind is not new.saved.strategy.kind:
            self._refresh_places(tuple(PlaceId(rank[2]) for rank in self.order.get(here.department_id, ())))

    def _index_organization(self, old: Organization | None, new: Organization | None) -> None:
        before = None if old is None else old.saved.dialling_policy
        if new is not None and new.saved.dialling_policy != before:
            for agent in self.agents:
                self._refresh(agent.agent_id)
            self._refresh_ranked(lambda place: place.callback_id is not None)
            for department_id in self.servable:
                self.touch(department_id)

    def _index_pbx(self, old: Pbx | None, new: Pbx | None) -> None:
        here = new or old
        assert here is not None
        for agent_id in self.agents_of_pbx(here.pbx_id):
            self._refresh(agent_id)
        if (old.is_lost if old else False) != (new.is_lost if new else False):
            self._refresh_ranked(lambda place: place.pbx_id == here.pbx_id)

    def _refresh_ranked(self, where: Callable[[Place], bool]) -> None:
        """Refresh the places that can be open at all; while records load there are none yet."""
        ranked = (self.places[rank[2]] for ranks in self.order.values() for rank in ranks)
        self._refresh_places(tuple(sorted(place.place_id for place in ranked if where(place))))

    def _refresh_places(self, place_ids: tuple[PlaceId, ...]) -> None:
        for place_id in place_ids:
            place = self.places.get(place_id)
            if place is not None:
                self._index_open(place, place.rank)

    def _index_agent(self, old: Agent | None, new: Agent | None) -> None:
        for each, is_new in ((old, False), (new, True)):
            if each is None or each.saved is None:
                continue
            for device in each.saved.devices:
                phone = phone_key(each.saved.pbx_id, device.address)
                link(self._agents_by_phone, phone, each.agent_id, is_member=is_new)
            link(self._agents_by_pbx, each.saved.pbx_id, each.agent_id, is_member=is_new)
        here = new or old
        assert here is not None
        self._refresh(here.agent_id)

    def _index_activity(self, old: AgentActivity | None, new: AgentActivity | None) -> None:
        here = new or old
        assert here is not None
        before, after = indexes.direct_legs(old), indexes.direct_legs(new)
        if before != after:
            for leg_id in before:
                self.on_direct.pop(leg_id, None)
            for leg_id in after:
                self.on_direct[leg_id] = here.agent_id
        self.customers.index_activity(old, new)
        self._refresh(here.agent_id)

    def _index_phone(self, old: Phone | None, new: Phone | None) -> None:
        here = new or old
        assert here is not None
        for agent_id in self.agents_of_phone(here.key):
            self._refresh(agent_id)
            for department_id in self.seats.get(agent_id, ()):
                self._touch_limited(department_id)

    def agents_of_pbx(self, pbx_id: PbxId) -> list[AgentId]:
        """The agents whose phones a PBX has, in order."""
        return sorted(self._agents_by_pbx.get(pbx_id, ()))

    def agents_of_phone(self, key: str) -> list[AgentId]:
        """The agents who have this phone, in order."""
        return sorted(self._agents_by_phone.get(key, ()))

    def _refresh(self, agent_id: AgentId, department_id: DepartmentId | None = None) -> None:
        """Index an agent anew: among the free of each department or not, and why not."""
        seats = self.seats.get(agent_id, {})
        for each in (*seats, *((department_id,) if department_id and department_id not in seats else ())):
            place = (each, agent_id)
            coming = self.can_come.setdefault(each, set())
            if self.is_coming(each, agent_id) != (agent_id in coming):
                coming ^= {agent_id}
                self._index_unserved(each)
            self.skips[place] = reason = self.blocked(each, agent_id)
            link(self.taking, each, agent_id, is_member=reason not in _NOT_TAKING)
            key = None
            if each in seats and reason is None:
                key = (self.activity(agent_id).idle_since_at, seats[each][0], agent_id)
            known = self._free_keys.get(place)
            if key == known:
                continue
            if known is not None:
                set_key(self.free, each, known, is_member=False)
                del self._free_keys[place]
            if key is not None:
                set_key(self.free, each, key, is_member=True)
                self._free_keys[place] = key
                if self.open.get(each):
                    self.touch(each)
            self._index_servable(each)


_BY_THE_CLOCK = (SkipReason.ABSENT, SkipReason.OUT_OF_HOURS)
_NOT_TAKING = (
    *(SkipReason.SUSPENDED, SkipReason.PAUSED, SkipReason.UNREACHABLE, SkipReason.PBX_AWAY),
    *(SkipReason.NOT_ALLOWED_TO_DIAL, *_BY_THE_CLOCK),
)
"""Reasons that last until a person, a phone or a PBX changes them; a call ends by itself."""
_NO_PLACES: "SortedList[Rank]" = SortedList()
