"""Follows the queue over the log and collects changes for one place: events, position, agents."""

from typing import Final

import msgspec

from contracts.callback import CallbackOrdered
from contracts.directory import DepartmentSaved, OrganizationSaved
from contracts.gateway import LegEnded
from contracts.ids import AgentId, DepartmentId, Instant, LegId, PbxId, PlaceId
from contracts.message import Fact, Message
from contracts.queue import (
    CallbackTakenOver,
    OfferAccepted,
    PlaceAbandoned,
    PlaceClosed,
    PlaceConnected,
    PlaceDiverted,
    PlaceTaken,
)
from ringback.log_replay import Acceptance, Replaying, Told, following
from ringback.log_stretch import Stretch
from ringback.why.conditions import Condition, Here, Standing, View, view
from services.queue.service import SERVICE as QUEUE
from services.queue.state import QueueState

ENDS: Final = (PlaceConnected, PlaceAbandoned, PlaceDiverted, PlaceClosed)


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One instant with changes for the place."""

    at: Instant
    position: int | None
    events: tuple[Fact, ...]
    standing: tuple[Standing, Instant | None] | None
    """Set only if it changed."""
    agents: tuple[tuple[AgentId, Condition], ...]
    """The agents whose condition changed."""


class Watched(msgspec.Struct, kw_only=True):
    """One place's story, and the data for telling it."""

    taken: PlaceTaken
    moments: list[Moment]
    numbers: dict[str, str | None]
    """Customers' numbers by place."""
    homes: dict[str, DepartmentId]
    """Departments by place."""
    end: Fact | None = None
    end_at: Instant | None = None
    spent_ms: dict[AgentId, dict[str, int]] = {}
    """How long each agent was in each condition while the place was there."""
    names: dict[AgentId, str] = {}
    organization: OrganizationSaved | None = None
    department: DepartmentSaved | None = None
    departments: dict[DepartmentId, str] = {}
    left_out: int = 0
    """Facts that could not be applied, since the log's beginning is missing."""


class Watch:
    """Hears the log for one place."""

    def __init__(self, stretch: Stretch, place_id: PlaceId) -> None:
        self._stretch = stretch
        self._place_id = place_id
        self._replaying = Replaying(QUEUE, is_whole=stretch.is_whole)
        assert isinstance(self._replaying.state, QueueState)
        self._state = self._replaying.state
        self._acceptance = Acceptance(is_whole=stretch.is_whole)
        self._calls: dict[LegId, PlaceId] = {}
        self._callers: dict[str, str | None] = {}
        self._homes: dict[str, DepartmentId] = {}
        self._leg_id: LegId | None = None
        self._offers: set[str] = set()
        self._view: View | None = None
        self._since_at = Instant(0)
        self._found: Watched | None = None

    def watched(self) -> Watched:
        """Run to the end of the place or of the log. The place must be on the log."""
        for told in following(self._replaying, self._stretch.readings):
            is_new = self._acceptance.accepts(told.record) and not self._replaying.is_own(told.record)
            self._numbers(told)
            self._look(told, is_new=is_new)
            if self._found is not None and self._found.end is not None:
                break
        assert self._found is not None
        self._names(self._found)
        self._found.left_out = self._replaying.left_out
        return self._found

    def _numbers(self, told: Told) -> None:
        if isinstance(told.heard, CallbackOrdered):
            self._callers[told.heard.place_id] = told.heard.number
        for fact in told.said:
            match fact:
                case OfferAccepted():
                    self._calls[fact.leg_id] = fact.place_id
                case PlaceTaken():
                    self._callers[fact.place_id] = fact.caller
                    self._homes[fact.place_id] = fact.department_id
                    if fact.place_id == self._place_id:
                        self._found = Watched(
                            taken=fact, moments=[], numbers=self._callers, homes=self._homes
                        )
                        self._leg_id, self._since_at = fact.leg_id, told.at
                case CallbackTakenOver() if fact.place_id == self._place_id:
                    self._leg_id = fact.leg_id
                case _:
                    pass

    def _look(self, told: Told, *, is_new: bool) -> None:
        found = self._found
        if found is None:
            return
        # The queue's facts are shown at their decision; when they come back on the log they are known
        # already.
        fact = told.record.fact
        heard = (fact,) if is_new and isinstance(fact, Fact) else ()
        events = tuple(each for each in (*heard, *told.said) if self._concerns(each))
        place = self._state.places.get(self._place_id)
        now = None if place is None else view(self._state, place, self._calls)
        self._note(found, told.at, events, now)
        for each in events:
            is_over = isinstance(each, CallbackTakenOver) and each.new_place_id == self._place_id
            if isinstance(each, ENDS) or is_over:
                found.end, found.end_at = each, told.at

    def _concerns(self, fact: Message) -> bool:
        offer_id = getattr(fact, "offer_id", None)
        if getattr(fact, "place_id", None) == self._place_id:
            if offer_id is not None:
                self._offers.add(offer_id)
            return True
        return (
            getattr(fact, "new_place_id", None) == self._place_id
            or getattr(fact, "callback_id", None) == f"cb.{self._place_id}"
            or (offer_id is not None and offer_id in self._offers)
            or (isinstance(fact, LegEnded) and fact.leg_id == self._leg_id)
        )

    def _note(self, found: Watched, at: Instant, events: tuple[Fact, ...], now: View | None) -> None:
        before = self._view
        changed = () if now is None else _changed(before, now)
        standing = None
        if now is not None and (before is None or _standing(before) != _standing(now)):
            standing = _standing(now)
        position = None if now is None else now.position
        moved = before is not None and now is not None and before.position != now.position
        self._spend(found, at)
        if events or changed or moved or (standing is not None and before is not None):
            found.moments.append(
                Moment(at=at, position=position, events=events, standing=standing, agents=changed)
            )
        self._view, self._since_at = now, at

    def _spend(self, found: Watched, at: Instant) -> None:
        for agent_id, condition in () if self._view is None else self._view.agents:
            spent = found.spent_ms.setdefault(agent_id, {})
            spent[condition.code] = spent.get(condition.code, 0) + at - self._since_at

    def _names(self, found: Watched) -> None:
        state = self._state
        department = state.departments.get(found.taken.department_id)
        organization = next(iter(state.organizations), None)
        found.organization = None if organization is None else organization.saved
        found.department = None if department is None else department.saved
        found.departments = {each.department_id: each.saved.name for each in state.departments}
        here = None if department is None else department.saved.pbx_id
        found.names = {
            agent.agent_id: agent.saved.name + self._elsewhere(agent.saved.pbx_id, here)
            for agent in state.agents
            if agent.saved is not None
        }

    def _elsewhere(self, pbx_id: PbxId, here: PbxId | None) -> str:
        """The PBX in brackets if it is not the department's (O4)."""
        pbx = self._state.pbx(pbx_id).saved
        return "" if pbx_id == here or pbx is None else f" ({pbx.name})"


def _standing(seen: View) -> tuple[Standing, Instant | None]:
    return seen.standing, seen.until_at


def _changed(before: View | None, now: View) -> tuple[tuple[AgentId, Condition], ...]:
    known = {} if before is None else dict(before.agents)
    if now.standing is Standing.EXPIRED:
        return ()
    left = [each for each in known if each not in dict(now.agents)]
    return (
        *((agent_id, condition) for agent_id, condition in now.agents if known.get(agent_id) != condition),
        *((agent_id, Condition(code=Here.GONE)) for agent_id in left),
    )


def watch(stretch: Stretch, place_id: PlaceId) -> Watched:
    """The story of a place that is on this stretch."""
    return Watch(stretch, place_id).watched()
