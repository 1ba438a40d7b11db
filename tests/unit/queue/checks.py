"""Invariants of the queue: what must hold after every fact, in any test."""

from collections.abc import Iterator
from typing import Any

import msgspec

from contracts import dialling, queue
from contracts.ids import AgentId, PlaceId
from contracts.message import Fact
from runtime.records import Timer
from services.queue.decider import owed
from services.queue.decider.place_end import PLACE_TIMERS
from services.queue.rules import agent_selection
from services.queue.service import SERVICE
from services.queue.state import QueueState
from services.queue.state.customers import Customer
from services.queue.state.records import Phase, Place
from tests.unit.decider_harness import stored

DECLINE_MS = 10_000
RELOADED_EVERY = 3
"""Reloading is slow, and a difference lasts for longer than three facts."""
INDEXES = (
    *("order", "open", "live", "free", "seats", "can_come"),
    *("on_direct", "legs_rung"),
)


class Watch:
    """Checks each fact before it is applied, and notes what the state does not keep."""

    def __init__(self) -> None:
        self.taken: list[PlaceId] = []
        self.ended: list[PlaceId] = []
        self.is_looking = True
        self._looks = 0

    def before(self, state: QueueState, fact: Fact) -> None:
        """Called before `apply`, with the state in which the fact was decided."""
        match fact:
            case queue.PlaceTaken():
                assert fact.place_id not in self.taken
                self.taken.append(fact.place_id)
            case (
                queue.PlaceConnected() | queue.PlaceAbandoned() | queue.PlaceDiverted() | queue.PlaceClosed()
            ):
                self._end(fact.place_id)
            case queue.CallbackTakenOver():
                self._end(fact.new_place_id)
            case queue.OfferMade():
                nobody_holds_two(state, fact.agent_id)
                no_inversion(state, fact)
                assert fact.legs, "an offer that rings nowhere"
                not_too_many_phones(state, fact)
                assert not is_engaged(state, state.places[fact.place_id]), "the customer is on the line"
                assert may_be_called(state, state.places[fact.place_id]), "policy forbids that number"
            case queue.FallbackRung():
                nobody_holds_two(state, fact.agent_id)
            case _:
                pass

    def _end(self, place_id: PlaceId) -> None:
        assert place_id in self.taken, f"{place_id} ended and was never taken"
        assert place_id not in self.ended, f"{place_id} ended twice"
        self.ended.append(place_id)

    def after(self, state: QueueState) -> None:
        """Called after every step."""
        if not self.is_looking:
            return
        waiting = {place.place_id for place in state.places}
        assert waiting == set(self.taken) - set(self.ended), "every place ends exactly once"
        check(state)
        self._looks += 1
        if self._looks % RELOADED_EVERY == 0:
            assert snapshot(reloaded(state)) == snapshot(state)


def nobody_holds_two(state: QueueState, agent_id: AgentId) -> None:
    """An agent who is offered a place has no other offer and no call of the queue (Q2)."""
    line = state.activity(agent_id)
    assert line.offer_id is None, f"{agent_id} holds {line.offer_id}"
    assert line.leg_id is None, f"{agent_id} is on {line.leg_id}"


def not_too_many_phones(state: QueueState, fact: queue.OfferMade) -> None:
    """No department rings more phones at once than its limit (Q13), counted without the indexes."""
    legs_max = state.departments[fact.department_id].saved.legs_max
    rung = sum(
        len(offer.open_legs)
        for offer in state.offers
        if offer.department_id == fact.department_id and not offer.is_fallback
    )
    assert rung == state.legs_rung.get(fact.department_id, 0)
    assert legs_max is None or rung + len(fact.legs) <= legs_max, f"{rung} ring, and {len(fact.legs)} more"


def no_inversion(state: QueueState, fact: queue.OfferMade) -> None:
    """No earlier place of the department could have taken this agent at this decision (Q3)."""
    place = state.places[fact.place_id]
    for rank in state.order[place.department_id]:
        if rank >= place.rank:
            return
        earlier = state.places[rank[2]]
        assert not could_take(state, earlier, fact.agent_id), (
            f"{fact.agent_id} is offered {place.place_id} before {earlier.place_id}"
        )


