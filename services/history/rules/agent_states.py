"""What kept each agent from a place at one moment, folded from facts about agents (H7).

The reasons come in the queue's order (Q2), as far as facts show them. What only the queue knows stands in its
offers, as the agents it skipped.
"""

from typing import Final

from contracts import directory, gateway, queue
from contracts.ids import AgentId, DepartmentId, Instant, PlaceId
from contracts.message import Fact, Interval
from contracts.queue import SkipReason
from services.history.rules.agent_changes import phone_key

RINGS: Final = "rings"
WITH_THIS: Final = "with_this"
FREE: Final = "free"


class AgentStates:
    """The agents of an organization as of the last change."""

    def __init__(self) -> None:
        self._cards: dict[AgentId, directory.AgentSaved] = {}
        self._hours: dict[AgentId, directory.AgentAvailabilitySaved] = {}
        self._pauses: dict[AgentId, directory.AgentPauseSaved] = {}
        self._paused_by_misses: set[AgentId] = set()
        self._places_offered: dict[AgentId, tuple[str, PlaceId]] = {}
        self._calls: set[AgentId] = set()
        self._places_talked: dict[AgentId, PlaceId] = {}
        self._wrap_ups: dict[AgentId, Instant] = {}
        self._phones: dict[str, gateway.DeviceState] = {}
        self._lost: set[str] = set()
        self._away: dict[str, Instant] = {}
        self._seats: dict[DepartmentId, directory.DepartmentSaved] = {}

    def put(self, fact: Fact) -> None:
        """Apply one change, in the order of the log."""
        match fact:
            case directory.AgentSaved() | directory.AgentAvailabilitySaved() | directory.DepartmentSaved():
                self._put_card(fact)
            case directory.AgentPauseSaved() | queue.AgentPaused() | queue.AgentResumed():
                self._put_pause(fact)
            case gateway.DeviceChanged():
                self._put_phone(fact)
            case gateway.PbxLost() | gateway.PbxReturned() | queue.PbxAway() | queue.PbxBack():
                self._put_pbx(fact)
            case _:
                self._put_call(fact)

    def _put_card(
        self, fact: directory.AgentSaved | directory.AgentAvailabilitySaved | directory.DepartmentSaved
    ) -> None:
        match fact:
            case directory.AgentSaved():
                known = self._cards.get(fact.agent_id)
                if known is None or known.version < fact.version:
                    self._cards[fact.agent_id] = fact
            case directory.AgentAvailabilitySaved():
                hours = self._hours.get(fact.agent_id)
                if hours is None or hours.version < fact.version:
                    self._hours[fact.agent_id] = fact
            case directory.DepartmentSaved():
                seats = self._seats.get(fact.department_id)
                if seats is None or seats.version < fact.version:
                    self._seats[fact.department_id] = fact

    def _put_pause(self, fact: directory.AgentPauseSaved | queue.AgentPaused | queue.AgentResumed) -> None:
        if isinstance(fact, directory.AgentPauseSaved):
            known = self._pauses.get(fact.agent_id)
            if known is None or known.version < fact.version:
                self._pauses[fact.agent_id] = fact
                if not fact.is_paused:
                    self._paused_by_misses.discard(fact.agent_id)
        elif isinstance(fact, queue.AgentPaused):
            self._paused_by_misses.add(fact.agent_id)
        else:
            self._paused_by_misses.discard(fact.agent_id)
            self._pauses.pop(fact.agent_id, None)

    def _put_phone(self, fact: gateway.DeviceChanged) -> None:
        self._phones[phone_key(fact.pbx_id, fact.address)] = fact.state

    def _put_pbx(self, fact: gateway.PbxLost | gateway.PbxReturned | queue.PbxAway | queue.PbxBack) -> None:
        match fact:
            case gateway.PbxLost():
                self._lost.add(fact.pbx_id)
            case gateway.PbxReturned():
                self._lost.discard(fact.pbx_id)
            case queue.PbxAway():
                self._away[fact.pbx_id] = fact.probe_at
            case queue.PbxBack():
                self._away.pop(fact.pbx_id, None)

    def _put_call(self, fact: Fact) -> None:
        match fact:
            case queue.OfferMade() | queue.FallbackRung():
                self._places_offered[fact.agent_id] = (fact.offer_id, fact.place_id)
            case queue.OfferAccepted():
                self._places_offered.pop(fact.agent_id, None)
                self._places_talked[fact.agent_id] = fact.place_id
            case (
                queue.OfferDeclined()
                | queue.OfferMissed()
                | queue.OfferUnreachable()
                | queue.OfferWithdrawn()
            ):
                if self._places_offered.get(fact.agent_id, ("",))[0] == fact.offer_id:
                    del self._places_offered[fact.agent_id]
            case queue.AgentBusy():
                self._calls.add(fact.agent_id)
            case queue.AgentFreed():
                self._calls.discard(fact.agent_id)
                self._places_talked.pop(fact.agent_id, None)
            case queue.WrapUpStarted():
                self._wrap_ups[fact.agent_id] = fact.until_at
            case directory.AgentWrapUpSaved():
                self._wrap_ups[fact.agent_id] = fact.until_at or Instant(0)
            case _:
                pass

    def seats(self, department_id: DepartmentId) -> list[AgentId]:
        """The department's agents, in its order."""
        saved = self._seats.get(department_id)
        return [] if saved is None else [seat.agent_id for seat in saved.agents]

    def name(self, agent_id: AgentId) -> str:
        """The agent's name, or the id where no card is known."""
        card = self._cards.get(agent_id)
        return str(agent_id) if card is None else card.name

    def card(self, agent_id: AgentId) -> directory.AgentSaved | None:
        """The agent's card."""
        return self._cards.get(agent_id)

    def agents(self) -> list[AgentId]:
        """Every agent with a card, by id."""
        return sorted(self._cards)

    def departments(self) -> list[directory.DepartmentSaved]:
        """Every department, by id."""
        return [self._seats[each] for each in sorted(self._seats)]

    def phone(self, pbx_id: str, address: str) -> gateway.DeviceState | None:
        """What a phone was last said to be."""
        return self._phones.get(phone_key(pbx_id, address))

    def place_offered(self, agent_id: AgentId) -> PlaceId | None:
        """The place for which the agent's phones ring."""
        found = self._places_offered.get(agent_id)
        return None if found is None else found[1]

    def is_on_call(self, agent_id: AgentId) -> bool:
        """Whether the agent is on a call of ours."""
        return agent_id in self._calls

    def wrap_up_until(self, agent_id: AgentId) -> Instant:
        """When the agent's time for notes is over, or was."""
        return self._wrap_ups.get(agent_id, Instant(0))

    def is_paused_by_misses(self, agent_id: AgentId) -> bool:
        """Whether the queue has paused the agent."""
        return agent_id in self._paused_by_misses

    def pause_reason(self, agent_id: AgentId) -> str | None:
        """Why a person has paused the agent, where that was said."""
        pause = self._pauses.get(agent_id)
        return str(pause.reason) if pause is not None and pause.is_paused and pause.reason else None

    def probed_at(self, pbx_id: str) -> Instant | None:
        """When the queue tries a PBX again that is away; None: to the queue it is not."""
        return self._away.get(pbx_id)

    def is_away(self, pbx_id: str) -> bool:
        """Whether a PBX can't be reached."""
        return pbx_id in self._lost or pbx_id in self._away

    def turns(self, agent_id: AgentId) -> list[Instant]:
        """Instants at which an agent's standing changes without a fact."""
        hours = self._hours.get(agent_id)
        intervals: tuple[Interval, ...] = ()
        if hours is not None:
            intervals = (*(hours.hours or ()), *hours.absences)
        found = [each for interval in intervals for each in (interval.from_at, interval.until_at)]
        card = self._cards.get(agent_id)
        found += [self._wrap_ups.get(agent_id), None if card is None else self._away.get(card.pbx_id)]
        return [each for each in found if each is not None]

    def standing(self, agent_id: AgentId, department_id: DepartmentId, place_id: PlaceId, at: Instant) -> str:
        """The reason that kept an agent from a place, or `rings`, `with_this`, `free`."""
        saved = self._seats.get(department_id)
        seat = next((each for each in saved.agents if each.agent_id == agent_id), None) if saved else None
        card = self._cards.get(agent_id)
        if seat is None or seat.is_suspended or card is None or card.is_removed:
            return SkipReason.SUSPENDED
        return self._own_reason(card, place_id, at)

    def own_reason(self, agent_id: AgentId, at: Instant) -> str:
        """What keeps an agent from any place, whatever the seats, or `free`."""
        card = self._cards.get(agent_id)
        if card is None or card.is_removed:
            return SkipReason.SUSPENDED
        return self._own_reason(card, None, at)

    def _own_reason(self, card: directory.AgentSaved, place_id: PlaceId | None, at: Instant) -> str:
        agent_id = card.agent_id
        return (
            self._absence(agent_id, at)
            or (SkipReason.PAUSED if self.is_paused(agent_id) else None)
            or self._busy(agent_id, place_id)
            or self._blocked_phones(card)
            or self._resting(agent_id, at)
        )

    def _resting(self, agent_id: AgentId, at: Instant) -> str:
        return SkipReason.WRAP_UP if self._wrap_ups.get(agent_id, 0) > at else FREE

    def is_paused(self, agent_id: AgentId) -> bool:
        """Whether a person or the queue has paused the agent."""
        pause = self._pauses.get(agent_id)
        return agent_id in self._paused_by_misses or (pause is not None and pause.is_paused)

    def _absence(self, agent_id: AgentId, at: Instant) -> str | None:
        hours = self._hours.get(agent_id)
        if hours is None:
            return None
        if any(absence.contains(at) for absence in hours.absences):
            return SkipReason.ABSENT
        is_unknown = hours.known_until_at is not None and at >= hours.known_until_at
        if hours.hours is None or is_unknown or any(each.contains(at) for each in hours.hours):
            return None
        return SkipReason.OUT_OF_HOURS

    def _busy(self, agent_id: AgentId, place_id: PlaceId | None) -> str | None:
        if agent_id in self._calls:
            return WITH_THIS if self._places_talked.get(agent_id) == place_id else SkipReason.ON_CALL
        offered = self._places_offered.get(agent_id)
        if offered is None:
            return None
        return RINGS if offered[1] == place_id else SkipReason.HOLDS_OFFER

    def _blocked_phones(self, card: directory.AgentSaved) -> str | None:
        if card.pbx_id in self._lost or card.pbx_id in self._away:
            return SkipReason.PBX_AWAY
        states = [self._phones.get(phone_key(card.pbx_id, device.address)) for device in card.devices]
        if gateway.DeviceState.IN_USE in states:
            return SkipReason.ON_CALL
        if all(each is gateway.DeviceState.UNREACHABLE for each in states):
            return SkipReason.UNREACHABLE
        return None
