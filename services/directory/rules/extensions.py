"""Extensions (E2, E-88): the next free one, and those that stand in the way of an emergency call."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, Protocol

from contracts import dialling
from services.directory.rules.errors import Code, Problem
from services.directory.state.office import Kind, Office

EXTENSION_FIRST: Final = 200
"""Where a free extension is looked for: 101 to 104 and 112 are emergency numbers, 1xx is best left alone."""
EXTENSION_LAST: Final = 99_999


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def shadows_emergency(extension: str) -> bool:
    """Whether somebody who dials an emergency number would reach this after its first digits."""
    return any(number.startswith(extension) for number in dialling.EMERGENCY_EVERYWHERE)


def next_free(taken: Collection[str], region: str) -> str:
    """The first extension that is not taken and is in nobody's way."""
    return next(
        extension
        for extension in map(str, range(EXTENSION_FIRST, EXTENSION_LAST))
        if extension not in taken
        and not dialling.is_emergency(extension, region)
        and not shadows_emergency(extension)
    )


def taken(office: Office, pbx_id: str) -> dict[str, tuple[Kind, str]]:
    """Who has which extension of a PBX: employees, departments, bare extensions."""
    return {extension: owner for of_pbx, extension, owner in _owners(office) if of_pbx == pbx_id}


def free(office: Office, pbx_id: str) -> str:
    """The next free extension of a PBX."""
    return next_free(taken(office, pbx_id), office.organization.dialling.home_region)


def problems(office: Office, kind: Kind, id_: str) -> Iterator[Problem]:
    """What is wrong with the extension of one card."""
    owners = [each for each in _owners(office) if each[2] == (kind, id_)]
    for pbx_id, extension, owner in owners:
        values = {"extension": extension, "pbx": pbx_name(office, pbx_id)}
        if dialling.is_emergency(extension, office.organization.dialling.home_region):
            yield Problem(
                code=Code.EXTENSION_EMERGENCY,
                field="extension",
                values={**values, "free": free(office, pbx_id)},
            )
        elif shadows_emergency(extension):
            yield Problem(
                code=Code.EXTENSION_SHADOWS,
                field="extension",
                values={**values, "free": free(office, pbx_id)},
            )
        for of_pbx, other, other_owner in _owners(office):
            if (of_pbx, other) == (pbx_id, extension) and other_owner != owner:
                yield Problem(
                    code=Code.EXTENSION_TAKEN,
                    field="extension",
                    values={**values, "owner": name_of(office, *other_owner), "free": free(office, pbx_id)},
                )


def pbx_name(office: Office, pbx_id: str) -> str:
    """A PBX as people call it."""
    found = office.pbxs.get(pbx_id)
    return pbx_id if found is None else found.name


def name_of(office: Office, kind: Kind, id_: str) -> str:
    """A card as people call it, its id where it has no name."""
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


def _owners(office: Office) -> Iterator[tuple[str, str, tuple[Kind, str]]]:
    for id_, employee in office.employees.items():
        yield employee.pbx_id, employee.extension, (Kind.EMPLOYEE, id_)
    for id_, phone in office.extensions.items():
        yield phone.pbx_id, phone.extension, (Kind.EXTENSION, id_)
    for id_, department in office.departments.items():
        yield department.pbx_id, department.extension, (Kind.DEPARTMENT, id_)