def could_take(state: QueueState, place: Place, agent_id: AgentId) -> bool:
    """Whether a place could take this agent now, by the rules and without the indexes."""
    if place.phase is not Phase.WAITING or place.is_late or place.held_until_at is not None:
        return False
    if state.pbx(place.pbx_id).is_lost or agent_id in place.tried:
        return False
    if is_engaged(state, place) or place.is_joining or place.is_beyond_limit:
        return False
    if not may_be_called(state, place):
        return False
    if place.leg_id is None and place.callback_id is None:
        return False  # hung up during the order: it is not known yet whether a callback follows
    last = dict(place.declined).get(agent_id)
    if last is not None and state.now_at - last < DECLINE_MS:
        return False
    if place.offers and not _takes_more(state, place):
        return False
    return last is None or not (place.offers or _others_can_be(state, place))


def is_engaged(state: QueueState, place: Place) -> bool:
    """Whether a callback's customer is on the line or being called, found by looking at all legs (C15)."""
    if place.callback_id is None or place.leg_id is not None:
        return False
    is_up = any(
        leg.number == place.caller
        and leg.place_id != place.place_id
        and not (leg.is_apology and not leg.is_answered)
        for leg in state.legs
    )
    return is_up or any(
        other.caller == place.caller
        and other.place_id != place.place_id
        and other.callback_id is not None
        and other.phase in (Phase.ACCEPTED, Phase.WITH_CALLBACK)
        for other in state.places
    )


def may_be_called(state: QueueState, place: Place) -> bool:
    """Whether a callback's customer is on the line or may be dialled by policy (C10)."""
    if place.leg_id is not None or place.callback_id is None or place.caller is None:
        return True
    card = next(iter(state.organizations), None)
    return card is None or dialling.refusal(place.caller, card.saved.dialling_policy) is None


def _takes_more(state: QueueState, place: Place) -> bool:
    kind = state.departments[place.department_id].saved.strategy.kind
    return kind == "ring_all" or (kind == "cumulative" and place.is_step_open)


def _others_can_be(state: QueueState, place: Place) -> bool:
    declined = {agent_id for agent_id, _ in place.declined}
    return any(
        seat.agent_id not in declined
        and seat.agent_id not in place.tried
        and state.blocked(place.department_id, seat.agent_id) is None
        for seat in state.departments[place.department_id].saved.agents
    )


def check(state: QueueState) -> None:
    """Everything that must hold between two facts."""
    timers = {timer.timer_id for timer in state.timers}
    missing = set(owed(state)) - timers
    assert not missing, f"owed and not set: {missing}"
    assert set(_vain_timers(state)) == set()
    _check_agents(state)
    _check_places(state)
    due_at = state.earliest_due_at()
    if due_at is None or due_at > state.now_at:  # otherwise a timer due at this instant is still to come
        left = next(
            agent_selection.next_offers(state, tuple(each.department_id for each in state.departments)), None
        )
        assert left is None, f"somebody free is left beside {left}"


def _vain_timers(state: QueueState) -> Iterator[str]:
    """Timers for records that no longer exist."""
    for timer in state.timers:
        is_there = timer.kind in ("work", "probe", "serve")
        if not (is_there or _is_of_a_call(state, timer) or _is_of_an_agent(state, timer)):
            yield timer.timer_id


def _is_of_a_call(state: QueueState, timer: Timer) -> bool:
    """Whether a timer belongs to a place, an offer or a leg that exists."""
    match timer.kind:
        case kind if kind in PLACE_TIMERS:
            return timer.subject in state.places
        case "ring":
            return timer.subject in state.offers
        case "dial":
            return timer.subject.rpartition(".")[0] in state.offers
        case "key" | "goodbye":
            return timer.subject in state.legs
        case "apology":
            return timer.subject in state.apologies
        case _:
            return False


