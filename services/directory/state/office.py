"""One organization's whole office: all cards in force, by id, which every save is checked against."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

from services.directory.state.cards import (
    Card,
    DepartmentCard,
    EmployeeCard,
    ExtensionCard,
    NoticeCard,
    OrganizationCard,
    PauseCard,
    PbxCard,
    ResponsibleCard,
    RulesCard,
    ScenarioCard,
    TokenCard,
    WrapUpCard,
)
from services.directory.state.grants import Grants


class Kind(StrEnum):
    """The kinds of cards; also their names in the table of cards and in errors' fields."""

    ORGANIZATION = "organization"
    PBX = "pbx"
    EMPLOYEE = "employee"
    EXTENSION = "extension"
    DEPARTMENT = "department"
    NOTICE = "notice"
    RULES = "rules"
    SCENARIO = "scenario"
    RESPONSIBLE = "responsible"
    TOKEN = "token"  # noqa: S105  # a kind of card
    PAUSE = "pause"
    WRAP_UP = "wrap_up"


CARDS: Final[dict[Kind, type[Card]]] = {
    Kind.ORGANIZATION: OrganizationCard,
    Kind.PBX: PbxCard,
    Kind.EMPLOYEE: EmployeeCard,
    Kind.EXTENSION: ExtensionCard,
    Kind.DEPARTMENT: DepartmentCard,
    Kind.NOTICE: NoticeCard,
    Kind.RULES: RulesCard,
    Kind.SCENARIO: ScenarioCard,
    Kind.RESPONSIBLE: ResponsibleCard,
    Kind.TOKEN: TokenCard,
    Kind.PAUSE: PauseCard,
    Kind.WRAP_UP: WrapUpCard,
}
PARTS: Final = {
    Kind.PBX: "pbxs",
    Kind.EMPLOYEE: "employees",
    Kind.EXTENSION: "extensions",
    Kind.DEPARTMENT: "departments",
    Kind.NOTICE: "notices",
    Kind.RULES: "rules",
    Kind.SCENARIO: "scenarios",
}
"""The parts of an office, and of a sheet, by the kind of their cards."""
CHECKED: Final = (
    Kind.ORGANIZATION,
    Kind.PBX,
    Kind.EMPLOYEE,
    Kind.EXTENSION,
    Kind.DEPARTMENT,
    Kind.NOTICE,
    Kind.RULES,
    Kind.SCENARIO,
)
"""The kinds that saves are checked against."""


class Office(Struct, kw_only=True):
    """The cards by id, in the order of ids; `rules` by the employee's id; `grants` are the operator's."""

    organization_id: str
    organization: OrganizationCard
    grants: Grants = Grants()
    pbxs: dict[str, PbxCard] = {}
    employees: dict[str, EmployeeCard] = {}
    extensions: dict[str, ExtensionCard] = {}
    departments: dict[str, DepartmentCard] = {}
    notices: dict[str, NoticeCard] = {}
    rules: dict[str, RulesCard] = {}
    scenarios: dict[str, ScenarioCard] = {}
    home_region_saved: str = ""
    """The home region before this change; empty: the card's own, as the operator begins an organization."""

    def agents(self) -> Iterator[tuple[str, EmployeeCard | ExtensionCard]]:
        """Everyone who can take a department's calls."""
        yield from self.employees.items()
        yield from self.extensions.items()

    def agent(self, id_: str) -> EmployeeCard | ExtensionCard | None:
        """An employee or an office PBX's extension, or None."""
        return self.employees.get(id_) or self.extensions.get(id_)

    def zone(self, employee: EmployeeCard) -> str:
        """The time zone an employee works in."""
        return employee.timezone or self.organization.timezone

    def departments_of(self, agent_id: str) -> list[str]:
        """The departments in which an agent has a seat."""
        return [
            id_
            for id_, department in self.departments.items()
            if any(seat.agent_id == agent_id for seat in department.agents)
        ]


def card_of(office: Office, kind: Kind, id_: str) -> Card | None:
    """A card of an office, or None."""
    if kind is Kind.ORGANIZATION:
        return office.organization
    found: dict[str, Card] = getattr(office, PARTS[kind])
    return found.get(id_)


def put(office: Office, kind: Kind, id_: str, card: Card | None) -> None:
    """Add or replace a card; None removes it."""
    if kind is Kind.ORGANIZATION:
        assert isinstance(card, OrganizationCard)
        office.organization = card
    elif kind in PARTS:
        cards: dict[str, Card] = getattr(office, PARTS[kind])
        if card is None:
            cards.pop(id_, None)
        else:
            cards[id_] = card
