"""Checks a card of any kind against its office, and finds what prevents a card's removal."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Final

from msgspec import structs

from contracts.directory import PbxKind
from contracts.scenario import ElementKind
from services.directory.rules import (
    ceilings,
    departments,
    direct_calls,
    employees,
    extensions,
    forwarding,
    hours,
    notices,
    scenarios,
)
from services.directory.rules.errors import Code, Problem
from services.directory.rules.extensions import name_of
from services.directory.state import limits
from services.directory.state.cards import (
    DepartmentCard,
    EmployeeCard,
    ExtensionCard,
    NoticeChoice,
    OrganizationCard,
    PbxCard,
    ResponsibleCard,
    RulesCard,
    ScenarioCard,
    Who,
)
from services.directory.state.office import PARTS, Kind, Office, card_of


class SharedChecks:
    """Checks across an office's cards, whose common part is computed once for all of them."""

    def __init__(self, office: Office) -> None:
        self._office = office

    @cached_property
    def _owners(self) -> extensions.Owners:
        return extensions.owners(self._office)

    @cached_property
    def _logins(self) -> Counter[str]:
        return Counter(card.login for card in self._office.employees.values())

    @cached_property
    def _loops(self) -> list[forwarding.Loop]:
        return forwarding.certain(self._office)

    def problems(self, kind: Kind, id_: str) -> Iterator[Problem]:
        """An extension or a login that another card has, too (E1, E2), and loops through the card (D6)."""
        card = card_of(self._office, kind, id_)
        if isinstance(card, EmployeeCard | ExtensionCard | DepartmentCard):
            yield from extensions.problems(
                self._office, (kind, id_), card.pbx_id, card.extension, self._owners
            )
        if isinstance(card, EmployeeCard):
            yield from employees.login(card, self._logins)
        if isinstance(card, RulesCard | DepartmentCard):
            step = (Kind.DEPARTMENT if kind is Kind.DEPARTMENT else Kind.EMPLOYEE, id_)
            yield from forwarding.loops(self._office, step, self._loops)


def problems(office: Office, kind: Kind, id_: str, shared: SharedChecks | None = None) -> list[Problem]:
    """All errors and warnings about a card of the office; `shared` belongs to that office."""
    checks: dict[Kind, Callable[[], Iterable[Problem]]] = {
        Kind.ORGANIZATION: lambda: _organization(office),
        Kind.PBX: lambda: _pbx(office, id_, office.pbxs[id_]),
        Kind.EMPLOYEE: lambda: employees.employee(office, id_, office.employees[id_]),
        Kind.EXTENSION: lambda: employees.extension(office, office.extensions[id_]),
        Kind.DEPARTMENT: lambda: _department(office, id_, office.departments[id_]),
        Kind.NOTICE: lambda: notices.notice(office, office.notices[id_]),
        Kind.RULES: lambda: direct_calls.rules(office, id_, office.rules[id_]),
        Kind.SCENARIO: lambda: scenarios.scenario(office, id_, office.scenarios[id_]),
    }
    own = checks[kind]()
    return [*own, *(shared or SharedChecks(office)).problems(kind, id_), *_too_many(office, kind)]


def problems_alone(office: Office, kind: Kind, id_: str) -> list[Problem]:
    """The same for a card that is saved alone: also where an employee's mobile rings too briefly (E4, S3).

    In a sheet the departments, rules and scenarios have these warnings themselves.
    """
    found = problems(office, kind, id_)
    if kind is not Kind.EMPLOYEE:
        return found
    short = {each.code: each for each in _short_rings(office, id_)}
    return [*found, *short.values()]


