"""Translates an office file's model into the sheet that the directory saves.

A notice in the file becomes a card whose id is the place where it plays: `sales.welcome`,
`gusev.direct.absence`, `main.at.greeting`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from contracts.directory import DeviceKind, DirectActionKind, NoticeKind, Role
from ringback.apply import places, wording
from ringback.apply.document import Document, Problem
from ringback.apply.model import (
    Action,
    Department,
    Direct,
    DirectAction,
    Element,
    Employee,
    Hours,
    Notice,
    OfficeFile,
    Pbx,
    Scenario,
    Who,
)
from ringback.apply.wording import Explanation, Mistake
from runtime import request_shape
from runtime.request_shape import Fault, Kind, Text
from services.directory.rules.pattern_texts import PATTERN_TEXTS
from services.directory.state.cards import (
    Card,
    DepartmentCard,
    ExtensionCard,
    PbxCard,
    RulesCard,
    ScenarioCard,
)
from services.directory.state.office_sheet import EmployeeSheet, NoticeSheet, OfficeSheet, OrganizationSheet

OCCASIONS: Final = ("welcome", "position", "invitation", "order_taken", "apology", "greeting")
DIRECT_OCCASIONS: Final = ("no_answer", "out_of_hours", "absence")

C = TypeVar("C", bound=Card)
Words = dict[str, Any]


def office_sheet(office: OfficeFile, document: Document) -> tuple[OfficeSheet | None, list[Problem]]:
    """The sheet; or None and the problems if a value exceeds a card's limits."""
    found: list[Problem] = []
    employees, departments = office.employees, office.departments
    organization = _card("organization", _organization(office), OrganizationSheet, found)
    parts: Words = {
        "pbxs": _cards("pbxs", {id_: _pbx(said) for id_, said in office.pbxs.items()}, PbxCard, found),
        "employees": _cards(
            "employees",
            {id_: _employee(office, id_, said) for id_, said in employees.items()},
            EmployeeSheet,
            found,
        ),
        "extensions": _cards(
            "extensions",
            {
                id_: {"name": said.name, "pbx_id": said.pbx, "extension": said.extension}
                for id_, said in office.extensions.items()
            },
            ExtensionCard,
            found,
        ),
        "departments": _cards(
            "departments",
            {id_: _department(id_, said) for id_, said in departments.items()},
            DepartmentCard,
            found,
        ),
        "notices": _cards("notices", dict(_notices(office, document)), NoticeSheet, found),
        "rules": _cards(
            "rules",
            {id_: _rules(id_, said.direct) for id_, said in employees.items() if said.direct is not None},
            RulesCard,
            found,
        ),
        "scenarios": _cards(
            "scenarios",
            {id_: _scenario(id_, said) for id_, said in office.scenarios.items()},
            ScenarioCard,
            found,
        ),
    }
    if found or organization is None:
        return None, found
    return OfficeSheet(organization_id=office.organization.id, organization=organization, **parts), []


def _pbx(said: Pbx) -> Words:
    return {
        "name": said.name,
        "kind": said.kind,
        "numbers": said.numbers,
        "apologies_at_once_max": said.apologies_at_once,
    }


def _cards(part: str, said: Mapping[str, Words], type_: type[C], found: list[Problem]) -> dict[str, C]:
    made = ((id_, _card(f"{part}.{id_}", words, type_, found)) for id_, words in said.items())
    return {id_: card for id_, card in made if card is not None}


def _card(path: str, words: Words, type_: type[C], found: list[Problem]) -> C | None:
    plain = msgspec.to_builtins(words)
    try:
        return msgspec.convert(plain, type_)
    except msgspec.ValidationError:
        found += [_beyond(path, fault) for fault in request_shape.faults(plain, type_, PATTERN_TEXTS)]
        return None


def _beyond(path: str, fault: Fault) -> Problem:
    """A problem for a value beyond a card's limits, in the file's own units."""
    place = places.place(f"{path}.{fault.field}")
    if fault.field.endswith("_ms") and fault.kind in (Kind.LARGE, Kind.SMALL):
        mistake = Mistake.SPAN_LONG if fault.kind is Kind.LARGE else Mistake.SPAN_SHORT
        return Problem(place, wording.explained(mistake, limit=f"{int(str(fault.values['limit'])) / 1000:g}"))
    told = request_shape.fault(fault.kind, str(place[-1]), **fault.values)
    return Problem(place, Explanation(cause=_open(told.cause), remedy=_open(told.remedy)))


