"""What must fit together in an office file, beyond each part's own shape."""

from collections.abc import Iterator, Mapping
from typing import Final

from contracts import dialling
from contracts.dialling import DiallingPolicy
from contracts.directory import ActionKind, DeviceKind, PbxKind
from services.directory.rules import extensions
from services.directory.rules.departments import CALLBACK_TIME_MS_MIN
from services.directory.rules.notices import PLACEHOLDER, PLACEHOLDERS
from services.directory.rules.people import MOBILE_RING_MS_MIN
from tools.apply import direct_calls
from tools.apply.document import Path, Problem
from tools.apply.model import Action, Department, Device, Employee, Notice, Office, OfficeExtension, Who
from tools.apply.naming import unknown

KNOWN_PER_CALL: Final = {
    "welcome": ("position", "wait_minutes"),
    "position": ("position", "wait_minutes"),
    "invitation": ("position", "wait_minutes", "number"),
    "order_taken": ("position", "wait_minutes", "number"),
    "apology": ("number",),
    "greeting": (),
}
"""Which placeholders of a call an occasion can fill; the department's name goes everywhere."""


def policy(office: Office) -> DiallingPolicy:
    """The dialling policy; the numbers of the organization's own PBXs are never dialled."""
    said = office.organization.dialling
    return DiallingPolicy(
        is_on=said.on,
        home_region=said.home_region,
        allowed_regions=said.allowed_regions,
        denied_numbers=said.denied_numbers,
        own_numbers=tuple(number for pbx in office.pbxs.values() for number in pbx.numbers),
        satellite_numbers=said.satellite_numbers,
        orders_per_hour_per_number_max=said.orders_per_hour_per_number,
        orders_per_day_per_number_max=said.orders_per_day_per_number,
        orders_per_minute_per_department_max=said.orders_per_minute_per_department,
        orders_per_minute_max=said.orders_per_minute,
    )


def problems(office: Office, uploads: Mapping[str, str]) -> list[Problem]:
    """Everything that is wrong or doubtful, in the order of the file's parts."""
    return [
        *_pbxs(office),
        *_people(office),
        *_extensions(office),
        *(
            problem
            for id_, department in office.departments.items()
            for problem in _department(office, id_, department, uploads)
        ),
        *_letters(office),
        *direct_calls.problems(office),
        *_employees_notices(office, uploads),
        *direct_calls.loops(office),
    ]


def _pbxs(office: Office) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for id_, pbx in office.pbxs.items():
        for position, number in enumerate(pbx.numbers):
            path: Path = ("pbxs", id_, "numbers", position)
            if number in owners:
                yield Problem(
                    path, f"{number} belongs to PBX «{owners[number]}»", "Give it to one of the two"
                )
            owners[number] = id_


def _people(office: Office) -> Iterator[Problem]:
    allowed = policy(office)
    for id_, employee in office.employees.items():
        path: Path = ("employees", id_)
        if employee.pbx not in office.pbxs:
            yield unknown("PBX", employee.pbx, office.pbxs, (*path, "pbx"))
        elif office.pbxs[employee.pbx].kind is PbxKind.OFFICE:
            yield Problem(
                (*path, "pbx"),
                f"employee «{id_}» is on the office PBX «{employee.pbx}», whose people are not kept here",
                "List the phone under `extensions:`, or give the employee a cloud PBX",
            )
        for position, device in enumerate(employee.devices):
            yield from _device(device, allowed, (*path, "devices", position))
    for id_, phone in office.extensions.items():
        path = ("extensions", id_)
        if id_ in office.employees:
            yield Problem(path, f"«{id_}» is an employee's id, too", "Rename one of the two")
        if phone.pbx not in office.pbxs:
            yield unknown("PBX", phone.pbx, office.pbxs, (*path, "pbx"))
        elif office.pbxs[phone.pbx].kind is PbxKind.CLOUD:
            yield Problem(
                (*path, "pbx"),
                f"«{phone.pbx}» is a cloud PBX: its people are kept here",
                "List this person under `employees:`",
            )


def _device(device: Device, allowed: DiallingPolicy, path: Path) -> Iterator[Problem]:
    if device.number is None:
        return
    refusal = dialling.refusal(device.number, allowed, is_employee=True)
    if refusal is not None:
        yield Problem(
            (*path, "number"),
            f"{device.number} may not be dialled: {refusal}",
            "Give another number, or allow it under organization.dialling",
        )


