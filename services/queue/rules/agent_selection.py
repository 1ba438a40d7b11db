"""Which agents are offered a place now: the four strategies (Q1), declines (Q8), and the order (Q3)."""

from collections.abc import Collection, Iterator
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

from contracts.directory import Strategy, StrategyKind
from contracts.ids import AgentId, DepartmentId, Instant
from contracts.queue import Skip, SkipReason
from services.queue.rules import limits
from services.queue.state import QueueState
from services.queue.state.records import Place

DECLINE_MS: Final = 10_000
"""An agent who declined a place is not offered it again for this long (Q8)."""
STEP_MS: Final = {StrategyKind.LINEAR: 20_000, StrategyKind.CUMULATIVE: 10_000}
REST_MS_MIN: Final = 1_000
"""The shortest pause between rounds, whatever was set."""
FAILED_REST_MS_MAX: Final = 60_000
"""A phone that is busy or dead again and again is tried at least once a minute, like a PBX that can't be
reached (O9). Some PBXs never report that a phone is idle again; their agents wait no longer than this."""
DOUBLINGS_MAX: Final = 10
"""More doublings than this would exceed the maximum in any case."""
LATE_OFFERS_MAX: Final = 3
"""After this many late offers of a place in a row the machine gets a pause. One is a hiccup; three, each late
by ten seconds, are half a minute in which no dialling reaches a phone."""
LATE_WINDOW_MS: Final = 60_000
"""Offers that came too late longer ago than this no longer count."""
SKIPPED_MAX: Final = 200
"""Nobody reads more reasons than this; the list of a larger department ends here."""


def step_ms(strategy: Strategy) -> int:
    """How long until the next agent is rung; 0 where the strategy has no steps."""
    return strategy.step_ms if strategy.step_ms is not None else STEP_MS.get(strategy.kind, 0)


def ring_ms(strategy: Strategy) -> int:
    """How long one agent's phones ring: linear stops the previous agent's at each step."""
    return step_ms(strategy) if strategy.kind is StrategyKind.LINEAR else strategy.ring_ms


def ring_ms_longest(strategy: Strategy, agents: int) -> int:
    """How long a phone may ring at most: with cumulative the first rings until the last one's ring ends.

    An agent who was busy may start to ring only when the others' ring ends.
    """
    waits = max(0, agents - 1) if strategy.kind is StrategyKind.CUMULATIVE else 0
    return ring_ms(strategy) + waits * max(step_ms(strategy), ring_ms(strategy))


def pause_ms(strategy: Strategy) -> int:
    """How long a place pauses between two rounds; never 0, which would be an endless loop."""
    return max(REST_MS_MIN, strategy.pause_between_rounds_ms)


def rest_ms(strategy: Strategy, failures: int) -> int:
    """How long an agent rests after this many offers in a row that reached none of the agent's phones.

    The pause between rounds, doubled each time up to the maximum; a department's longer pause is kept.
    """
    pause = pause_ms(strategy)
    return max(pause, min(FAILED_REST_MS_MAX, pause << min(failures - 1, DOUBLINGS_MAX)))


def late_offers(place: Place, now_at: Instant) -> int:
    """How many recent offers of a place in a row have come too late."""
    return place.late_count if now_at - place.late_at < LATE_WINDOW_MS else 0


def is_always_late(place: Place, now_at: Instant) -> bool:
    """Whether the next offer of this place would very likely come too late as well."""
    return late_offers(place, now_at) >= LATE_OFFERS_MAX


def refuses(place: Place, agent_id: AgentId, now_at: Instant) -> SkipReason | None:
    """Why this place is not offered to this agent now, or None."""
    for declined_by, at in place.declined:
        if declined_by == agent_id and now_at - at < DECLINE_MS:
            return SkipReason.DECLINED_THIS_PLACE
    return SkipReason.TRIED_THIS_ROUND if agent_id in place.tried else None


