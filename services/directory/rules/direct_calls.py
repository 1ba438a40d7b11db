"""What must hold for the rules of an employee's direct calls (D1 to D7)."""

from collections.abc import Iterator

from contracts.directory import DirectActionKind
from services.directory.rules import employees, forwarding, incoming_numbers, notices
from services.directory.rules.errors import Code, Problem
from services.directory.state.cards import DirectAction, EmployeeCard, RulesCard
from services.directory.state.office import Kind, Office


def rules(office: Office, id_: str, card: RulesCard) -> Iterator[Problem]:
    """Errors and warnings about an employee's rules."""
    employee = office.employees.get(id_)
    if employee is None:
        yield employees.unknown("agent_id", id_, office.employees)
        return
    pbx = office.pbxs.get(employee.pbx_id)
    for position, number in enumerate(card.numbers):
        field = f"numbers.{position}"
        if pbx is not None and number not in pbx.numbers and number not in employee.sims:
            values = {"number": number, "pbx": pbx.name}
            yield Problem(code=Code.LINE_NOT_OF_PBX, field=field, values=values)
        yield from incoming_numbers.taken(office, Kind.RULES, id_, number, field)
    for field, action in _actions(card):
        yield from _action(office, employee, action, field)
    yield from employees.recipients(office, card.recipients, "recipients")
    yield from employees.mobile_time(employee, card.no_answer_ms, "no_answer_ms")


def _actions(card: RulesCard) -> Iterator[tuple[str, DirectAction]]:
    yield "no_answer", card.no_answer
    yield "out_of_hours", card.out_of_hours
    yield "absence", card.absence


def _action(office: Office, employee: EmployeeCard, said: DirectAction, field: str) -> Iterator[Problem]:
    wants_agent = said.kind is DirectActionKind.COLLEAGUE
    wants_department = said.kind is DirectActionKind.DEPARTMENT
    if wants_agent != (said.agent_id is not None) or wants_department != (said.department_id is not None):
        yield Problem(code=Code.ACTION_TARGET_WRONG, field=f"{field}.kind", values={"kind": str(said.kind)})
        return
    if said.kind is DirectActionKind.MOBILE:
        if employee.mobile is None:
            yield Problem(code=Code.MOBILE_MISSING, field=f"{field}.kind")
        else:
            yield from employees.dialled(office, employee.mobile, f"{field}.kind")
    yield from forwarding.target(office, said.agent_id, said.department_id, field)
    yield from notices.choice(office, said.notice, f"{field}.notice")
