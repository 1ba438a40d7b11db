"""A whole office on one sheet, which is what an office file says: saved at once or not at all.

A card of the sheet is whole, except for the fields that default to UNSET: an office file has no words for
those, and a field that is left out stays as saved.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from contracts.directory import Role
from services.directory.state import limits
from services.directory.state.cards import (
    Card,
    DepartmentCard,
    EmployeeAtWork,
    ExtensionCard,
    NoticeForm,
    OrganizationForm,
    PbxCard,
    RulesCard,
    ScenarioCard,
    ServiceLevel,
)
from services.directory.state.limits import (
    Extension,
    Id,
    Login,
    Name,
    Number,
    Reference,
    Region,
    RetentionDays,
    Title,
)


class OrganizationSheet(OrganizationForm, frozen=True, kw_only=True):
    """The company. Left out, what the office's own card has beside these stays as the book has it."""

    retention_days: RetentionDays | UnsetType = UNSET
    holidays: Region | UnsetType | None = UNSET
    numbers_hidden_from: Annotated[tuple[Role, ...], Meta(max_length=len(Role))] | UnsetType = UNSET
    requires_second_factor: bool | UnsetType = UNSET
    service_level: ServiceLevel | UnsetType = UNSET


class EmployeeSheet(EmployeeAtWork, frozen=True, kw_only=True):
    """An employee; what is left out of these stays as the book has it, a new one's login is made (E1)."""

    extension: Extension
    login: Login | UnsetType = UNSET
    job_title: Title | UnsetType = UNSET
    may_download: bool | UnsetType = UNSET
    may_hear: bool | UnsetType = UNSET
    mobile: Number | UnsetType | None = UNSET
    keeps_holidays: bool | UnsetType = UNSET


class NoticeSheet(NoticeForm, frozen=True, kw_only=True):
    """A notice; its name, left out, stays as the book has it."""

    name: Name | UnsetType | None = UNSET


class OfficeSheet(Card, frozen=True, kw_only=True):
    """A whole office by ids, `rules` by their employee's. What the book has beside it is left as it is."""

    organization_id: Reference
    organization: OrganizationSheet
    pbxs: Annotated[dict[Id, PbxCard], Meta(max_length=limits.PBXS_MAX)] = {}
    employees: Annotated[dict[Id, EmployeeSheet], Meta(max_length=limits.EMPLOYEES_MAX)] = {}
    extensions: Annotated[dict[Id, ExtensionCard], Meta(max_length=limits.EXTENSIONS_MAX)] = {}
    departments: Annotated[dict[Id, DepartmentCard], Meta(max_length=limits.DEPARTMENTS_MAX)] = {}
    notices: Annotated[dict[Id, NoticeSheet], Meta(max_length=limits.NOTICES_MAX)] = {}
    rules: Annotated[dict[Id, RulesCard], Meta(max_length=limits.EMPLOYEES_MAX)] = {}
    scenarios: Annotated[dict[Id, ScenarioCard], Meta(max_length=limits.SCENARIOS_MAX)] = {}