def chosen(state: QueueState, place: Place, taken: Collection[AgentId] = ()) -> tuple[AgentId, ...]:
    """The agents to whom this place is offered now, in the order in which they are rung; may be empty.

    `taken` are agents to whom the same decision has already offered another place.
    """
    department = state.departments[place.department_id]
    found = (
        agent_id
        for _, _, agent_id in state.free.get(place.department_id, ())
        if agent_id not in taken and refuses(place, agent_id, state.now_at) is None
    )
    if department.saved.strategy.kind is StrategyKind.LONGEST_IDLE and not place.declined:
        # The usual case: of fifty free agents one is looked at.
        return tuple(islice(found, 1))
    free = list(found)
    has_declined = {agent_id for agent_id, _ in place.declined}
    willing = [agent_id for agent_id in free if agent_id not in has_declined]
    # Q8: an agent who declined is rung again only when nobody else rings or can be rung.
    eligible = willing or ([] if place.offers else free)
    if not eligible:
        return ()
    match department.saved.strategy.kind:
        case StrategyKind.RING_ALL:
            return tuple(_one_probe_each(state, eligible))
        case StrategyKind.LONGEST_IDLE:
            return (eligible[0],)
        case StrategyKind.LINEAR | StrategyKind.CUMULATIVE:
            order = place.round_order or tuple(seat.agent_id for seat in department.saved.agents)
            rank = {agent_id: at for at, agent_id in enumerate(order)}
            return (min(eligible, key=lambda agent_id: rank.get(agent_id, len(order))),)


def _one_probe_each(state: QueueState, agents: list[AgentId]) -> Iterator[AgentId]:
    """Leave only one agent of a PBX that is being probed (O9)."""
    probed = []
    for agent_id in agents:
        agent = state.agents[agent_id].saved
        pbx_id = agent.pbx_id if agent is not None else None
        if pbx_id is not None and state.pbx(pbx_id).is_probing:
            if pbx_id in probed:
                continue
            probed.append(pbx_id)
        yield agent_id


def _probed_with(state: QueueState, agents: tuple[AgentId, ...]) -> Iterator[AgentId]:
    """All agents of the PBXs that these agents' offers probe: the next place does not get them either."""
    for agent_id in agents:
        agent = state.agents[agent_id].saved
        if agent is not None and state.pbx(agent.pbx_id).is_probing:
            yield from state.agents_of_pbx(agent.pbx_id)


class Turn(NamedTuple):
    """A place whose turn it is, the agents rung for it, and those left out because too many phones ring."""

    place: Place
    agents: tuple[AgentId, ...]
    left_out: tuple[AgentId, ...] = ()


def next_offers(state: QueueState, departments: tuple[DepartmentId, ...]) -> Iterator[Turn]:
    """The open places of these departments in order, each with the free agents who are rung for it now.

    The earliest place comes first whatever its department, so that an agent of several departments gets the
    earlier one (Q2). The cost does not grow with the queue: only free agents are looked at, and a place is
    passed over only when every free agent of its department has just missed or declined it.
    """
    taken: set[AgentId] = set()
    allowance = limits.PhoneAllowance(state)
    open_places = merge(
        *(_in_order(state, department_id, taken, allowance) for department_id in dict.fromkeys(departments)),
        key=lambda place: place.rank,
    )
    for place in open_places:
        wanted = chosen(state, place, taken)
        agents = allowance.reserve(place.department_id, wanted)
        if agents:
            taken.update(agents)
            taken.update(_probed_with(state, agents))
            yield Turn(place, agents, wanted[len(agents) :])


def _in_order(
    state: QueueState, department_id: DepartmentId, taken: set[AgentId], allowance: limits.PhoneAllowance
) -> Iterator[Place]:
    """A department's open places in order, while an agent is free for them and one more phone may ring."""
    free = state.free.get(department_id, ())
    for rank in state.first_places(department_id):
        if allowance.is_full(department_id) or all(agent_id in taken for _, _, agent_id in free):
            return
        yield state.places[rank[2]]


def skipped(state: QueueState, turn: Turn, holding: Collection[AgentId] = ()) -> tuple[Skip, ...]:
    """Why each other agent of the department was not offered this place (Q2, H7).

    `holding` are agents to whom the same decision offers another place.
    """
    reasons = []
    place = turn.place
    for seat in state.departments[place.department_id].saved.agents[:SKIPPED_MAX]:
        if seat.agent_id in turn.agents:
            continue
        reason = (
            state.skip(place.department_id, seat.agent_id)
            or (SkipReason.HOLDS_OFFER if seat.agent_id in holding else None)
            or refuses(place, seat.agent_id, state.now_at)
            or (SkipReason.LIMIT_OF_LEGS if seat.agent_id in turn.left_out else SkipReason.NOT_THEIR_TURN)
        )
        reasons.append(Skip(agent_id=seat.agent_id, reason=reason))
    return tuple(reasons)


def departments_of(state: QueueState, agent_id: AgentId) -> tuple[DepartmentId, ...]:
    """The departments in which an agent has a seat, in a fixed order."""
    return tuple(sorted(state.seats.get(agent_id, {})))
