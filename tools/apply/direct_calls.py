"""Direct calls in an office file: the rules of each employee, what is wrong with them, and the rights."""

from collections.abc import Iterator, Mapping
from typing import Final

from contracts import directory
from contracts.directory import (
    DirectActionKind,
    DirectRulesSaved,
    NoticeChoice,
    NoticeKind,
    RightsSaved,
    Role,
)
from contracts.ids import AgentId, DepartmentId, NoticeId
from tools.apply.document import Path, Problem
from tools.apply.model import DirectAction, Employee, Notice, Office
from tools.apply.naming import VERSION_FIRST, choice, recipients, unknown

OCCASIONS: Final = ("no_answer", "out_of_hours", "absence")


def notices(said: Employee) -> Iterator[tuple[str, Notice]]:
    """An employee's own notices by occasion."""
    for occasion in OCCASIONS:
        notice = getattr(said.direct, occasion).notice
        if notice is not None:
            yield occasion, notice


def notice_id(employee: str, occasion: str) -> NoticeId:
    """The name of an employee's notice; departments' are named `<department>.<occasion>`."""
    return NoticeId(f"{employee}.direct.{occasion}")


def rules(office: Office) -> Iterator[DirectRulesSaved]:
    """What happens to calls to each employee."""
    for id_, said in office.employees.items():
        yield DirectRulesSaved(
            agent_id=AgentId(id_),
            version=VERSION_FIRST,
            numbers=said.direct.numbers,
            no_answer_ms=said.direct.ring,
            has_call_waiting=said.direct.call_waiting,
            no_answer=_action(id_, "no_answer", said.direct.no_answer),
            out_of_hours=_action(id_, "out_of_hours", said.direct.out_of_hours),
            absence=_action(id_, "absence", said.direct.absence),
            recipients=recipients(office, said.direct.recipients),
        )


def rights(office: Office) -> Iterator[RightsSaved]:
    """Each employee's role: as written, else by who is an administrator or a department's head."""
    administrators = {who.employee for who in office.organization.administrators}
    heads = {who.employee for said in office.departments.values() for who in said.heads}
    for id_, said in office.employees.items():
        found = Role.DEPARTMENT_HEAD if id_ in heads else Role.USER
        if id_ in administrators:
            found = Role.ADMINISTRATOR
        yield RightsSaved(
            agent_id=AgentId(id_),
            version=VERSION_FIRST,
            role=said.role or found,
            sees_organization=said.sees_organization,
        )


def _action(employee: str, occasion: str, said: DirectAction) -> directory.DirectAction:
    """Without a notice of its own a drop is busy tones, and everything else is told of (D2, D3)."""
    if said.notice is None:
        is_silent = said.then is DirectActionKind.DROP
        notice = NoticeChoice(kind=NoticeKind.NONE if is_silent else NoticeKind.STANDARD)
    else:
        notice = choice(notice_id(employee, occasion), said.notice)
    return directory.DirectAction(
        kind=said.then,
        agent_id=None if said.employee is None else AgentId(said.employee),
        department_id=None if said.department is None else DepartmentId(said.department),
        notice=notice,
    )


def problems(office: Office) -> Iterator[Problem]:
    """What does not fit together: targets, numbers, people without an address."""
    owners: dict[str, str] = {
        line: f"department «{id_}»" for id_, said in office.departments.items() for line in said.lines
    }
    for id_, said in office.employees.items():
        path: Path = ("employees", id_, "direct")
        for occasion in OCCASIONS:
            yield from _target(office, getattr(said.direct, occasion), (*path, occasion))
        yield from _numbers(office, id_, said, owners)
        for position, who in enumerate(said.direct.recipients):
            if who.employee is not None and who.employee not in office.employees:
                yield unknown("employee", who.employee, office.employees, (*path, "recipients", position))


def _target(office: Office, action: DirectAction, path: Path) -> Iterator[Problem]:
    if action.employee is not None and action.employee in office.extensions:
        yield Problem(
            (*path, "employee"),
            f"«{action.employee}» is an office PBX's extension, and calls can't be forwarded to those",
            "Name an employee of a cloud PBX, or another action",
        )
    elif action.employee is not None and action.employee not in office.employees:
        yield unknown("employee", action.employee, office.employees, (*path, "employee"))
    if action.department is not None and action.department not in office.departments:
        yield unknown("department", action.department, office.departments, (*path, "department"))


def _numbers(office: Office, id_: str, said: Employee, owners: dict[str, str]) -> Iterator[Problem]:
    pbx = office.pbxs.get(said.pbx)
    for position, number in enumerate(said.direct.numbers):
        path: Path = ("employees", id_, "direct", "numbers", position)
        if pbx is not None and number not in pbx.numbers:
            yield Problem(
                path,
                f"{number} is no number of PBX «{said.pbx}»",
                f"Add it to pbxs.{said.pbx}.numbers, or take one of those",
            )
        if number in owners:
            yield Problem(path, f"{number} leads to {owners[number]} already", "Give it to one of the two")
        owners.setdefault(number, f"employee «{id_}»")


Stop = tuple[str, str]
"""`employees` or `departments`, and the id: somewhere an unanswered call can be."""


def loops(office: Office) -> Iterator[Problem]:
    """D6: who never answers must not pass a call round and round; refused with the path."""
    targets = _targets(office)
    reported: set[frozenset[Stop]] = set()
    for start in targets:
        trail = [start]
        while (following := targets.get(trail[-1])) is not None and following not in trail:
            trail.append(following)
        if following is None:
            continue
        loop = trail[trail.index(following) :]
        if frozenset(loop) in reported:
            continue
        reported.add(frozenset(loop))
        yield Problem(
            _path_of(loop[0], targets[loop[0]]),
            f"unanswered callers would go round for ever: {' → '.join(id_ for _, id_ in [*loop, loop[0]])}",
            "Let one of them lead to a fallback employee, voicemail or hang_up",
        )


def _targets(office: Office) -> Mapping[Stop, Stop]:
    """Where an unanswered call goes next; a fallback employee's own rule is not used (Q5)."""
    found: dict[Stop, Stop] = {}
    for id_, said in office.departments.items():
        if said.no_answer.department is not None:
            found["departments", id_] = ("departments", said.no_answer.department)
    for id_, employee in office.employees.items():
        action = employee.direct.no_answer
        if action.employee is not None:
            found["employees", id_] = ("employees", action.employee)
        elif action.department is not None:
            found["employees", id_] = ("departments", action.department)
    return found


def _path_of(stop: Stop, target: Stop) -> Path:
    word = target[0].removesuffix("s")
    if stop[0] == "departments":
        return (*stop, "no_answer", word)
    return (*stop, "direct", "no_answer", word)
