"""Whom a call that arrives is for (D5): what is asked first wins."""

from typing import TypeVar

from sortedcontainers import SortedSet

from contracts.gateway import CallArrived
from contracts.ids import AgentId
from contracts.routing import CallTaken, Rule
from services.routing.state import RoutingState, normal_number
from services.routing.state.records import Responsible

V = TypeVar("V")


def called(state: RoutingState, arrived: CallArrived) -> CallTaken | None:
    """Where a call goes first, or None for a number that is nobody's.

    From outside: the responsible manager of the caller's number, then what the line leads to. From inside an
    extension of that PBX; whoever dials a line of the own organization goes where that line leads.
    """
    if arrived.is_internal:
        return _of_extension(state, arrived) or _of_line(state, arrived)
    return _of_responsible(state, arrived) or _of_line(state, arrived)


def _taken(state: RoutingState, arrived: CallArrived, rule: Rule, **where: str | None) -> CallTaken:
    """From here on the caller's number is the one that everybody compares, shows, speaks and dials."""
    caller = arrived.caller
    if caller is not None and not arrived.is_internal:
        caller = normal_number(caller, state.policy)
    return CallTaken(
        leg_id=arrived.leg_id,
        pbx_id=arrived.pbx_id,
        caller=caller,
        line=arrived.line,
        rule=rule,
        is_internal=arrived.is_internal,
        **where,  # type: ignore[arg-type]  # ids of the field's own kind, by its name
    )


def _of_responsible(state: RoutingState, arrived: CallArrived) -> CallTaken | None:
    """A manager who has left the company is passed over for the second person, or for the line."""
    found = _responsible(state, arrived.caller)
    if found is None:
        return None
    first, second = found.saved.agent_id, found.saved.second_agent_id
    there = [each for each in (first, second) if state.is_person_there(each)]
    if first is None or not there:
        return None
    second_agent_id = there[1] if len(there) > 1 and there[1] != there[0] else None
    return _taken(state, arrived, Rule.RESPONSIBLE, agent_id=there[0], second_agent_id=second_agent_id)


def _responsible(state: RoutingState, caller: str | None) -> Responsible | None:
    if not caller:
        return None
    return state.responsibles.get(normal_number(caller, state.policy)) or state.responsibles.get(caller)


def _of_line(state: RoutingState, arrived: CallArrived) -> CallTaken | None:
    scenario_id = _first(state.scenarios_by_line.get(arrived.line))
    if scenario_id is not None:
        return _taken(
            state, arrived, Rule.SCENARIO, scenario_id=scenario_id, caller_agent_id=_inside(state, arrived)
        )
    department_id = _first(state.departments_by_line.get(arrived.line))
    if department_id is not None:
        where = {"department_id": department_id, "caller_agent_id": _inside(state, arrived)}
        return _taken(state, arrived, Rule.DEPARTMENT_LINE, **where)
    agent_id = _first(state.people_by_line.get(arrived.line))
    if agent_id is not None:
        return _taken(
            state, arrived, Rule.PERSONAL_NUMBER, agent_id=agent_id, caller_agent_id=_inside(state, arrived)
        )
    return None


def _of_extension(state: RoutingState, arrived: CallArrived) -> CallTaken | None:
    key = (arrived.pbx_id, arrived.line)
    agent_id = _first(state.people_by_extension.get(key))
    if agent_id is not None:
        return _taken(
            state, arrived, Rule.EXTENSION, agent_id=agent_id, caller_agent_id=_inside(state, arrived)
        )
    department_id = _first(state.departments_by_extension.get(key))
    if department_id is not None:
        where = {"department_id": department_id, "caller_agent_id": _inside(state, arrived)}
        return _taken(state, arrived, Rule.EXTENSION, **where)
    return None


def _inside(state: RoutingState, arrived: CallArrived) -> AgentId | None:
    """The employee who calls from inside, or None."""
    if not arrived.is_internal or not arrived.caller:
        return None
    return _first(state.people_by_extension.get((arrived.pbx_id, arrived.caller)))


def _first(shelf: "SortedSet[V] | None") -> V | None:
    """Two who claim one number is the book's mistake; the same one wins every time."""
    return shelf[0] if shelf else None
