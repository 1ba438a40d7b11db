"""The inbound route: whom a call that arrives is for, by an order of precedence (D5)."""

from typing import TypeVar

from sortedcontainers import SortedSet

from contracts.gateway import CallArrived
from contracts.ids import AgentId
from contracts.routing import CallTaken, Rule
from services.routing.state import RoutingState, normal_number
from services.routing.state.records import Responsible

V = TypeVar("V")


def find(state: RoutingState, arrived: CallArrived) -> CallTaken | None:
    """Where a call goes first, or None if nobody has the number.

    From outside: to the responsible manager of the caller's number, else where the line leads. From inside:
    to the extension of that PBX, else where the line of the organization leads.
    """
    if arrived.is_internal:
        return _of_extension(state, arrived) or _of_line(state, arrived)
    return _of_responsible(state, arrived) or _of_line(state, arrived)


def _taken(state: RoutingState, arrived: CallArrived, rule: Rule, **where: str | None) -> CallTaken:
    """The route as a fact, with the caller's number in the form that every service compares and dials."""
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
        caller_agent_id=_inside_caller(state, arrived),
        **where,  # type: ignore[arg-type]  # ids of the field's own kind, by its name
    )


def _of_responsible(state: RoutingState, arrived: CallArrived) -> CallTaken | None:
    """A removed manager is passed over for the second person, or else for the line."""
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
        return _taken(state, arrived, Rule.SCENARIO, scenario_id=scenario_id)
    department_id = _first(state.departments_by_line.get(arrived.line))
    if department_id is not None:
        return _taken(state, arrived, Rule.DEPARTMENT_LINE, department_id=department_id)
    agent_id = _first(state.people_by_line.get(arrived.line))
    if agent_id is not None:
        return _taken(state, arrived, Rule.PERSONAL_NUMBER, agent_id=agent_id)
    return None


def _of_extension(state: RoutingState, arrived: CallArrived) -> CallTaken | None:
    key = (arrived.pbx_id, arrived.line)
    agent_id = _first(state.people_by_extension.get(key))
    if agent_id is not None:
        return _taken(state, arrived, Rule.EXTENSION, agent_id=agent_id)
    department_id = _first(state.departments_by_extension.get(key))
    if department_id is not None:
        return _taken(state, arrived, Rule.EXTENSION, department_id=department_id)
    return None


def _inside_caller(state: RoutingState, arrived: CallArrived) -> AgentId | None:
    """The employee who calls from inside, or None."""
    if not arrived.is_internal or not arrived.caller:
        return None
    return _first(state.people_by_extension.get((arrived.pbx_id, arrived.caller)))


def _first(ids: "SortedSet[V] | None") -> V | None:
    """If two claim one number by a mistake in the directory, the same one wins every time."""
    return ids[0] if ids else None
