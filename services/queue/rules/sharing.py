"""Which agents a place is offered to now: the four strategies (Q1), declines (Q8), and the order (Q3)."""

from collections.abc import Iterator
from typing import Final

from contracts.directory import Strategy, StrategyKind
from contracts.ids import AgentId, DepartmentId, Instant
from contracts.queue import Skip, SkipReason
from services.queue.state import QueueState
from services.queue.state.records import Place

DECLINE_MS: Final = 10_000
"""Who declined a place is left in peace with it for this long (Q8)."""
STEP_MS: Final = {StrategyKind.LINEAR: 20_000, StrategyKind.CUMULATIVE: 10_000}
SKIPPED_MAX: Final = 200
"""More reasons than anybody reads; a department of more agents is cut here."""


def step_ms(strategy: Strategy) -> int:
    """How long until the next agent is rung, where the strategy has steps."""
    return strategy.step_ms if strategy.step_ms is not None else STEP_MS.get(strategy.kind, 0)


def ring_ms(strategy: Strategy) -> int:
    """How long one agent rings: linear stops the previous one at each step."""
    return step_ms(strategy) if strategy.kind is StrategyKind.LINEAR else strategy.ring_ms


def refuses(place: Place, agent_id: AgentId, now_at: Instant) -> SkipReason | None:
    """Why this place is not for this agent now, or None."""
    for declined_by, at in place.declined:
        if declined_by == agent_id and now_at - at < DECLINE_MS:
            return SkipReason.DECLINED_THIS_PLACE
    return SkipReason.TRIED_THIS_ROUND if agent_id in place.tried else None


def chosen(state: QueueState, place: Place) -> tuple[AgentId, ...]:
    """The agents to whom this place is offered now, in the order in which they are rung; may be none."""
    department = state.departments[place.department_id]
    free = [
        agent_id
        for _, _, agent_id in state.free.get(place.department_id, ())
        if refuses(place, agent_id, state.now_at) is None
    ]
    has_declined = {agent_id for agent_id, _ in place.declined}
    willing = [agent_id for agent_id in free if agent_id not in has_declined]
    # «While others can be»: who declined comes again only when nobody else could be rung, nor rings.
    eligible = willing or ([] if place.offers else free)
    if not eligible:
        return ()
    match department.saved.strategy.kind:
        case StrategyKind.RING_ALL:
            return tuple(eligible)
        case StrategyKind.LONGEST_IDLE:
            return (eligible[0],)
        case StrategyKind.LINEAR | StrategyKind.CUMULATIVE:
            order = place.round_order or tuple(seat.agent_id for seat in department.saved.agents)
            rank = {agent_id: at for at, agent_id in enumerate(order)}
            return (min(eligible, key=lambda agent_id: rank.get(agent_id, len(order))),)


def next_offers(
    state: QueueState, departments: tuple[DepartmentId, ...]
) -> tuple[Place, tuple[AgentId, ...]] | None:
    """The earliest place, over these departments, that some free agent can take, and these agents.

    Only agents that are free are looked at, and a place is passed over only when every free agent of its
    department has just missed or declined it: the cost does not grow with the queue.
    """
    best: tuple[Place, tuple[AgentId, ...]] | None = None
    for department_id in departments:
        found = _first(state, department_id)
        if found is not None and (best is None or found[0].rank < best[0].rank):
            best = found
    return best


def _first(state: QueueState, department_id: DepartmentId) -> tuple[Place, tuple[AgentId, ...]] | None:
    if not state.free.get(department_id):
        return None
    for place in _in_order(state, department_id):
        agents = chosen(state, place)
        if agents:
            return place, agents
    return None


def _in_order(state: QueueState, department_id: DepartmentId) -> Iterator[Place]:
    for rank in state.first_places(department_id):
        yield state.places[rank[2]]


def skipped(state: QueueState, place: Place, offered: tuple[AgentId, ...]) -> tuple[Skip, ...]:
    """Why each other agent of the department was not offered this place (Q2, H7)."""
    reasons = []
    for seat in state.departments[place.department_id].saved.agents[:SKIPPED_MAX]:
        if seat.agent_id in offered:
            continue
        reason = (
            state.blocked(place.department_id, seat.agent_id)
            or refuses(place, seat.agent_id, state.now_at)
            or SkipReason.NOT_THEIR_TURN
        )
        reasons.append(Skip(agent_id=seat.agent_id, reason=reason))
    return tuple(reasons)


def departments_of(state: QueueState, agent_id: AgentId) -> tuple[DepartmentId, ...]:
    """The departments in which an agent has a seat, in a fixed order."""
    return tuple(sorted(state.seats.get(agent_id, {})))
