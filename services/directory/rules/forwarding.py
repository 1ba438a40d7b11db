"""Forwards: whom a call may be passed to (O7), and loops that are certain (D6, E-79, E-80).

A certain loop is one that brings a call back to where it was when nobody anywhere answers. From a department
a call follows its no-answer action; from an employee his rule, but not where he is a department's fallback:
there he only rings, and voicemail follows (Q5).
"""

from collections.abc import Iterator

from contracts.directory import ActionKind, DirectActionKind, PbxKind
from services.directory.rules.errors import Code, Problem
from services.directory.rules.extensions import name_of
from services.directory.rules.people import unknown
from services.directory.state.office import Kind, Office

Step = tuple[Kind, str]


def target(office: Office, agent_id: str | None, department_id: str | None, field: str) -> Iterator[Problem]:
    """A target that does not exist, or is an office PBX's extension or department."""
    if agent_id is not None:
        phone = office.extensions.get(agent_id)
        if phone is not None:
            yield _on_office_pbx(office, phone.name, phone.pbx_id, f"{field}.agent_id")
        elif agent_id not in office.employees:
            yield unknown(f"{field}.agent_id", agent_id, office.employees)
    if department_id is not None:
        found = office.departments.get(department_id)
        if found is None:
            yield unknown(f"{field}.department_id", department_id, office.departments)
        elif (pbx := office.pbxs.get(found.pbx_id)) is not None and pbx.kind is PbxKind.OFFICE:
            yield _on_office_pbx(office, found.name, found.pbx_id, f"{field}.department_id")


def _on_office_pbx(office: Office, name: str, pbx_id: str, field: str) -> Problem:
    pbx = office.pbxs.get(pbx_id)
    values = {"target": name, "pbx": pbx_id if pbx is None else pbx.name}
    return Problem(code=Code.TARGET_ON_OFFICE_PBX, field=field, values=values)


def loops(office: Office, saved: Step) -> Iterator[Problem]:
    """The certain loops that go through what is saved (an employee's rules, a department), with their paths.

    The three rules are followed apart: one night everybody is out of hours, one week all are away.
    """
    # First the one that is saved, so that the path begins where the change was made.
    starts = [saved, *((Kind.DEPARTMENT, id_) for id_ in office.departments)]
    starts += [(Kind.EMPLOYEE, id_) for id_ in office.rules]
    seen: set[frozenset[Step]] = set()
    for field in ("no_answer", "out_of_hours", "absence"):
        for start in starts:
            found = loop(office, start, field)
            if found is None or saved not in found or frozenset(found) in seen:
                continue
            seen.add(frozenset(found))
            path = " → ".join(name_of(office, *step) for step in found)
            here = "no_answer_action" if saved[0] is Kind.DEPARTMENT else field
            yield Problem(code=Code.FORWARD_LOOP, field=here, values={"path": path})


def loop(office: Office, start: Step, rule: str) -> tuple[Step, ...] | None:
    """The steps from `start` back to it, both ends named; None when the call comes to rest elsewhere."""
    trail = [start]
    while True:
        following = _department(office, trail[-1]) or _employee(office, trail[-1], rule)
        if following is None:
            return None
        step, is_last = following
        if step == start:
            return (*trail, start)
        if step in trail or is_last:
            return None
        trail.append(step)


def _department(office: Office, step: Step) -> tuple[Step, bool] | None:
    """Where a department's unanswered caller goes, and whether that is the end of it."""
    found = office.departments.get(step[1]) if step[0] is Kind.DEPARTMENT else None
    action = None if found is None else found.no_answer_action
    if action is None:
        return None
    if action.kind is ActionKind.OTHER_DEPARTMENT and action.department_id is not None:
        return (Kind.DEPARTMENT, action.department_id), False
    if action.kind is ActionKind.FALLBACK_EMPLOYEE and action.agent_id is not None:
        return (Kind.EMPLOYEE, action.agent_id), True
    return None


def _employee(office: Office, step: Step, rule: str) -> tuple[Step, bool] | None:
    """Where one of an employee's rules leads."""
    rules = office.rules.get(step[1]) if step[0] is Kind.EMPLOYEE else None
    if rules is None:
        return None
    actions = {"no_answer": rules.no_answer, "out_of_hours": rules.out_of_hours, "absence": rules.absence}
    action = actions[rule]
    if action.kind is DirectActionKind.COLLEAGUE and action.agent_id is not None:
        return (Kind.EMPLOYEE, action.agent_id), False
    if action.kind is DirectActionKind.DEPARTMENT and action.department_id is not None:
        return (Kind.DEPARTMENT, action.department_id), False
    return None
