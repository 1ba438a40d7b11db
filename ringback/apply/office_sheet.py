"""Makes the sheet that the directory saves from an office file.

`model` has the field of each word; this module moves what stands elsewhere on the sheet: roles, phones,
actions, scenarios, rules and notices. A notice in the file becomes a card whose id is the place where it
plays: `sales.welcome`, `gusev.direct.absence`, `main.at.greeting`.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from contracts.directory import DeviceKind, DirectActionKind, NoticeKind, Role
from ringback.apply import places, wording
from ringback.apply.document import Document, Problem
from ringback.apply.model import OfficeFile
from ringback.apply.wording import Explanation, Mistake
from runtime import request_shape
from runtime.request_shape import Fault, Kind, Text
from services.directory.rules.pattern_texts import PATTERN_TEXTS
from services.directory.state.cards import (
    Card,
    DepartmentCard,
    ExtensionCard,
    NoticeChoices,
    PbxCard,
    RulesCard,
    ScenarioCard,
)
from services.directory.state.office_sheet import EmployeeSheet, NoticeSheet, OfficeSheet, OrganizationSheet

DIRECT_OCCASIONS: Final = ("no_answer", "out_of_hours", "absence")
CARDS: Final[dict[str, type[Card]]] = {
    "pbxs": PbxCard,
    "employees": EmployeeSheet,
    "extensions": ExtensionCard,
    "departments": DepartmentCard,
    "notices": NoticeSheet,
    "rules": RulesCard,
    "scenarios": ScenarioCard,
}

C = TypeVar("C", bound=Card)
Words = dict[str, Any]


def office_sheet(office: OfficeFile, document: Document) -> tuple[OfficeSheet | None, list[Problem]]:
    """The sheet; or None and the problems if a value exceeds a card's limits."""
    said = office.model_dump(mode="json", by_alias=True, exclude_unset=True)
    notices = _Notices(document.uploads)
    _roles(said)
    for id_, department in said.get("departments", {}).items():
        _department(id_, department, notices)
    said["rules"] = {}
    for id_, employee in said.get("employees", {}).items():
        rules = employee.pop("direct", None)
        if rules is not None:
            said["rules"][id_] = _rules(id_, rules, notices)
        _devices(employee)
    for id_, scenario in said.get("scenarios", {}).items():
        scenario["elements"] = [
            _element(id_, element_id, each, notices) for element_id, each in scenario["elements"].items()
        ]
    said["notices"] = notices.cards
    organization_id = said["organization"].pop("id")
    found: list[Problem] = []
    organization = _card("organization", said["organization"], OrganizationSheet, found)
    parts: Words = {part: _cards(part, said.get(part, {}), type_, found) for part, type_ in CARDS.items()}
    if found or organization is None:
        return None, found
    return OfficeSheet(organization_id=organization_id, organization=organization, **parts), []


def _cards(part: str, said: Mapping[str, Words], type_: type[C], found: list[Problem]) -> dict[str, C]:
    made = ((id_, _card(f"{part}.{id_}", words, type_, found)) for id_, words in said.items())
    return {id_: card for id_, card in made if card is not None}


def _card(path: str, words: Words, type_: type[C], found: list[Problem]) -> C | None:
    try:
        return msgspec.convert(words, type_)
    except msgspec.ValidationError:
        found += [_beyond(path, fault) for fault in request_shape.faults(words, type_, PATTERN_TEXTS)]
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


class _Notices:
    """Turns the notices of a file into choices, and collects the cards of spoken and uploaded ones."""

    def __init__(self, uploads: Mapping[str, str]) -> None:
        self.cards: dict[str, Words] = {}
        self._uploads = uploads

    def choose(self, part: Words, word: str, id_: str, **bound: str | None) -> None:
        """Replace a notice, if one is said here; `bound` is whom its card is bound to (T3)."""
        said = part.get(word)
        if said is None:
            return
        if said.get("kind") is not None:
            part[word] = {"kind": said["kind"]}
        elif said.get("spoken") is not None:
            self.cards[id_] = {"text": said["spoken"], **bound}
            part[word] = {"kind": NoticeKind.SPOKEN.value, "notice_id": id_}
        else:
            self.cards[id_] = {"key": self._uploads.get(said["uploaded"]), **bound}
            part[word] = {"kind": NoticeKind.UPLOADED.value, "notice_id": id_}


def _roles(said: Words) -> None:
    """Without a role in the file, the lists of administrators and heads decide."""
    administrators = {who.get("agent_id") for who in said["organization"]["administrators"]}
    departments = said.get("departments", {}).values()
    heads = {who.get("agent_id") for department in departments for who in department.get("heads", ())}
    for id_, employee in said.get("employees", {}).items():
        if employee.get("role") is None:
            other = Role.DEPARTMENT_HEAD if id_ in heads else Role.USER
            employee["role"] = (Role.ADMINISTRATOR if id_ in administrators else other).value


def _devices(employee: Words) -> None:
    """Without a mobile in the file the saved number stays: it also resets forgotten passwords (E7)."""
    devices = employee.pop("devices", None)
    if devices is None:
        return
    employee["rings_desk"] = any(device["kind"] == DeviceKind.DESK for device in devices)
    employee["sims"] = [device["number"] for device in devices if device["kind"] == DeviceKind.SIM]
    for device in devices:
        if device["kind"] == DeviceKind.MOBILE:
            employee |= {"mobile": device["number"], "rings_mobile": True}
            if device.get("after") is not None:
                employee["mobile_delay_ms"] = device["after"]


def _element(id_: str, element_id: str, said: Words, notices: _Notices) -> Words:
    """An element's card; without a notice it plays nothing."""
    notices.choose(said, "notice", f"{id_}.at.{element_id}")
    if said.get("notice") is None:
        said.pop("notice", None)
    arrows = [{"on": on, "to": to} for on, to in said.get("arrows", {}).items()]
    return {**said, "element_id": element_id, "arrows": arrows}


def _rules(id_: str, said: Words, notices: _Notices) -> Words:
    """Rules of direct calls; a drop without a notice is silent, others play the standard one (D2, D3)."""
    for occasion in DIRECT_OCCASIONS:
        action = said.setdefault(occasion, {})
        notices.choose(action, "notice", f"{id_}.direct.{occasion}", agent_id=id_)
        if action.get("notice") is None:
            is_silent = action.get("kind", DirectActionKind.DROP) == DirectActionKind.DROP
            action["notice"] = {"kind": (NoticeKind.NONE if is_silent else NoticeKind.STANDARD).value}
    return said


def _department(id_: str, said: Words, notices: _Notices) -> None:
    bound = {"department_id": id_, "language": said.get("language")}
    for word, (field, inner) in places.ACTIONS.items():
        action = said.pop(field, None)
        if action is not None:
            notices.choose(action, "notice", f"{id_}.{word}", **bound, agent_id=action.get("agent_id"))
            said[field] = action
            if inner in action:
                said[inner] = action.pop(inner)
    for occasion in NoticeChoices.__struct_fields__:
        notices.choose(said.get("notices", {}), occasion, f"{id_}.{occasion}", **bound)
