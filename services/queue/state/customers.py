"""Customer records: what the organization has of each outside number now (C8, C14, C15).

An index, derived from legs, agents' activities, places and apologies, and never stored. A number of which
nothing is known any more is dropped; and of most numbers nothing but one leg is ever known.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

from contracts.ids import AgentId, CallbackId, LegId, PlaceId
from services.queue.state.records import AgentActivity, Apology, Leg, Phase, Place

NOTHING: Final[frozenset[Any]] = frozenset()


class Customer:
    """What is known of one number.

    `legs`: legs that are up or being dialled, each with its place · `callbacks`: places that callbacks hold ·
    `running`: those of them that have an agent · `apologies`: wanted apology calls · `granted`: those of them
    that may be dialled · `agents`: agents who talk to the customer, or are about to.
    """

    __slots__ = ("agents", "apologies", "callbacks", "granted", "legs", "running")

    def __init__(self) -> None:
        self.legs: tuple[tuple[LegId, PlaceId | None], ...] = ()
        self.callbacks: AbstractSet[PlaceId] = NOTHING
        self.running: AbstractSet[PlaceId] = NOTHING
        self.apologies: AbstractSet[CallbackId] = NOTHING
        self.granted: AbstractSet[CallbackId] = NOTHING
        self.agents: AbstractSet[AgentId] = NOTHING

    def put(self, part: str, item: str) -> None:
        """Add an item to one of the sets."""
        known = getattr(self, part)
        if known:
            known.add(item)
        else:
            setattr(self, part, {item})

    def drop(self, part: str, item: str) -> None:
        """Remove an item from one of the sets."""
        known = getattr(self, part)
        if item in known:
            known.remove(item)
            if not known:
                setattr(self, part, NOTHING)

    def is_known(self) -> bool:
        """Whether anything is known of the number."""
        return bool(self.legs or self.callbacks or self.running or self.apologies or self.agents)

    def is_engaged(self, place_id: PlaceId) -> bool:
        """Whether the customer is on the line, or being called, for another place than this."""
        return any(each != place_id for _, each in self.legs) or any(
            each != place_id for each in self.running
        )


NOBODY = Customer()
"""The record of a number of which nothing is known."""


class Customers:
    """All numbers of which something is known. Each `index_…` returns the numbers that it changed."""

    def __init__(self) -> None:
        self._known: dict[str, Customer | Leg] = {}
        """A caller with one leg and nothing else is that leg: a Customer would cost twice its memory."""

    def of(self, number: str | None) -> Customer:
        """What is known of a number; the reader must not change it."""
        known = NOBODY if number is None else self._known.get(number, NOBODY)
        return known if isinstance(known, Customer) else _caller(known)

    def known(self) -> Iterator[tuple[str, Customer]]:
        """Every number of which something is known, in no order."""
        return ((number, self.of(number)) for number in self._known)

    def index_legs(self, loaded: Iterable[Leg]) -> tuple[str, ...]:
        """Index all legs, once apologies are; the numbers of which more than one leg is known now."""
        more: dict[str, None] = {}
        for leg in loaded:
            if leg.number is None or not _is_up(leg):
                continue
            if self._known.setdefault(leg.number, leg) is not leg:
                self._put_leg(leg.number, leg)
                more[leg.number] = None
        for number in more:
            customer = self._of(number)
            customer.legs = tuple(sorted(customer.legs))  # a leg's id is its own: no two pairs begin alike
        return tuple(more)

    def index_leg(self, old: Leg | None, new: Leg | None) -> tuple[str, ...]:
        """Index a leg that began, ended, was answered, or moved to another place."""
        here = new if old is None else old  # an erased leg has a number no longer
        if here is None or here.number is None:
            return ()
        # Most changes of a leg are none of these, and this is asked at every one.
        if old and new and _indexed(old) == _indexed(new):
            if self._known.get(here.number) is old:
                self._known[here.number] = new
            return ()
        before, after = _leg(old), _leg(new)
        if before == after:  # when an unanswered apology ends, the next may be granted
            return (here.number,) if new is None and here.is_apology else ()
        if before is not None:
            self._drop_leg(*before[:2])
        if new is not None and after is not None:
            self._put_leg(after[0], new)
        return self._changed(before, after)

    def index_place(self, old: Place | None, new: Place | None) -> tuple[str, ...]:
        """Index the place of a callback, and whether it has an agent."""
        if (old is None or old.callback_id is None) and (new is None or new.callback_id is None):
            return ()
        before, after = _callback(old), _callback(new)
        if before == after:
            return ()
        if before is not None:
            customer = self._of(before[0])
            customer.drop("callbacks", before[1])
            customer.drop("running", before[1])
        if after is not None:
            customer = self._of(after[0])
            customer.put("callbacks", after[1])
            if after[2]:
                customer.put("running", after[1])
        return self._changed(before, after)

    def index_places(self, loaded: Iterable[Place]) -> tuple[str, ...]:
        """Index the places of all callbacks."""
        callbacks = [place for place in loaded if place.callback_id is not None]
        return tuple(dict.fromkeys(number for place in callbacks for number in self.index_place(None, place)))

    def index_apology(self, old: Apology | None, new: Apology | None) -> tuple[str, ...]:
        """Index an apology that is wanted, was granted, or has ended."""
        before, after = _apology(old), _apology(new)
        if before == after:
            return ()
        if before is not None:
            customer = self._of(before[0])
            customer.drop("apologies", before[1])
            customer.drop("granted", before[1])
        if after is not None:
            customer = self._of(after[0])
            customer.put("apologies", after[1])
            if after[2]:
                customer.put("granted", after[1])
        return self._changed(before, after)

    def index_activity(self, old: AgentActivity | None, new: AgentActivity | None) -> None:
        """Index which number an agent talks to."""
        before, after = old.customer if old else None, new.customer if new else None
        here = new or old
        if before == after or here is None:
            return
        if before is not None:
            self._of(before).drop("agents", here.agent_id)
        if after is not None:
            self._of(after).put("agents", here.agent_id)
        self._changed(None if before is None else (before,), None if after is None else (after,))

    def _put_leg(self, number: str, leg: Leg) -> None:
        if number not in self._known:
            self._known[number] = leg
        else:
            customer = self._of(number)
            customer.legs = (*customer.legs, (leg.leg_id, leg.place_id))

    def _drop_leg(self, number: str, leg_id: LegId) -> None:
        customer = self._known[number]
        if isinstance(customer, Customer):
            customer.legs = tuple(each for each in customer.legs if each[0] != leg_id)
        else:
            del self._known[number]

    def _of(self, number: str) -> Customer:
        """What is known of a number, to be changed."""
        known = self._known.get(number)
        if not isinstance(known, Customer):
            known = self._known[number] = Customer() if known is None else _caller(known)
        return known

    def _changed(
        self,
        before: "tuple[str, *tuple[object, ...]] | None",
        after: "tuple[str, *tuple[object, ...]] | None",
    ) -> tuple[str, ...]:
        numbers = () if before is None else (before[0],)
        if after is not None and after[0] not in numbers:
            numbers = (*numbers, after[0])
        for number in numbers:
            customer = self._known.get(number)
            if isinstance(customer, Customer) and not customer.is_known():
                del self._known[number]
        return numbers


def _caller(leg: Leg) -> Customer:
    customer = Customer()
    customer.legs = ((leg.leg_id, leg.place_id),)
    return customer


def _indexed(leg: Leg) -> tuple[str | None, PlaceId | None, bool]:
    return leg.number, leg.place_id, leg.is_answered


def _leg(leg: Leg | None) -> tuple[str, LegId, PlaceId | None] | None:
    if leg is None or leg.number is None or not _is_up(leg):
        return None
    return leg.number, leg.leg_id, leg.place_id


def _is_up(leg: Leg) -> bool:
    """Whether a customer's leg counts as up; an apology that still rings does not (C15)."""
    return leg.is_answered or not leg.is_apology


def _callback(place: Place | None) -> tuple[str, PlaceId, bool] | None:
    if place is None or place.callback_id is None or place.caller is None:
        return None
    return place.caller, place.place_id, place.phase in (Phase.ACCEPTED, Phase.WITH_CALLBACK)


def _apology(apology: Apology | None) -> tuple[str, CallbackId, bool] | None:
    if apology is None or apology.number is None:
        return None
    return apology.number, apology.callback_id, apology.is_granted