def _short_rings(office: Office, id_: str) -> Iterator[Problem]:
    """Where an employee's mobile rings too briefly, the shortest time last."""
    times_ms = [departments.ring_ms(office.departments[each]) for each in office.departments_of(id_)]
    if (rules := office.rules.get(id_)) is not None:
        times_ms.append(rules.no_answer_ms)
    times_ms += [
        element.wait_ms
        for scenario in office.scenarios.values()
        for element in scenario.elements
        if element.kind is ElementKind.INTERNAL_SUBSCRIBER
        and element.agent_id == id_
        and element.wait_ms is not None
    ]
    for ring_ms in sorted(times_ms, reverse=True):
        yield from employees.mobile_time(office.employees[id_], ring_ms, "mobile_delay_ms")


_LIMITS: Final = {
    Kind.PBX: ("pbxs", limits.PBXS_MAX),
    Kind.EMPLOYEE: ("employees", limits.EMPLOYEES_MAX),
    Kind.EXTENSION: ("extensions", limits.EXTENSIONS_MAX),
    Kind.DEPARTMENT: ("departments", limits.DEPARTMENTS_MAX),
    Kind.NOTICE: ("notices", limits.NOTICES_MAX),
    Kind.SCENARIO: ("scenarios", limits.SCENARIOS_MAX),
}


def _too_many(office: Office, kind: Kind) -> Iterator[Problem]:
    if kind in _LIMITS:
        part, limit = _LIMITS[kind]
        if len(getattr(office, part)) > limit:
            yield Problem(code=Code.TOO_MANY, values={"limit": str(limit)})


def _organization(office: Office) -> Iterator[Problem]:
    card: OrganizationCard = office.organization
    yield from employees.zone(card.timezone)
    yield from employees.recipients(office, card.administrators, "administrators")
    yield from employees.nobody(office, (), "administrators")
    yield from ceilings.problems(office)
    if card.holidays is not None and not hours.has_holidays(card.holidays):
        yield Problem(code=Code.HOLIDAYS_UNKNOWN, field="holidays", values={"country": card.holidays})


def _department(office: Office, id_: str, card: DepartmentCard) -> Iterator[Problem]:
    yield from departments.department(office, id_, card)
    yield from employees.nobody(office, (*card.recipients, *card.heads), "recipients")


def _pbx(office: Office, id_: str, card: PbxCard) -> Iterator[Problem]:
    if id_ not in office.grants.pbxs:
        values = {"pbx": id_, "organization": office.organization_id}
        yield Problem(code=Code.PBX_NOT_ASSIGNED, field="id", values=values)
    for position, number in enumerate(card.numbers):
        if number not in office.grants.numbers:
            values = {"number": number, "organization": office.organization_id}
            yield Problem(code=Code.NUMBER_NOT_ASSIGNED, field=f"numbers.{position}", values=values)
        for other_id, other in office.pbxs.items():
            if other_id != id_ and number in other.numbers:
                values = {"number": number, "owner": name_of(office, Kind.PBX, other_id)}
                yield Problem(code=Code.NUMBER_TAKEN, field=f"numbers.{position}", values=values)
    has_people = any(each.pbx_id == id_ for each in office.employees.values())
    has_people = has_people or any(each.pbx_id == id_ for each in office.departments.values())
    has_extensions = any(each.pbx_id == id_ for each in office.extensions.values())
    if (has_people and card.kind is PbxKind.OFFICE) or (has_extensions and card.kind is PbxKind.CLOUD):
        yield Problem(code=Code.PBX_KIND_FIXED, field="kind", values={"pbx": card.name})
    yield from _lines_left(office, id_, card)


def _lines_left(office: Office, id_: str, card: PbxCard) -> Iterator[Problem]:
    """A number with a destination may not be taken from its PBX."""
    for owner, pbx_id, numbers in _lines(office):
        for number in numbers:
            if pbx_id == id_ and number not in card.numbers:
                values = {"where": f"{name_of(office, *owner)}: {number}"}
                yield Problem(code=Code.IN_USE, field="numbers", values=values)


