"""Turns a sheet into cards of an office, checks them, and compares them with the saved ones."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Struct, structs

from services.directory.rules import card_checks, employees, naming
from services.directory.rules.errors import Code, Problem
from services.directory.state.cards import Card, EmployeeCard, ExtensionCard, NoticeCard, OrganizationCard
from services.directory.state.grants import Grants
from services.directory.state.office import PARTS, Kind, Office, card_of, put
from services.directory.state.office_sheet import EmployeeSheet, OfficeSheet
from services.directory.state.responses import CardChange, CardLeft, FieldChange

PROBLEMS_MAX: Final = 100
"""Nobody repairs a sheet from a list of thousands."""


class Named(NamedTuple):
    """A card with its kind and id."""

    kind: Kind
    id: str
    card: Card

    @property
    def path(self) -> str:
        """The card's place in a sheet."""
        return "organization" if self.kind is Kind.ORGANIZATION else f"{PARTS[self.kind]}.{self.id}"


def cards(office: Office, sheet: OfficeSheet) -> list[Named]:
    """The sheet's cards; fields that it leaves out come from the office."""
    organization = OrganizationCard(**_filled(sheet.organization, office.organization))
    found = [Named(Kind.ORGANIZATION, sheet.organization_id, organization)]
    for kind, part in PARTS.items():
        said: Mapping[str, Card] = getattr(sheet, part)
        if kind is Kind.EMPLOYEE:
            said = _employees(office, sheet.employees)
        elif kind is Kind.NOTICE:
            said = {
                id_: NoticeCard(**_filled(notice, office.notices.get(id_)))
                for id_, notice in sheet.notices.items()
            }
        found += [Named(kind, id_, card) for id_, card in said.items()]
    return found


def _employees(office: Office, said: Mapping[str, EmployeeSheet]) -> dict[str, Card]:
    taken = {card.login for card in office.employees.values()}
    taken |= {sheet.login for sheet in said.values() if sheet.login is not UNSET}
    found: dict[str, Card] = {}
    for id_, sheet in said.items():
        old = office.employees.get(id_)
        values = _filled(sheet, old)
        if "login" not in values:
            values["login"] = naming.login(sheet.name, taken)
            taken.add(values["login"])
        found[id_] = EmployeeCard(**values)
    return found


def _filled(sheet: Card, old: Card | None) -> dict[str, Any]:
    """A card's fields: the sheet's, and the old card's where the sheet leaves them out."""
    values = structs.asdict(sheet)
    silent = [name for name, value in values.items() if value is UNSET]
    for name in silent:
        if old is None:
            del values[name]
        else:
            values[name] = getattr(old, name)
    return values


def office_of(sheet: OfficeSheet) -> Office:
    """The office that a sheet alone makes, as if its PBXs and numbers were the organization's."""
    numbers = frozenset(number for pbx in sheet.pbxs.values() for number in pbx.numbers)
    grants = Grants(pbxs=frozenset(sheet.pbxs), numbers=numbers)
    organization = OrganizationCard(name="—")
    office = Office(organization_id=sheet.organization_id, organization=organization, grants=grants)
    for named in cards(office, sheet):
        put(office, named.kind, named.id, named.card)
    return office


def problems(office: Office, named: list[Named]) -> list[Problem]:
    """Errors and warnings about these cards of an office; `field` is the place in the sheet."""
    found = list(_found(office, named))
    if not employees.administrators(office):
        found.insert(0, Problem(code=Code.ADMINISTRATOR_MISSING, field="employees"))
    if any(problem.code is Code.LINE_NOT_OF_PBX for problem in found):
        # The PBX reports the same number; once is enough.
        found = [problem for problem in found if problem.code is not Code.IN_USE]
    errors = [problem for problem in found if not problem.is_warning]
    warnings = [problem for problem in found if problem.is_warning]
    return [*errors[:PROBLEMS_MAX], *warnings[:PROBLEMS_MAX]]


def warned_of(problem: Problem) -> Problem:
    """In a preview, what the operator can still assign is a warning: the same person may do that next."""
    is_warning = problem.is_warning or problem.code in (Code.PBX_NOT_ASSIGNED, Code.NUMBER_NOT_ASSIGNED)
    return structs.replace(problem, is_warning=is_warning)


def _found(office: Office, named: list[Named]) -> Iterator[Problem]:
    shared = card_checks.SharedChecks(office)
    loops: set[frozenset[str]] = set()
    for each in named:
        if each.kind is Kind.EXTENSION and each.id in office.employees:
            yield Problem(code=Code.ID_TAKEN, field=each.path, values={"id": each.id})
        for problem in card_checks.problems(office, each.kind, each.id, shared):
            if problem.code is Code.FORWARD_LOOP:
                # Each card on a loop reports it.
                steps = frozenset(problem.values["path"].split(" → "))
                if steps in loops:
                    continue
                loops.add(steps)
            field = f"{each.path}.{problem.field}" if problem.field else each.path
            yield structs.replace(problem, field=field)


def changes(before: Office | None, named: list[Named]) -> list[CardChange]:
    """What these cards change in an office, or create without one; unchanged cards are left out."""
    found = []
    for each in named:
        old = None if before is None else card_of(before, each.kind, each.id)
        if old is None:
            found.append(CardChange(what="new", kind=each.kind, id=each.id))
        elif old != each.card:
            fields = tuple(_fields(old, each.card))
            found.append(CardChange(what="changed", kind=each.kind, id=each.id, fields=fields))
    return found


def changed_fields(old: Struct, new: Struct) -> Iterator[str]:
    """The names of fields that differ, dotted within nested structs."""
    for name in new.__struct_fields__:
        before, after = getattr(old, name, None), getattr(new, name)
        if before == after:
            continue
        if isinstance(after, Struct) and isinstance(before, type(after)):
            yield from (f"{name}.{each}" for each in changed_fields(before, after))
        else:
            yield name


def _fields(old: Card, new: Card) -> Iterator[FieldChange]:
    for name in new.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield FieldChange(name=name, before=_json(before), after=_json(after))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def left(before: Office, named: list[Named]) -> list[CardLeft]:
    """The office's other cards; rules are not listed apart from their employees."""
    here = {(each.kind, each.id) for each in named}
    return [
        CardLeft(kind=kind, id=id_)
        for kind, part in PARTS.items()
        if kind is not Kind.RULES
        for id_ in getattr(before, part)
        if (kind, id_) not in here
    ]


def added(office: Office, sheet: OfficeSheet) -> list[tuple[Named, ExtensionCard]]:
    """The extensions that a sheet adds, or gives another number or PBX."""
    return [
        (Named(Kind.EXTENSION, id_, card), card)
        for id_, card in sheet.extensions.items()
        if (old := office.extensions.get(id_)) is None
        or (old.pbx_id, old.extension) != (card.pbx_id, card.extension)
    ]


def not_asked(office: Office, sheet: OfficeSheet) -> list[Problem]:
    """Warnings about added extensions of PBXs that the sheet itself adds: those can't be asked yet (O3)."""
    return [
        Problem(
            code=Code.EXTENSION_NOT_ASKED,
            field=f"{named.path}.extension",
            values={"extension": card.extension, "pbx": sheet.pbxs[card.pbx_id].name},
            is_warning=True,
        )
        for named, card in added(office, sheet)
        if card.pbx_id not in office.pbxs and card.pbx_id in sheet.pbxs
    ]
