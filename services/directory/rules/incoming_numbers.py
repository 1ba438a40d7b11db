"""Incoming numbers: each belongs to its PBX and leads to one place."""

from collections.abc import Iterable, Iterator

from services.directory.rules.errors import Code, Problem
from services.directory.rules.extensions import name_of, pbx_name
from services.directory.state.office import Kind, Office


def problems(office: Office, kind: Kind, id_: str, pbx_id: str, said: Iterable[str]) -> Iterator[Problem]:
    """Lines of a department or a scenario that belong to another PBX or already lead elsewhere."""
    pbx = office.pbxs.get(pbx_id)
    for position, number in enumerate(said):
        field = f"lines.{position}"
        if pbx is not None and number not in pbx.numbers:
            values = {"number": number, "pbx": pbx_name(office, pbx_id)}
            yield Problem(code=Code.LINE_NOT_OF_PBX, field=field, values=values)
        yield from taken(office, kind, id_, number, field)


def taken(office: Office, kind: Kind, id_: str, number: str, field: str) -> Iterator[Problem]:
    """A number that already leads elsewhere."""
    for owner, numbers in _owners(office):
        if owner != (kind, id_) and number in numbers:
            values = {"number": number, "owner": name_of(office, *owner)}
            yield Problem(code=Code.NUMBER_TAKEN, field=field, values=values)
            return


def _owners(office: Office) -> Iterator[tuple[tuple[Kind, str], tuple[str, ...]]]:
    for id_, department in office.departments.items():
        yield (Kind.DEPARTMENT, id_), department.lines
    for id_, scenario in office.scenarios.items():
        yield (Kind.SCENARIO, id_), scenario.lines
    for id_, rules in office.rules.items():
        yield (Kind.RULES, id_), rules.numbers
