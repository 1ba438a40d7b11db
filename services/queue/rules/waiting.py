"""Positions, wait estimates, working time, and whether anybody can come (Q4, Q6, E5, E6)."""

from typing import Final

from contracts.directory import AgentAvailabilitySaved
from contracts.ids import DepartmentId, Instant
from contracts.queue import SkipReason
from services.queue.state import QueueState
from services.queue.state.records import Pace, Place

CALLS_MIN: Final = 3
"""Fewer calls give no estimate: the first may be a wrong number of ten seconds or a complaint of an hour;
with three, two others outweigh one such call."""
HANDLING_WEIGHT: Final = 10
"""The average follows the last ten calls: an hour's change of pace shows, one long call hardly does."""
INVITATION_LEFT_MS_MIN: Final = 15_000
"""Nobody is invited to order a callback with less time than this to the deadline (C12)."""


def position(state: QueueState, place: Place) -> int:
    """The place's rank in its department, from 1."""
    return int(state.order[place.department_id].bisect_left(place.rank)) + 1


def wait_estimate_ms(state: QueueState, department_id: DepartmentId, position_: int) -> int | None:
    """How long a place in this position will wait; None: nobody takes calls, or too little is known (Q4).

    All agents count who are free or soon will be, including busy ones. Only the department's own calls say
    how long its calls take.
    """
    agents = len(state.taking.get(department_id, ()))
    pace = state.paces.get(department_id)
    if agents == 0 or pace is None or pace.calls < CALLS_MIN:
        return None
    return -(-position_ * pace.handling_ms // agents)


def pace_after(known: Pace | None, department_id: DepartmentId, talked_ms: int) -> Pace:
    """The department's pace after one more call: a plain average at first, then weighted to the last ten."""
    if known is None:
        return Pace(department_id, talked_ms, 1)
    calls = min(known.calls + 1, HANDLING_WEIGHT)
    return Pace(department_id, known.handling_ms + (talked_ms - known.handling_ms) // calls, calls)


def is_at_work(availability: AgentAvailabilitySaved | None, at: Instant) -> bool:
    """Whether an agent works at an instant; an absence overrides hours, unknown hours are open (E5, E6)."""
    if availability is None:
        return True
    if any(absence.contains(at) for absence in availability.absences):
        return False
    if availability.hours is None:
        return True
    if availability.known_until_at is not None and at >= availability.known_until_at:
        return True
    return any(hours.contains(at) for hours in availability.hours)


def next_change_at(availability: AgentAvailabilitySaved | None, after: Instant) -> Instant | None:
    """The next instant at which an agent may start or stop working, or None."""
    if availability is None:
        return None
    intervals = (*availability.absences, *(availability.hours or ()))
    edges = [edge for each in intervals for edge in (each.from_at, each.until_at) if edge is not None]
    if availability.known_until_at is not None:
        edges.append(availability.known_until_at)
    return min((edge for edge in edges if edge > after), default=None)


def nobody_can_come(state: QueueState, department_id: DepartmentId) -> bool:
    """Whether the department has no agents, or all are suspended, absent or out of hours (Q6)."""
    return not state.can_come.get(department_id)


def is_closed(state: QueueState, place: Place) -> bool:
    """Whether all agents who are not suspended are out of hours."""
    seats = state.departments[place.department_id].saved.agents
    agents = [seat.agent_id for seat in seats if not seat.is_suspended]
    return bool(agents) and all(
        state.skip(place.department_id, agent_id) is SkipReason.OUT_OF_HOURS for agent_id in agents
    )


def callers(state: QueueState, place: Place) -> int:
    """How many callers wait on the line in the place's department, this one included (Q13)."""
    return len(state.live.get(place.department_id, ()))


def is_full(state: QueueState, department_id: DepartmentId) -> bool:
    """Whether one more caller would exceed the department's limit (Q13)."""
    waiting_max = state.departments[department_id].saved.waiting_max
    return waiting_max is not None and len(state.live.get(department_id, ())) >= waiting_max


def may_invite(state: QueueState, place: Place) -> bool:
    """Whether a waiting caller may be invited to order a callback now (C1, C12)."""
    department = state.departments[place.department_id].saved
    return (
        department.callback.is_on
        and not place.is_internal
        and place.callback_id is None
        and not place.is_beyond_limit
        and place.deadline_at - state.now_at >= INVITATION_LEFT_MS_MIN
    )