def _extensions(office: Office) -> Iterator[Problem]:
    """E2: unique in a PBX among employees and departments, and never in the way of an emergency call."""
    owners: dict[tuple[str, str], str] = {}
    parts: tuple[tuple[str, Mapping[str, Employee | OfficeExtension | Department]], ...] = (
        ("employees", office.employees),
        ("extensions", office.extensions),
        ("departments", office.departments),
    )
    for part, entries in parts:
        for id_, entry in entries.items():
            pbx, extension = entry.pbx, entry.extension
            path: Path = (part, id_, "extension")
            free = _free_extension(office, pbx)
            if dialling.is_emergency(extension, office.organization.dialling.home_region):
                yield Problem(path, f"{extension} is an emergency number", f"Take another, {free} is free")
            elif extensions.shadows_emergency(extension):
                yield Problem(
                    path,
                    f"who dials an emergency number would reach extension {extension} after its first digits",
                    f"Take another, {free} is free",
                )
            if (pbx, extension) in owners:
                yield Problem(
                    path,
                    f"extension {extension} of PBX «{pbx}» is taken by «{owners[pbx, extension]}»",
                    f"Take another, {free} is free",
                )
            owners.setdefault((pbx, extension), id_)


def _free_extension(office: Office, pbx: str) -> str:
    listed: list[Employee | OfficeExtension | Department] = [
        *office.employees.values(),
        *office.extensions.values(),
        *office.departments.values(),
    ]
    taken = {each.extension for each in listed if each.pbx == pbx}
    return extensions.next_free(taken, office.organization.dialling.home_region)


def _department(office: Office, id_: str, said: Department, uploads: Mapping[str, str]) -> Iterator[Problem]:
    path: Path = ("departments", id_)
    if said.pbx not in office.pbxs:
        yield unknown("PBX", said.pbx, office.pbxs, (*path, "pbx"))
    yield from _lines(office, id_, said)
    yield from _seats(office, said, path)
    yield from _times(office, said, path)
    yield from _action(office, id_, said.no_answer, (*path, "no_answer"))
    yield from _notice(
        said.no_answer.notice, "no_answer", said.no_answer, uploads, (*path, "no_answer", "notice")
    )
    if said.full is not None:
        yield from _action(office, id_, said.full, (*path, "full"))
        yield from _notice(said.full.notice, "full", said.full, uploads, (*path, "full", "notice"))
    for occasion in KNOWN_PER_CALL:
        notice: Notice = getattr(said.notices, occasion)
        yield from _notice(notice, occasion, None, uploads, (*path, "notices", occasion))


def _lines(office: Office, id_: str, said: Department) -> Iterator[Problem]:
    pbx = office.pbxs.get(said.pbx)
    for position, line in enumerate(said.lines):
        path: Path = ("departments", id_, "lines", position)
        if pbx is not None and line not in pbx.numbers:
            yield Problem(
                path,
                f"{line} is no number of PBX «{said.pbx}»",
                f"Add it to pbxs.{said.pbx}.numbers, or take one of those",
            )
        for other, department in office.departments.items():
            if other == id_:
                break
            if line in department.lines:
                yield Problem(
                    path, f"{line} leads to department «{other}» already", "Give it to one of the two"
                )


def _seats(office: Office, said: Department, path: Path) -> Iterator[Problem]:
    known = {**office.employees, **office.extensions}
    seen: set[str] = set()
    for position, seat in enumerate(said.agents):
        here = (*path, "agents", position)
        if seat.agent not in known:
            yield unknown("employee or extension", seat.agent, known, here)
        if seat.agent in seen:
            yield Problem(here, f"agent «{seat.agent}» is in this list twice", "Remove one of them")
        seen.add(seat.agent)
        employee = office.employees.get(seat.agent)
        if employee is not None:
            yield from _mobile_time(seat.agent, employee, said, here)


def _mobile_time(id_: str, employee: Employee, said: Department, path: Path) -> Iterator[Problem]:
    for position, device in enumerate(employee.devices):
        left_ms = said.strategy.ring - delay_ms(employee.devices, position)
        if device.kind is DeviceKind.MOBILE and left_ms < MOBILE_RING_MS_MIN:
            yield Problem(
                path,
                f"the mobile of «{id_}» has {left_ms / 1000:g} s to ring, and less than 15 s is too little",
                "Let the department ring longer (strategy.ring), or the mobile earlier (devices.after)",
                is_warning=True,
            )