def _open(text: Text) -> Text:
    """Remove a text's full stop, which the printed line adds."""
    return Text(ru=text.ru.rstrip("."), en=text.en.rstrip("."))


def _organization(office: OfficeFile) -> Words:
    said = office.organization
    dialling = said.dialling
    return {
        "name": said.name,
        "language": said.language,
        "timezone": said.timezone,
        "console_url": said.console_url,
        "administrators": [_who(who) for who in said.administrators],
        "dialling": {
            "is_on": dialling.on,
            "home_region": dialling.home_region,
            "allowed_regions": dialling.allowed_regions,
            "denied_numbers": dialling.denied_numbers,
            "satellite_numbers": dialling.satellite_numbers,
            "orders_per_hour_per_number_max": dialling.orders_per_hour_per_number,
            "orders_per_day_per_number_max": dialling.orders_per_day_per_number,
            "orders_per_minute_per_department_max": dialling.orders_per_minute_per_department,
            "orders_per_minute_max": dialling.orders_per_minute,
        },
    }


def _who(said: Who) -> Words:
    return {"agent_id": said.employee, "name": said.name, "email": said.email, "language": said.language}


def _role(office: OfficeFile, id_: str, said: Employee) -> Role:
    """The role from the file, else from the lists of administrators and heads."""
    if said.role is not None:
        return said.role
    if id_ in {who.employee for who in office.organization.administrators}:
        return Role.ADMINISTRATOR
    heads = {who.employee for department in office.departments.values() for who in department.heads}
    return Role.DEPARTMENT_HEAD if id_ in heads else Role.USER


def _employee(office: OfficeFile, id_: str, said: Employee) -> Words:
    words: Words = {
        "name": said.name,
        "pbx_id": said.pbx,
        "extension": said.extension,
        "role": _role(office, id_, said),
        "sees_organization": said.sees_organization,
        "email": said.email,
        "language": said.language,
        "timezone": said.timezone,
        "absences": [{"first_day": each.from_, "last_day": each.last_day} for each in said.absences],
        "rings_desk": any(device.kind is DeviceKind.DESK for device in said.devices),
        "sims": [device.number for device in said.devices if device.kind is DeviceKind.SIM],
    }
    if said.hours is not None:
        words["hours"] = _hours(said.hours)
    # Without a mobile in the file the saved number stays: it also resets forgotten passwords (E7).
    for device in said.devices:
        if device.kind is DeviceKind.MOBILE:
            words |= {"mobile": device.number, "rings_mobile": True}
            if device.after is not None:
                words["mobile_delay_ms"] = device.after
    return words


def _hours(said: Iterable[Hours]) -> list[Words]:
    return [{"days": each.days, "from_minute": each.from_, "until_minute": each.to} for each in said]


def _scenario(id_: str, said: Scenario) -> Words:
    return {
        "name": said.name,
        "pbx_id": said.pbx,
        "lines": said.lines,
        "timezone": said.timezone,
        "elements": [_element(id_, element_id, each) for element_id, each in said.elements.items()],
    }


def _element(id_: str, element_id: str, said: Element) -> Words:
    """An element's card; without a notice it plays nothing."""
    words: Words = {
        "element_id": element_id,
        "kind": said.kind,
        "agent_id": said.employee,
        "department_id": said.department,
        "number": said.number,
        "wait_ms": said.wait,
        "hours": _hours(said.hours),
        "keeps_holidays": said.keeps_holidays,
        "arrows": [{"on": on, "to": to} for on, to in said.arrows.items()],
    }
    if said.notice is not None:
        words["notice"] = _choice(f"{id_}.at.{element_id}", said.notice)
    return words


def _choice(notice_id: str, said: Notice) -> Words:
    """Which notice plays; a spoken or uploaded one becomes a card with this id."""
    if said.kind is not None:
        return {"kind": said.kind}
    kind = NoticeKind.SPOKEN if said.spoken is not None else NoticeKind.UPLOADED
    return {"kind": kind, "notice_id": notice_id}


def _rules(id_: str, said: Direct) -> Words:
    return {
        "numbers": said.numbers,
        "no_answer_ms": said.ring,
        "has_call_waiting": said.call_waiting,
        "recipients": [_who(who) for who in said.recipients],
        **{name: _direct_action(id_, name, getattr(said, name)) for name in DIRECT_OCCASIONS},
    }


