"""Extensions (E2, EC-88): the next free one, and those that would catch an emergency call."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, Protocol

from contracts import dialling
from services.directory.rules.errors import Code, Problem
from services.directory.state.office import Kind, Office

EXTENSION_FIRST: Final = 200
"""The first extension that is given: 101 to 104 and 112 are emergency numbers, so 1xx is left alone."""
EXTENSION_LAST: Final = 99_999


Owner = tuple[Kind, str]
Owners = dict[tuple[str, str], list[Owner]]
"""By PBX and extension."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def shadows_emergency(extension: str) -> bool:
    """Whether a caller of an emergency number would reach this extension after the first digits."""
    return any(number.startswith(extension) for number in dialling.EMERGENCY_EVERYWHERE)


def next_free(taken: Collection[str], region: str) -> str:
    """The first extension that is free and shadows no emergency number."""
    return next(
        extension
        for extension in map(str, range(EXTENSION_FIRST, EXTENSION_LAST))
        if extension not in taken
        and not dialling.is_emergency(extension, region)
        and not shadows_emergency(extension)
    )


def owners(office: Office) -> Owners:
    """The owners of each extension: employees, departments, office PBXs' extensions."""
    found: Owners = {}
    for id_, employee in office.employees.items():
        found.setdefault((employee.pbx_id, employee.extension), []).append((Kind.EMPLOYEE, id_))
    for id_, phone in office.extensions.items():
        found.setdefault((phone.pbx_id, phone.extension), []).append((Kind.EXTENSION, id_))
    for id_, department in office.departments.items():
        found.setdefault((department.pbx_id, department.extension), []).append((Kind.DEPARTMENT, id_))
    return found


def free(office: Office, pbx_id: str) -> str:
    """The next free extension of a PBX."""
    taken = {extension for of_pbx, extension in owners(office) if of_pbx == pbx_id}
    return next_free(taken, office.organization.dialling.home_region)


def problems(
    office: Office, owner: Owner, pbx_id: str, extension: str, owned: Mapping[tuple[str, str], list[Owner]]
) -> Iterator[Problem]:
    """Problems of one card's extension."""
    codes = []
    if dialling.is_emergency(extension, office.organization.dialling.home_region):
        codes.append((Code.EXTENSION_EMERGENCY, ""))
    elif shadows_emergency(extension):
        codes.append((Code.EXTENSION_SHADOWS, ""))
    others = [other for other in owned.get((pbx_id, extension), ()) if other != owner]
    codes += [(Code.EXTENSION_TAKEN, name_of(office, *other)) for other in others]
    if codes:
        values = {"extension": extension, "pbx": pbx_name(office, pbx_id), "free": free(office, pbx_id)}
        for code, name in codes:
            yield Problem(code=code, field="extension", values={**values, "owner": name})


def pbx_name(office: Office, pbx_id: str) -> str:
    """A PBX's name, or its id where it is unknown."""
    found = office.pbxs.get(pbx_id)
    return pbx_id if found is None else found.name


def name_of(office: Office, kind: Kind, id_: str) -> str:
    """A card's name in quotes, or its id where it has none."""
    names = {
        Kind.PBX: _names(office.pbxs),
        Kind.EMPLOYEE: _names(office.employees),
        Kind.RULES: _names(office.employees),
        Kind.EXTENSION: _names(office.extensions),
        Kind.DEPARTMENT: _names(office.departments),
        Kind.SCENARIO: _names(office.scenarios),
    }
    found = names[kind](id_) if kind in names else None
    return id_ if found is None else f"«{found}»"


def _names(cards: Mapping[str, _Named]) -> Callable[[str], str | None]:
    return lambda id_: cards[id_].name if id_ in cards else None
