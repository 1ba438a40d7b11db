"""Routing's state of one organization: tables of small records, and indexes derived from them.

Indexes are never stored; loading rebuilds them.
"""

from functools import lru_cache
from typing import TypeVar

from sortedcontainers import SortedSet

from contracts import directory
from contracts.dialling import DiallingPolicy, canonical, refusal_of_address
from contracts.ids import Address, AgentId, DepartmentId, LegId, PbxId, ScenarioId, TryId
from contracts.routing import Hop
from contracts.scenario import Element, ElementKind, ScenarioSaved
from runtime.records import State
from services.routing.state.records import (
    Call,
    Department,
    FormerScenario,
    Notice,
    Organization,
    Pbx,
    Person,
    Phone,
    Responsible,
    Scenario,
    Try,
    former_key,
)

K = TypeVar("K")
V = TypeVar("V")
NO_POLICY = DiallingPolicy(is_on=False)


class RoutingState(State):
    """The tables, and these indexes.

    `departments_by_line`, `people_by_line`, `scenarios_by_line`: who has a public number.
    `departments_by_extension`, `people_by_extension`: who has an extension of a PBX.
    `calls_by_leg`: the call for which a phone rings or talks. `tries_of`: the tries of an employee.
    `calls_of`: the calls that an employee has made or answered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.try_with_leg_gone: TryId | None = None
        """The try that lost a phone by the fact at hand: for the decision of the same step, never stored."""
        self.departments_by_line: dict[str, SortedSet[DepartmentId]] = {}
        self.people_by_line: dict[str, SortedSet[AgentId]] = {}
        self.scenarios_by_line: dict[str, SortedSet[ScenarioId]] = {}
        self.departments_by_extension: dict[tuple[PbxId, str], SortedSet[DepartmentId]] = {}
        self.people_by_extension: dict[tuple[PbxId, str], SortedSet[AgentId]] = {}
        self.calls_by_leg: dict[LegId, LegId] = {}
        self.tries_of: dict[AgentId, SortedSet[TryId]] = {}
        self.calls_of: dict[AgentId, SortedSet[LegId]] = {}
        self.organizations = self.table("organizations", Organization)
        self.pbxs = self.table("pbxs", Pbx)
        self.departments = self.table("departments", Department, self._index_department)
        self.people = self.table("people", Person, self._index_person)
        self.responsibles = self.table("responsibles", Responsible)
        self.scenarios = self.table("scenarios", Scenario, self._index_scenario)
        self.former_scenarios = self.table("former_scenarios", FormerScenario)
        self.notices = self.table("notices", Notice)
        self.phones = self.table("phones", Phone)
        self.calls = self.table("calls", Call, self._index_call)
        self.tries = self.table("tries", Try, self._index_try)

    # Reading.

    @property
    def policy(self) -> DiallingPolicy:
        """Whom this organization's PBXs may dial; nobody outside until its card is known."""
        organization = next(iter(self.organizations), None)
        return NO_POLICY if organization is None else organization.saved.dialling_policy

    @property
    def language(self) -> directory.Language:
        """The language of notices."""
        organization = next(iter(self.organizations), None)
        return directory.Language.RUSSIAN if organization is None else organization.saved.language

    def pbx(self, pbx_id: PbxId) -> Pbx:
        """The PBX, or an empty record if nothing is known of it."""
        return self.pbxs.get(pbx_id) or Pbx(pbx_id)

    def person(self, agent_id: AgentId) -> Person:
        """The person, or an empty record if nothing is known of them."""
        return self.people.get(agent_id) or Person(agent_id)

    def is_person_there(self, agent_id: AgentId | None) -> bool:
        """Whether the directory has this employee, and has not removed them."""
        person = self.people.get(agent_id)
        return person is not None and person.saved is not None and not person.saved.is_removed

    def is_department_there(self, department_id: DepartmentId | None) -> bool:
        """Whether the directory has this department, and has not removed it."""
        department = self.departments.get(department_id)
        return department is not None and not department.is_removed

    def is_there(self, hop: Hop) -> bool:
        """Whether the stop's employee or department still exists."""
        return self.is_person_there(hop.agent_id) or self.is_department_there(hop.department_id)

    def call_of_leg(self, leg_id: LegId | None) -> Call | None:
        """The call whose caller, or whose rung or talking phone, this leg is."""
        if leg_id is None:
            return None
        return self.calls.get(leg_id) or self.calls.get(self.calls_by_leg.get(leg_id, ""))

    def try_of(self, call: Call) -> Try | None:
        """The try that rings for a call."""
        return self.tries.get(call.try_id)

    def try_of_leg(self, leg_id: LegId | None) -> Try | None:
        """The try that rings for the call of this leg."""
        call = self.call_of_leg(leg_id)
        return None if call is None else self.try_of(call)

    def scenario_of(self, call: Call) -> ScenarioSaved | None:
        """The call's scenario, in the version in which the call began it."""
        if call.scenario_id is None:
            return None
        current = self.scenarios.get(call.scenario_id)
        if current is not None and current.saved.version == call.scenario_version:
            return current.saved
        former = self.former_scenarios.get(former_key(call.scenario_id, call.scenario_version))
        return None if former is None else former.saved

    def element_of(self, call: Call) -> Element | None:
        """The call's element of its scenario."""
        scenario = self.scenario_of(call)
        return None if scenario is None else element_named(scenario, call.element_id)

    def is_limited(self, call: Call) -> bool:
        """Whether the scenario limits how long the employee rings, and goes on after that (S2)."""
        element = self.element_of(call)
        return (
            element is not None
            and element.kind is ElementKind.INTERNAL_SUBSCRIBER
            and element.wait_ms is not None
        )

    def may_dial(self, address: Address) -> bool:
        """Whether policy allows an employee's phone to be dialled (C10); it is about public numbers only."""
        scheme, _, number = address.partition(":")
        return scheme != "tel" or employee_refusal(number, self.policy) is None

    # Indexes.

    def _index_department(self, old: Department | None, new: Department | None) -> None:
        for each, is_wanted in ((old, False), (new, True)):
            if each is None or each.is_removed:
                continue
            for line in each.lines:
                _index(self.departments_by_line, line, each.department_id, is_wanted=is_wanted)
            extension = (each.pbx_id, each.extension)
            _index(self.departments_by_extension, extension, each.department_id, is_wanted=is_wanted)

    def _index_person(self, old: Person | None, new: Person | None) -> None:
        for each, is_wanted in ((old, False), (new, True)):
            if each is None or each.saved is None or each.saved.is_removed:
                continue
            extension = (each.saved.pbx_id, each.saved.extension)
            _index(self.people_by_extension, extension, each.agent_id, is_wanted=is_wanted)
            for number in each.rules.numbers if each.rules is not None else ():
                _index(self.people_by_line, number, each.agent_id, is_wanted=is_wanted)

    def _index_scenario(self, old: Scenario | None, new: Scenario | None) -> None:
        for each, is_wanted in ((old, False), (new, True)):
            if each is None or each.saved.is_removed:
                continue
            for line in each.saved.lines:
                _index(self.scenarios_by_line, line, each.scenario_id, is_wanted=is_wanted)

    def _index_call(self, old: Call | None, new: Call | None) -> None:
        for each, is_wanted in ((old, False), (new, True)):
            if each is None:
                continue
            for agent_id in (each.caller_agent_id, each.with_agent_id):
                if agent_id is not None:
                    _index(self.calls_of, agent_id, each.leg_id, is_wanted=is_wanted)
            if each.with_leg_id is None:
                continue
            if is_wanted:
                self.calls_by_leg[each.with_leg_id] = each.leg_id
            else:
                self.calls_by_leg.pop(each.with_leg_id, None)

    def _index_try(self, old: Try | None, new: Try | None) -> None:
        for each, is_wanted in ((old, False), (new, True)):
            if each is None:
                continue
            if each.agent_id is not None:
                _index(self.tries_of, each.agent_id, each.try_id, is_wanted=is_wanted)
            for leg_id in each.open_legs:
                if is_wanted:
                    self.calls_by_leg[leg_id] = each.leg_id
                else:
                    self.calls_by_leg.pop(leg_id, None)


def element_named(scenario: ScenarioSaved, element_id: str) -> Element | None:
    """The element of a scenario, or None."""
    return next((each for each in scenario.elements if each.element_id == element_id), None)


def _index(sets: "dict[K, SortedSet[V]]", key: K, value: V, *, is_wanted: bool) -> None:
    """Add a value to the index's set of this key, or remove it; drop the set when it becomes empty."""
    values = sets.get(key)
    if is_wanted:
        sets.setdefault(key, SortedSet()).add(value)
    elif values is not None:
        values.discard(value)
        if not values:
            del sets[key]


@lru_cache(maxsize=4096)
def employee_refusal(number: str, policy: DiallingPolicy) -> str | None:
    """Why policy forbids to dial an employee's number, or None; cached, since the answer is slow to find."""
    return refusal_of_address(number, policy)


@lru_cache(maxsize=4096)
def normal_number(number: str, policy: DiallingPolicy) -> str:
    """A number as every service keeps it: E.164 if it is a valid number, else unchanged."""
    return canonical(number, policy) or number
