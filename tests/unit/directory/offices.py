"""Offices in memory, for the rules: two cloud PBXs, an office PBX, some people."""

from typing import Any

from msgspec import structs

from contracts.directory import PbxKind, Role
from services.directory.rules import card_checks
from services.directory.rules.errors import Problem
from services.directory.state.cards import (
    DepartmentCard,
    EmployeeCard,
    ExtensionCard,
    OrganizationCard,
    PbxCard,
    RulesCard,
)
from services.directory.state.grants import Grants
from services.directory.state.office import Kind, Office


def employee(name: str, **fields: Any) -> EmployeeCard:
    """An employee on the PBX in Moscow."""
    made: dict[str, Any] = {"name": name, "login": name.lower(), "pbx_id": "moskva", "extension": "250"}
    return EmployeeCard(**{**made, **fields})


def office(**parts: Any) -> Office:
    """An office of two departments and three people, with other parts where given."""
    made: dict[str, Any] = {
        "pbxs": {
            "moskva": PbxCard(name="Москва", kind=PbxKind.CLOUD, numbers=("+74950001000", "+74950001001")),
            "volga": PbxCard(name="Волга", kind=PbxKind.CLOUD, numbers=("+78310002000",)),
            "sklad": PbxCard(name="Склад", kind=PbxKind.OFFICE, numbers=("+78120003000",)),
        },
        "employees": {
            "a": employee("A", extension="201", role=Role.ADMINISTRATOR, email="a@vostok.example"),
            "b": employee("B", extension="202"),
            "c": employee("C", extension="201", pbx_id="volga"),
        },
        "extensions": {"x": ExtensionCard(name="Приёмка", pbx_id="sklad", extension="31")},
        "departments": {
            "sales": DepartmentCard(
                name="Продажи", pbx_id="moskva", extension="300", lines=("+74950001000",)
            ),
            "service": DepartmentCard(name="Сервис", pbx_id="moskva", extension="301"),
        },
        "rules": dict[str, RulesCard](),
    }
    return assigned(Office(organization_id="o", organization=OrganizationCard(name="О"), **{**made, **parts}))


def assigned(found: Office) -> Office:
    """The office, its PBXs and numbers assigned to the organization."""
    numbers = frozenset(number for pbx in found.pbxs.values() for number in pbx.numbers)
    return structs.replace(found, grants=Grants(pbxs=frozenset(found.pbxs), numbers=numbers))


def with_department(found: Office, id_: str, **fields: Any) -> Office:
    """The office with fields of a department changed."""
    departments = {**found.departments, id_: structs.replace(found.departments[id_], **fields)}
    return structs.replace(found, departments=departments)


def codes(found: Office, kind: Kind, id_: str) -> list[tuple[str, str]]:
    """Code and field of every problem of a card."""
    return [(str(each.code), each.field) for each in problems(found, kind, id_)]


def problems(found: Office, kind: Kind, id_: str) -> list[Problem]:
    """Every error and warning about a card."""
    return card_checks.problems(found, kind, id_)