def _direct_action(id_: str, occasion: str, said: DirectAction) -> Words:
    """A direct action's card; a drop without a notice is silent, others play the standard one (D2, D3)."""
    if said.notice is None:
        is_silent = said.then is DirectActionKind.DROP
        notice: Words = {"kind": NoticeKind.NONE if is_silent else NoticeKind.STANDARD}
    else:
        notice = _choice(f"{id_}.direct.{occasion}", said.notice)
    return {
        "kind": said.then,
        "agent_id": said.employee,
        "department_id": said.department,
        "notice": notice,
    }


def _action(id_: str, occasion: str, said: Action) -> Words:
    return {
        "kind": said.then,
        "agent_id": said.employee,
        "department_id": said.department,
        "keeps_joining_time": said.keeps_joining_time,
        "notice": _choice(f"{id_}.{occasion}", said.notice),
    }


def _department(id_: str, said: Department) -> Words:
    words: Words = {
        "name": said.name,
        "pbx_id": said.pbx,
        "extension": said.extension,
        "lines": said.lines,
        "agents": [{"agent_id": seat.agent, "is_suspended": seat.suspended} for seat in said.agents],
        "language": said.language,
        "timezone": said.timezone,
        "strategy": {
            "kind": said.strategy.kind,
            "ring_ms": said.strategy.ring,
            "step_ms": said.strategy.step,
            "pause_between_rounds_ms": said.strategy.pause_between_rounds,
        },
        "no_answer_ms": said.no_answer.after,
        "no_answer_action": _action(id_, "no_answer", said.no_answer),
        "announcement_gap_ms": said.announcements_every,
        "wrap_up_ms": said.wrap_up,
        "callback": {
            "is_on": said.callback.on,
            "invitation_after_ms": said.callback.invitation_after,
            "ring_ms": said.callback.ring,
            "attempts_max": said.callback.attempts,
            "attempt_gap_ms": said.callback.attempt_gap,
            "from_abandoned": said.callback.from_abandoned,
            "talk_ms_min": said.callback.talk_at_least,
            "confirms_customer": said.callback.confirms_customer,
        },
        "voicemail": {
            "duration_ms_max": said.voicemail.message_up_to,
            "silence_ms": said.voicemail.silence,
            "speech_ms_min": said.voicemail.speech_at_least,
        },
        "notices": {each: _choice(f"{id_}.{each}", getattr(said.notices, each)) for each in OCCASIONS},
        "recipients": [_who(who) for who in said.recipients],
        "heads": [_who(who) for who in said.heads],
        "legs_max": said.phones_at_once,
        "auto_pause_misses": said.pause_after_misses,
        "records_calls": said.records_calls,
    }
    if said.full is not None:
        words |= {"waiting_max": said.full.waiting_max, "overflow_action": _action(id_, "full", said.full)}
    return words


def _notices(office: OfficeFile, document: Document) -> Iterator[tuple[str, Words]]:
    """Cards of the file's notices, bound to the department or employee that fills their placeholders (T3)."""
    for id_, said in office.departments.items():
        bound: Words = {"department_id": id_, "language": said.language}
        for occasion, action in (("no_answer", said.no_answer), ("full", said.full)):
            if action is not None:
                whom = {**bound, "agent_id": action.employee}
                yield from _notice(f"{id_}.{occasion}", action.notice, whom, document)
        for occasion in OCCASIONS:
            yield from _notice(f"{id_}.{occasion}", getattr(said.notices, occasion), bound, document)
    for id_, employee in office.employees.items():
        for occasion in DIRECT_OCCASIONS if employee.direct is not None else ():
            notice = getattr(employee.direct, occasion).notice
            yield from _notice(f"{id_}.direct.{occasion}", notice, {"agent_id": id_}, document)
    for id_, scenario in office.scenarios.items():
        for element_id, element in scenario.elements.items():
            yield from _notice(f"{id_}.at.{element_id}", element.notice, {}, document)


def _notice(id_: str, said: Notice | None, bound: Words, document: Document) -> Iterator[tuple[str, Words]]:
    if said is not None and said.spoken is not None:
        yield id_, {"text": said.spoken, **bound}
    elif said is not None and said.uploaded is not None:
        yield id_, {"key": document.uploads.get(said.uploaded), **bound}