def delay_ms(devices: tuple[Device, ...], position: int) -> int:
    """How long after the first a device rings: 5 s for a mobile beside others, else at once (E4)."""
    said = devices[position].after
    if said is not None:
        return said
    return 5_000 if devices[position].kind is DeviceKind.MOBILE and len(devices) > 1 else 0


def _times(office: Office, said: Department, path: Path) -> Iterator[Problem]:
    if said.callback.on and said.no_answer.after < CALLBACK_TIME_MS_MIN:
        yield Problem(
            (*path, "no_answer", "after"),
            f"with a no-answer timeout of {said.no_answer.after / 1000:g} s nobody will manage to call back",
            "Give it two minutes or more (10 min is recommended), or switch callbacks off",
            is_warning=True,
        )
    if not said.agents:
        yield Problem(
            path, "this department has no agents: every call takes the no-answer action at once",
            "List somebody under agents", is_warning=True,
        )  # fmt: skip


def _action(office: Office, id_: str, action: Action, path: Path) -> Iterator[Problem]:
    if action.then is ActionKind.FALLBACK_EMPLOYEE and action.employee is not None:
        here = (*path, "employee")
        if action.employee in office.extensions:
            yield Problem(
                here,
                f"«{action.employee}» is an office PBX's extension, and those can't be a fallback",
                "Name an employee of a cloud PBX, or another action",
            )
        elif action.employee not in office.employees:
            yield unknown("employee", action.employee, office.employees, here)
    if action.then is ActionKind.OTHER_DEPARTMENT and action.department is not None:
        here = (*path, "department")
        other = office.departments.get(action.department)
        if other is None:
            yield unknown("department", action.department, office.departments, here)
        elif other.pbx != office.departments[id_].pbx and _is_office(office, other.pbx):
            yield Problem(
                here,
                f"department «{action.department}» is on an office PBX «{other.pbx}» and can't be a fallback",
                "Name a department of this PBX or of a cloud PBX",
            )


def _is_office(office: Office, pbx: str) -> bool:
    found = office.pbxs.get(pbx)
    return found is not None and found.kind is PbxKind.OFFICE


def _notice(
    notice: Notice, occasion: str, action: Action | None, uploads: Mapping[str, str], path: Path
) -> Iterator[Problem]:
    if notice.uploaded is not None and notice.uploaded not in uploads:
        yield Problem(
            path, f"the file {notice.uploaded} can't be read", "Paths count from the office file's folder"
        )
    for name in PLACEHOLDER.findall(notice.spoken or ""):
        if name not in PLACEHOLDERS:
            yield unknown("placeholder", name, PLACEHOLDERS, path)
        elif not _is_fillable(name, occasion, action):
            yield Problem(
                path,
                f"{{{name}}} has no value at this occasion",
                "Leave it out, or use it where it is known: position and wait_minutes while waiting, "
                "employee with a fallback employee",
            )


def _employees_notices(office: Office, uploads: Mapping[str, str]) -> Iterator[Problem]:
    for id_, employee in office.employees.items():
        for occasion, notice in direct_calls.notices(employee):
            path: Path = ("employees", id_, "direct", occasion, "notice")
            yield from _notice(notice, "direct", None, uploads, path)


def _is_fillable(name: str, occasion: str, action: Action | None) -> bool:
    if occasion == "direct":
        return name == "employee"
    if name == "employee":
        return action is not None and action.employee is not None
    return name == "department" or name in KNOWN_PER_CALL.get(occasion, ())


def _letters(office: Office) -> Iterator[Problem]:
    lists: list[tuple[Path, tuple[Who, ...]]] = [
        (("organization", "administrators"), office.organization.administrators)
    ]
    for id_, department in office.departments.items():
        lists.append((("departments", id_, "recipients"), department.recipients))
        lists.append((("departments", id_, "heads"), department.heads))
    for path, people in lists:
        for position, who in enumerate(people):
            if who.employee is None:
                continue
            here = (*path, position)
            if who.employee not in office.employees:
                yield unknown("employee", who.employee, office.employees, here)
            elif office.employees[who.employee].email is None:
                yield Problem(
                    here,
                    f"«{who.employee}» is to get letters and has no e-mail address",
                    f"Give employees.{who.employee} an email, or name somebody else",
                )
