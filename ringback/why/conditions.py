"""Why an agent is not offered a place at one moment, and what the place itself waits for.

Uses the queue's own reasons (`SkipReason`), and adds conditions that are not reasons to skip an agent: the
agent's phone rings for this place, the agent talks to its customer, or is free while the place is not
offered.
"""

from enum import StrEnum

import msgspec

from contracts.ids import AgentId, Instant, LegId, PlaceId
from contracts.queue import SkipReason
from services.queue.rules import agent_selection, waiting
from services.queue.state import QueueState
from services.queue.state.records import Phase, Place


class Here(StrEnum):
    """An agent who was not skipped."""

    RINGS = "rings"
    WITH_THIS = "with_this"
    FREE = "free"
    GONE = "gone"
    """The agent no longer has a seat in the department."""


class Standing(StrEnum):
    """A place's situation: whether it can be offered to an agent now."""

    WAITING = "waiting"
    ORDERING = "ordering"
    BETWEEN_ATTEMPTS = "between_attempts"
    LATE = "late"
    PBX_LOST = "pbx_lost"
    ACCEPTED = "accepted"
    WITH_CALLBACK = "with_callback"
    EXPIRED = "expired"
    NO_ANSWER = "no_answer"
    FALLBACK = "fallback"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's condition at one moment; `place_id` is the other place whose call keeps the agent."""

    code: SkipReason | Here
    place_id: PlaceId | None = None
    until_at: Instant | None = None
    is_earlier: bool = False
    """The other place is an earlier one, which comes first whatever its department (Q2)."""
    is_own: bool = False
    """The agent's other call did not come through a department."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A place and all agents who might take it, at one moment."""

    position: int | None
    standing: Standing
    until_at: Instant | None
    agents: tuple[tuple[AgentId, Condition], ...]


def view(state: QueueState, place: Place, calls: dict[LegId, PlaceId]) -> View:
    """The view now. `calls`: whose customer is on an agent's leg, from the offers."""
    department = state.departments[place.department_id].saved
    seats = [seat.agent_id for seat in department.agents]
    if place.phase is Phase.EXPIRED:
        # From here on callback decides: no agent of the department is offered the place any more.
        return View(position=None, standing=Standing.EXPIRED, until_at=None, agents=())
    others = [each.agent_id for each in state.offers if each.offer_id in place.offers]
    ranked = state.order.get(place.department_id, ())
    standing, until_at = _standing(state, place)
    return View(
        position=waiting.position(state, place) if place.rank in ranked else None,
        standing=standing,
        until_at=until_at,
        agents=tuple(
            (agent_id, condition(state, place, agent_id, calls))
            for agent_id in dict.fromkeys((*seats, *others))
        ),
    )


def _standing(state: QueueState, place: Place) -> tuple[Standing, Instant | None]:
    if place.phase is not Phase.WAITING:
        return Standing(place.phase), None
    if place.is_late:
        return Standing.LATE, None
    if place.held_until_at is not None:
        return Standing.BETWEEN_ATTEMPTS, place.held_until_at
    if place.leg_id is None and place.callback_id is None:
        return Standing.ORDERING, None
    if state.pbx(place.pbx_id).is_lost:
        return Standing.PBX_LOST, None
    return Standing.WAITING, None


def condition(state: QueueState, place: Place, agent_id: AgentId, calls: dict[LegId, PlaceId]) -> Condition:
    """Why this agent is not offered this place now, or what the agent is doing for it."""
    line = state.activity(agent_id)
    if place.agent_id == agent_id:
        return Condition(code=Here.WITH_THIS)
    if line.offer_id is not None and line.offer_id in place.offers:
        return Condition(code=Here.RINGS)
    reason = state.blocked(place.department_id, agent_id)
    if reason is not None:
        return _blocked(state, place, agent_id, reason, calls)
    refused = agent_selection.refuses(place, agent_id, state.now_at)
    if refused is not None:
        return _refused(state, place, agent_id, refused)
    if any(declined_by == agent_id for declined_by, _ in place.declined):
        # «While others can be»: the ten seconds have passed, and another agent has not been offered it yet.
        return Condition(code=SkipReason.DECLINED_THIS_PLACE)
    if place.offers and place.phase is Phase.WAITING and not place.is_late:
        return Condition(code=SkipReason.NOT_THEIR_TURN)
    return Condition(code=Here.FREE)


def _blocked(
    state: QueueState, place: Place, agent_id: AgentId, reason: SkipReason, calls: dict[LegId, PlaceId]
) -> Condition:
    line = state.activity(agent_id)
    match reason:
        case SkipReason.ON_CALL if line.leg_id is not None:
            return Condition(code=reason, place_id=line.place_id or calls.get(line.leg_id))
        case SkipReason.ON_CALL:
            is_direct = line.direct_leg_id is not None
            return Condition(code=reason, is_own=is_direct or _is_on_own_call(state, agent_id))
        case SkipReason.HOLDS_OFFER:
            offer = state.offers.get(line.offer_id or "")
            other = state.places.get(offer.place_id) if offer is not None else None
            is_earlier = other is not None and other.rank < place.rank
            return Condition(
                code=reason, place_id=None if other is None else other.place_id, is_earlier=is_earlier
            )
        case SkipReason.WRAP_UP:
            return Condition(code=reason, until_at=line.wrap_up_until_at)
        case SkipReason.UNREACHABLE | SkipReason.TOO_LATE:
            return Condition(code=reason, until_at=line.rests_until_at)
        case SkipReason.PBX_AWAY:
            agent = state.agents[agent_id].saved
            away = None if agent is None else state.pbx(agent.pbx_id).away_until_at
            return Condition(code=reason, until_at=away)
        case _:
            return Condition(code=reason)


def _is_on_own_call(state: QueueState, agent_id: AgentId) -> bool:
    """Whether a phone is on a call unknown to us; else our own call has just ended on it."""
    agent = state.agents[agent_id].saved
    known = () if agent is None else state.phones_of(agent)
    return any(phone is not None and phone.is_in_use and not phone.is_ours for phone in known)


def _refused(state: QueueState, place: Place, agent_id: AgentId, reason: SkipReason) -> Condition:
    if reason is SkipReason.DECLINED_THIS_PLACE:
        at = max(at for declined_by, at in place.declined if declined_by == agent_id)
        return Condition(code=reason, until_at=Instant(at + agent_selection.DECLINE_MS))
    again = state.timers.get(f"round/{place.place_id}")
    return Condition(code=reason, until_at=None if again is None else again.due_at)
