"""Which agents a place is offered to now: the four strategies (Q1), declines (Q8), and the order (Q3)."""

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
"""Who declined a place is left in peace with it for this long (Q8)."""
STEP_MS: Final = {StrategyKind.LINEAR: 20_000, StrategyKind.CUMULATIVE: 10_000}
REST_MS_MIN: Final = 1_000
"""The pause between rounds is never less, whatever was set."""
FAILED_REST_MS_MAX: Final = 60_000
"""A phone that is busy or dead again and again is tried once a minute at least, as a PBX is that can't be
reached (O9): an agent whose PBX never tells that the phone is idle again misses no more than that."""
DOUBLINGS_MAX: Final = 10
"""Beyond this every pause is longer than the maximum."""
LATE_OFFERS_MAX: Final = 3
"""So many offers of a place in a row may come too late before the machine is given a pause: one is a hiccup;
three, each late by ten seconds, are half a minute in which nothing that is dialled reaches a phone."""
LATE_WINDOW_MS: Final = 60_000
"""Offers that came too late longer ago than this are of another spell."""
SKIPPED_MAX: Final = 200
"""More reasons than anybody reads; a department of more agents is cut here."""


def step_ms(strategy: Strategy) -> int:
    """How long until the next agent is rung, where the strategy has steps."""
    return strategy.step_ms if strategy.step_ms is not None else STEP_MS.get(strategy.kind, 0)


def ring_ms(strategy: Strategy) -> int:
    """How long one agent rings: linear stops the previous one at each step."""
    return step_ms(strategy) if strategy.kind is StrategyKind.LINEAR else strategy.ring_ms


def ring_ms_longest(strategy: Strategy, agents: int) -> int:
    """How long a phone may ring at most: cumulative, the first rings on until the last one's ring is over.

    The next agent may start as late as at the end of the others' ring: whoever was busy until then.
    """
    waits = max(0, agents - 1) if strategy.kind is StrategyKind.CUMULATIVE else 0
    return ring_ms(strategy) + waits * max(step_ms(strategy), ring_ms(strategy))


def pause_ms(strategy: Strategy) -> int:
    """How long a place rests between two rounds; never nothing, which would be a loop."""
    return max(REST_MS_MIN, strategy.pause_between_rounds_ms)


def rest_ms(strategy: Strategy, failures: int) -> int:
    """How long an agent is not offered the next place whom no phone reached so many times in a row.

    The same pause, then twice as long each time, to the maximum; a department that pauses longer has its way.
    """
    pause = pause_ms(strategy)
    return max(pause, min(FAILED_REST_MS_MAX, pause << min(failures - 1, DOUBLINGS_MAX)))


def late_offers(place: Place, now_at: Instant) -> int:
    """How many offers of a place in a row have come too late in this spell."""
    return place.late_count if now_at - place.late_at < LATE_WINDOW_MS else 0


def is_always_late(place: Place, now_at: Instant) -> bool:
    """Whether the next offer of this place would very likely come too late as well."""
    return late_offers(place, now_at) >= LATE_OFFERS_MAX


def refuses(place: Place, agent_id: AgentId, now_at: Instant) -> SkipReason | None:
    """Why this place is not for this agent now, or None."""
    for declined_by, at in place.declined:
        if declined_by == agent_id and now_at - at < DECLINE_MS:
            return SkipReason.DECLINED_THIS_PLACE
    return SkipReason.TRIED_THIS_ROUND if agent_id in place.tried else None


def chosen(state: QueueState, place: Place, taken: Collection[AgentId] = ()) -> tuple[AgentId, ...]:
    """The agents to whom this place is offered now, in the order in which they are rung; may be none.

    `taken` are agents to whom this very decision has offered something else already.
    """
    department = state.departments[place.department_id]
    found = (
        agent_id
        for _, _, agent_id in state.free.get(place.department_id, ())
        if agent_id not in taken and refuses(place, agent_id, state.now_at) is None
    )
    if department.saved.strategy.kind is StrategyKind.LONGEST_IDLE and not place.declined:
        # The usual case: of fifty who are free one is looked at.
        return tuple(islice(found, 1))
    free = list(found)
    has_declined = {agent_id for agent_id, _ in place.declined}
    willing = [agent_id for agent_id in free if agent_id not in has_declined]
    # «While others can be»: who declined comes again only when nobody else could be rung, nor rings.
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
    """Of a PBX that is being probed one agent is rung, not all (O9)."""
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
    """The other agents of a PBX that one of these probes: they are not for the next place, either."""
    for agent_id in agents:
        agent = state.agents[agent_id].saved
        if agent is not None and state.pbx(agent.pbx_id).is_probing:
            yield from state.agents_of_pbx(agent.pbx_id)


class Turn(NamedTuple):
    """A place whose turn it is, who is rung for it now, and who is not because too many phones ring."""

    place: Place
    agents: tuple[AgentId, ...]
    left_out: tuple[AgentId, ...] = ()


def next_offers(state: QueueState, departments: tuple[DepartmentId, ...]) -> Iterator[Turn]:
    """Places in order over these departments, each with the free agents who are rung for it now.

    The earliest place comes first whatever its department, so that an agent of several departments gets
    the earlier one (Q2). Only free agents are looked at, and a place is passed over only when every free
    agent of its department has just missed or declined it: the cost does not grow with the queue.
    """
    taken: set[AgentId] = set()
    room = limits.Room(state)
    open_places = merge(
        *(_in_order(state, department_id, taken, room) for department_id in dict.fromkeys(departments)),
        key=lambda place: place.rank,
    )
    for place in open_places:
        wanted = chosen(state, place, taken)
        agents = room.fitting(place.department_id, wanted)
        if agents:
            taken.update(agents)
            taken.update(_probed_with(state, agents))
            yield Turn(place, agents, wanted[len(agents) :])


def _in_order(
    state: QueueState, department_id: DepartmentId, taken: set[AgentId], room: limits.Room
) -> Iterator[Place]:
    """A department's open places, for as long as somebody is free for them and a phone more may ring."""
    free = state.free.get(department_id, ())
    for rank in state.first_places(department_id):
        if room.is_full(department_id) or all(agent_id in taken for _, _, agent_id in free):
            return
        yield state.places[rank[2]]


def skipped(state: QueueState, turn: Turn, holding: Collection[AgentId] = ()) -> tuple[Skip, ...]:
    """Why each other agent of the department was not offered this place (Q2, H7).

    `holding` are agents to whom this very decision offers another place.
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
