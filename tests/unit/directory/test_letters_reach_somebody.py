"""A save warns of voice messages that would reach nobody (V4)."""

import pytest
from msgspec import structs

from contracts.directory import Role
from services.directory.state.cards import Who
from services.directory.state.office import Kind
from tests.unit.directory.offices import codes, employee, office, with_department

NOBODY = "nobody_reachable"


def without_addresses() -> dict[str, object]:
    return {"employees": {"a": employee("A", extension="201", role=Role.ADMINISTRATOR)}}


@pytest.mark.rule("V4")
def test_n2_saving_a_department_or_an_organization_whose_letters_reach_nobody_warns() -> None:
    """Neither recipients, nor heads, nor administrators have an address."""
    found = office(**without_addresses())
    assert (NOBODY, "administrators") in codes(found, Kind.ORGANIZATION, "o")
    assert (NOBODY, "recipients") in codes(found, Kind.DEPARTMENT, "sales")


@pytest.mark.rule("V4")
@pytest.mark.parametrize("field", ["recipients", "heads"])
def test_n2_one_reader_of_the_departments_own_is_enough_for_it(field: str) -> None:
    """The organization is warned, too: calls to employees have no department."""
    reader = (Who(name="Вера", email="vera@vostok.example"),)
    found = with_department(office(**without_addresses()), "sales", **{field: reader})
    assert (NOBODY, "recipients") not in codes(found, Kind.DEPARTMENT, "sales")
    assert (NOBODY, "administrators") in codes(found, Kind.ORGANIZATION, "o")


@pytest.mark.rule("V4")
def test_n2_an_administrator_with_an_address_is_enough_for_everybody() -> None:
    """Administrators are those named, or the cards with that role."""
    assert not any(code == NOBODY for code, _ in codes(office(), Kind.DEPARTMENT, "sales"))
    named = office(**without_addresses())
    listed = (Who(name="Гусев", email="gusev@vostok.example"),)
    named = structs.replace(named, organization=structs.replace(named.organization, administrators=listed))
    assert not any(code == NOBODY for code, _ in codes(named, Kind.ORGANIZATION, "o"))