def _lines(office: Office) -> Iterator[tuple[tuple[Kind, str], str, tuple[str, ...]]]:
    for id_, department in office.departments.items():
        yield (Kind.DEPARTMENT, id_), department.pbx_id, department.lines
    for id_, scenario in office.scenarios.items():
        yield (Kind.SCENARIO, id_), scenario.pbx_id, scenario.lines
    for id_, rules in office.rules.items():
        employee = office.employees.get(id_)
        if employee is not None:
            outside = tuple(number for number in rules.numbers if number not in employee.sims)
            yield (Kind.RULES, id_), employee.pbx_id, outside


def responsible(office: Office, card: ResponsibleCard, field: str) -> Iterator[Problem]:
    """Problems of a line of the CRM's table (D5)."""
    for name, id_ in (("agent_id", card.agent_id), ("second_agent_id", card.second_agent_id)):
        if id_ is not None and id_ not in office.employees:
            yield employees.unknown(f"{field}.{name}", id_, office.employees)


def users(office: Office, kind: Kind, id_: str) -> list[str]:
    """The cards that route calls to a card, or are on a PBX, and so prevent its removal."""
    if kind is Kind.PBX:
        return [name_of(office, *owner) for owner in _on_pbx(office, id_)]
    found: list[tuple[Kind, str]] = []
    for other_id, department in office.departments.items():
        if (kind, other_id) != (Kind.DEPARTMENT, id_) and _names(department, kind, id_):
            found.append((Kind.DEPARTMENT, other_id))
    for other_id, rules in office.rules.items():
        if (kind, other_id) != (Kind.EMPLOYEE, id_) and _rules_name(rules, kind, id_):
            found.append((Kind.RULES, other_id))
    for other_id, scenario in office.scenarios.items():
        if _scenario_names(scenario, kind, id_):
            found.append((Kind.SCENARIO, other_id))
    for other_id, notice in office.notices.items():
        if kind is not Kind.NOTICE and _target(notice.agent_id, notice.department_id, kind) == id_:
            found.append((Kind.NOTICE, other_id))
    return [name_of(office, *owner) for owner in found]


def _on_pbx(office: Office, pbx_id: str) -> Iterator[tuple[Kind, str]]:
    for kind in (Kind.EMPLOYEE, Kind.EXTENSION, Kind.DEPARTMENT, Kind.SCENARIO):
        for id_, card in getattr(office, PARTS[kind]).items():
            if card.pbx_id == pbx_id:
                yield kind, id_


def _names(card: DepartmentCard, kind: Kind, id_: str) -> bool:
    actions = (card.no_answer_action, card.overflow_action)
    if kind is Kind.NOTICE:
        choices: list[NoticeChoice] = [action.notice for action in actions]
        choices += [getattr(card.notices, each.name) for each in structs.fields(card.notices)]
        return any(choice.notice_id == id_ for choice in choices)
    return any(_target(action.agent_id, action.department_id, kind) == id_ for action in actions)


def _rules_name(card: RulesCard, kind: Kind, id_: str) -> bool:
    actions = (card.no_answer, card.out_of_hours, card.absence)
    if kind is Kind.NOTICE:
        return any(action.notice.notice_id == id_ for action in actions)
    return any(_target(action.agent_id, action.department_id, kind) == id_ for action in actions)


def _scenario_names(card: ScenarioCard, kind: Kind, id_: str) -> bool:
    if kind is Kind.NOTICE:
        return any(element.notice.notice_id == id_ for element in card.elements)
    return any(_target(each.agent_id, each.department_id, kind) == id_ for each in card.elements)


def _target(agent_id: str | None, department_id: str | None, kind: Kind) -> str | None:
    return department_id if kind is Kind.DEPARTMENT else agent_id


def without_agent(card: DepartmentCard, agent_id: str) -> DepartmentCard:
    """A department without a removed agent: neither seat nor letters nor headship."""
    return structs.replace(
        card,
        agents=tuple(seat for seat in card.agents if seat.agent_id != agent_id),
        heads=_others(card.heads, agent_id),
        recipients=_others(card.recipients, agent_id),
    )


def _others(people_: tuple[Who, ...], agent_id: str) -> tuple[Who, ...]:
    return tuple(who for who in people_ if who.agent_id != agent_id)