def _is_of_an_agent(state: QueueState, timer: Timer) -> bool:
    """Whether a timer belongs to what an agent or a phone is doing."""
    line, phone = state.activity(AgentId(timer.subject)), state.phones.get(timer.subject)
    match timer.kind:
        case "lease":
            return line.leg_id is not None
        case "wrap_up":
            return line.wrap_up_until_at is not None
        case "unreachable":
            return line.rests_until_at is not None
        case "direct":
            return line.direct_leg_id is not None
        case "word":
            return line.word_until_at is not None
        case "phone_lease":
            return phone is not None and phone.is_in_use
        case _:
            return False


def _check_skips(state: QueueState) -> None:
    """The indexed reasons why agents can take no place equal those found anew."""
    for department in state.departments:
        for seat in department.saved.agents:
            place = (department.department_id, seat.agent_id)
            assert state.skip(*place) == state.blocked(*place), f"{place}: an old reason is kept"


def _check_agents(state: QueueState) -> None:
    _check_skips(state)
    for line in state.activities:
        if line.offer_id is not None:
            assert line.offer_id in state.offers, f"{line.agent_id} holds an offer that is gone"
            assert line.leg_id is None
        if line.leg_id is not None:
            assert line.leg_id in state.legs, f"{line.agent_id} is busy without a live leg"
    for offer in state.offers:
        assert state.activity(offer.agent_id).offer_id == offer.offer_id, f"two offers: {offer.agent_id}"
        assert offer.place_id in state.places
        assert offer.offer_id in state.places[offer.place_id].offers
        assert offer.open_legs, "an offer without a phone that may still answer"
        assert any(leg_id in offer.dialled_legs for leg_id in offer.open_legs)


def _check_places(state: QueueState) -> None:
    for place in state.places:
        assert all(offer_id in state.offers for offer_id in place.offers)
        if place.leg_id is not None:
            assert state.legs[place.leg_id].place_id == place.place_id
        if place.phase is Phase.ACCEPTED:
            assert place.agent_id is not None
        if place.phase is Phase.WITH_CALLBACK:
            assert place.callback_id is not None
        is_silent = place.phase is Phase.WAITING and not place.offers and not place.is_ordering
        is_silent = is_silent and not is_engaged(state, place) and not place.is_joining
        is_silent = is_silent and place.calm_until_at is None
        assert not (is_silent and place.is_late), f"{place.place_id} is late and nothing rings"
        if is_silent and place.callback_id is None and not place.is_beyond_limit:
            assert state.can_come.get(place.department_id) or _awaits_more(state, place), "nobody can come"


def _awaits_more(state: QueueState, place: Place) -> bool:
    return "serve/rest" in state.timers


def reloaded(state: QueueState) -> QueueState:
    """The state as a new owner loads it, from the records alone (Q12)."""
    loaded = QueueState()
    loaded.load(stored(state))
    loaded.now_at, loaded.cause, loaded.settled = state.now_at, state.cause, state.settled
    return loaded


def snapshot(state: QueueState) -> dict[str, Any]:
    """Everything in a state, indexes included; an empty set counts as a missing one."""
    seen: dict[str, Any] = {name: list(table) for name, table in state.tables.items()}
    for name in INDEXES:
        index = getattr(state, name)
        seen[f"index {name}"] = {
            key: value if isinstance(value, dict | str | int) else sorted(value)
            for key, value in index.items()
            if value
        }
    for name in ("servable", "unserved", "late", "grantable"):
        seen[f"index {name}"] = sorted(getattr(state, name))
    seen["index customers"] = {
        number: tuple(sorted(getattr(customer, part)) for part in Customer.__slots__)
        for number, customer in sorted(state.customers.known())
    }
    return seen


def watched(watch: Watch) -> Any:
    """The decider, which shows every fact to `watch` before it is applied."""

    def apply(state: QueueState, fact: Fact) -> None:
        watch.before(state, fact)
        SERVICE.apply(state, fact)

    return msgspec.structs.replace(SERVICE, apply=apply)
