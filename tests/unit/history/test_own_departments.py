"""Which departments are an employee's own, as history reads it from the log."""

import pytest

from contracts.directory import RightsSaved, Role
from contracts.ids import DepartmentId
from services.history.rules.card_cache import CardCache
from tests.unit.history.stories import ANNA, MOSCOW, NORTH, SALES, SERVICE, a_department, the_cards


def own(role: Role) -> frozenset[DepartmentId]:
    """Anna's departments: she heads Sales and has a seat in Service."""
    cards = CardCache(NORTH)
    for fact in the_cards():
        cards.save(fact)  # type: ignore[arg-type]  # all facts of the stories are cards
    cards.save(a_department(SALES, "Sales", MOSCOW, version=2, head_ids=(ANNA,)))
    cards.save(a_department(SERVICE, "Service", MOSCOW, ANNA, version=2))
    cards.save(RightsSaved(agent_id=ANNA, version=2, role=role))
    person = cards.person(ANNA)
    assert person is not None
    return person.departments


@pytest.mark.rule("P2", "P3")
def test_own_departments_mean_in_history_what_they_mean_in_the_directory() -> None:
    """A head has those headed; anybody else those with a seat, and those headed without the role."""
    assert own(Role.DEPARTMENT_HEAD) == {SALES}
    assert own(Role.USER) == {SALES, SERVICE}
