"""Warnings about a department's times (C12, E4, Q1, Q5)."""

import pytest

from contracts.directory import StrategyKind
from services.directory.rules import card_checks
from services.directory.rules.errors import shown
from services.directory.state.cards import CallbackSettings, RulesCard, Seat, Strategy
from services.directory.state.office import Kind, Office
from tests.unit.directory.offices import employee, office, problems, with_department


def warned(found: Office) -> list[str]:
    """The codes of the warnings about the sales department."""
    return [str(each.code) for each in problems(found, Kind.DEPARTMENT, "sales") if each.is_warning]


@pytest.mark.rule("C12")
@pytest.mark.parametrize(
    ("no_answer_s", "invitation_s", "is_late"),
    [
        (600, 30, False),
        (600, 585, False),
        (600, 586, True),
        (600, 700, True),
        (600, 600, True),
        (130, 120, True),
    ],
)
def test_n10_an_invitation_that_nobody_will_hear_is_saved_with_a_warning(
    no_answer_s: int, invitation_s: int, is_late: bool
) -> None:
    """In the last fifteen seconds nobody is invited: no caller would learn of callbacks."""
    settings = CallbackSettings(invitation_after_ms=invitation_s * 1_000)
    found = with_department(
        office(), "sales", no_answer_ms=no_answer_s * 1_000, callback=settings, agents=(Seat(agent_id="a"),)
    )
    late = [each for each in problems(found, Kind.DEPARTMENT, "sales") if each.code == "invitation_late"]
    assert bool(late) == is_late
    for problem in late:
        assert (problem.field, problem.is_warning) == ("callback.invitation_after_ms", True)
        assert f"after {invitation_s} s" in shown(problem).cause.en
        assert f"через {invitation_s} с" in shown(problem).cause.ru


@pytest.mark.rule("C12")
def test_n10_with_callbacks_off_no_invitation_is_late() -> None:
    """No caller is to be invited."""
    off = CallbackSettings(is_on=False, invitation_after_ms=700_000)
    found = with_department(office(), "sales", callback=off, agents=(Seat(agent_id="a"),))
    assert warned(found) == []


@pytest.mark.rule("Q5")
@pytest.mark.parametrize(("seconds", "is_short"), [(119, True), (120, False)])
def test_n10_less_than_two_minutes_with_callbacks_is_saved_with_a_warning(
    seconds: int, is_short: bool
) -> None:
    """The time is too short for a callback."""
    found = with_department(office(), "sales", no_answer_ms=seconds * 1_000, agents=(Seat(agent_id="a"),))
    assert warned(found) == (["callback_time_short"] if is_short else [])


def with_mobile(delay_s: int, **departments: object) -> Office:
    """B rings on the desk and, later, on a mobile, and sits in sales."""
    card = employee(
        "B", mobile="+79161234567", rings_mobile=True, mobile_delay_ms=delay_s * 1_000, extension="202"
    )
    found = office(employees={**office().employees, "b": card})
    return with_department(found, "sales", agents=(Seat(agent_id="b"),), **departments)


@pytest.mark.rule("E4", "Q1")
def test_n10_rung_one_after_the_other_the_mobile_has_the_step_and_not_the_ring_time() -> None:
    """In turn each agent rings for one step only, whatever the ring time."""
    one_by_one = Strategy(kind=StrategyKind.LINEAR, ring_ms=60_000)
    assert warned(with_mobile(5, strategy=one_by_one)) == []
    assert warned(with_mobile(6, strategy=one_by_one)) == ["mobile_time_short"]
    longer = Strategy(kind=StrategyKind.LINEAR, ring_ms=1_000, step_ms=30_000)
    assert warned(with_mobile(6, strategy=longer)) == []


@pytest.mark.rule("E4")
def test_n10_saving_an_employee_warns_of_a_mobile_that_departments_ring_too_shortly() -> None:
    """The person who makes the delay longer is warned, not the one who saves the department next year."""
    found = card_checks.problems_alone(with_mobile(10), Kind.EMPLOYEE, "b")
    [problem] = [each for each in found if each.is_warning]
    assert (problem.code, problem.field, problem.values["seconds"]) == (
        "mobile_time_short",
        "mobile_delay_ms",
        "10",
    )
    assert card_checks.problems_alone(with_mobile(5), Kind.EMPLOYEE, "b") == []
    quick = with_mobile(5)
    quick.rules["b"] = RulesCard(no_answer_ms=10_000)
    [problem] = card_checks.problems_alone(quick, Kind.EMPLOYEE, "b")
    assert problem.values["seconds"] == "5"
