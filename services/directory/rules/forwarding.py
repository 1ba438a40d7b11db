"""Forwards: allowed targets (O7), and loops that are certain (D6, EC-79, EC-80).

A loop is certain if a call that nobody answers comes back to where it was. From a department the call follows
the no-answer action, from an employee the employee's rule. A department's fallback employee only rings, and
voicemail follows (Q5).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from contracts.directory import ActionKind, DirectActionKind, PbxKind
from services.directory.rules.employees import unknown
from services.directory.rules.errors import Code, Problem
from services.directory.rules.extensions import name_of
from services.directory.state.cards import DirectAction
from services.directory.state.office import Kind, Office

Step = tuple[Kind, str]
Trail = tuple[Step, ...]
RULES: Final = ("no_answer", "out_of_hours", "absence")


class Loop(NamedTuple):
    """A loop by one of the three rules; the last step of its trail leads to the first."""

    rule: str
    trail: Trail


def target(office: Office, agent_id: str | None, department_id: str | None, field: str) -> Iterator[Problem]:
    """An unknown target, or one on an office PBX."""
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


def certain(office: Office) -> list[Loop]:
    """Every certain loop of an office, each once.

    The three rules are followed separately: at night everybody is out of hours, in a holiday all are away.
    """
    found: dict[frozenset[Step], Loop] = {}
    for rule in RULES:
        following = _following(office, rule)
        for trail in (*_circles(following), *_back_to_a_fallback(office, following)):
            found.setdefault(frozenset(trail), Loop(rule=rule, trail=trail))
    return list(found.values())


def loops(office: Office, saved: Step, known: Iterable[Loop]) -> Iterator[Problem]:
    """The known loops through a saved card (an employee's rules, a department)."""
    for loop in known:
        if saved not in loop.trail:
            continue
        # The path begins at the changed card, if a call can begin there.
        at = (
            0
            if loop.trail[-1][0] is Kind.DEPARTMENT and _is_fallback(office, loop)
            else loop.trail.index(saved)
        )
        trail = (*loop.trail[at:], *loop.trail[:at])
        path = " → ".join(name_of(office, *step) for step in (*trail, trail[0]))
        here = "no_answer_action" if saved[0] is Kind.DEPARTMENT else loop.rule
        yield Problem(code=Code.FORWARD_LOOP, field=here, values={"path": path})


def _is_fallback(office: Office, loop: Loop) -> bool:
    action = office.departments[loop.trail[-1][1]].no_answer_action
    return action.kind is ActionKind.FALLBACK_EMPLOYEE


def _following(office: Office, rule: str) -> dict[Step, Step]:
    """The next step of an unanswered call, by step."""
    found: dict[Step, Step] = {}
    for id_, department in office.departments.items():
        action = department.no_answer_action
        if action.kind is ActionKind.OTHER_DEPARTMENT and action.department_id is not None:
            found[Kind.DEPARTMENT, id_] = (Kind.DEPARTMENT, action.department_id)
    for id_, rules in office.rules.items():
        said: DirectAction = getattr(rules, rule)
        if said.kind is DirectActionKind.COLLEAGUE and said.agent_id is not None:
            found[Kind.EMPLOYEE, id_] = (Kind.EMPLOYEE, said.agent_id)
        elif said.kind is DirectActionKind.DEPARTMENT and said.department_id is not None:
            found[Kind.EMPLOYEE, id_] = (Kind.DEPARTMENT, said.department_id)
    return found


def _circles(following: Mapping[Step, Step]) -> Iterator[Trail]:
    """The circles among the steps, each once."""
    seen: set[Step] = set()
    for start in following:
        trail: dict[Step, None] = {}
        step: Step | None = start
        while step is not None and step not in seen:
            seen.add(step)
            trail[step] = None
            step = following.get(step)
        if step is not None and step in trail:
            steps = list(trail)
            yield tuple(steps[steps.index(step) :])


def _back_to_a_fallback(office: Office, following: Mapping[Step, Step]) -> Iterator[Trail]:
    """From an employee to a department whose fallback is that same employee (EC-80)."""
    for id_, department in office.departments.items():
        action = department.no_answer_action
        if action.kind is not ActionKind.FALLBACK_EMPLOYEE or action.agent_id is None:
            continue
        end: Step = (Kind.DEPARTMENT, id_)
        trail: dict[Step, None] = {}
        step: Step | None = (Kind.EMPLOYEE, action.agent_id)
        while step is not None and step not in trail:
            trail[step] = None
            step = following.get(step) if step != end else None
        if end in trail:
            yield tuple(trail)
