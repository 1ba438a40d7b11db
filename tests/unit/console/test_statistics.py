"""What the page of statistics makes of history's figures."""

import pytest

from services.console.rules import formats, statistics
from services.console.state.answers import Text
from services.console.state.statistics import (
    Calls,
    Department,
    Employee,
    Formulas,
    Funnel,
    Hour,
    Period,
    Statistics,
)

NO_CALLBACKS = Funnel(
    ordered=0, connected=0, expired=0, unreached=0, cancelled=0, refused=0, open=0, by_other_call=0
)
TODAY = "2026-11-30"


def calls(offered: int = 0, level: float | None = None) -> Calls:
    return Calls(
        offered=offered,
        answered=0,
        abandoned=0,
        wait_ms_median=None,
        wait_ms_p90=None,
        service_level_percent=level,
        callbacks=NO_CALLBACKS,
    )


def department(id_: str, level: float | None, name: str = "") -> Department:
    return Department(
        department_id=id_,
        name=name,
        pbx_name="",
        offered=1,
        answered=0,
        abandoned=0,
        wait_ms_median=None,
        wait_ms_p90=None,
        service_level_percent=level,
        callbacks=NO_CALLBACKS,
    )


def employee(id_: str, answered: int) -> Employee:
    return Employee(
        agent_id=id_,
        offered=answered,
        answered=answered,
        missed=0,
        declined=0,
        answer_ms_average=None,
        share_percent=None,
        name="",
        pbx_name="",
    )


def found(
    departments: tuple[Department, ...] = (),
    employees: tuple[Employee, ...] = (),
    hours: tuple[Hour, ...] = (),
    before: tuple[Department, ...] = (),
) -> Statistics:
    return Statistics(
        since_at=0,
        until_at=1,
        total=calls(len(departments)),
        departments=departments,
        employees=employees,
        days=(),
        hours=hours,
        service_level_s=20,
        formulas=Formulas(**{name: Text(ru="", en="") for name in Formulas.__struct_fields__}),
        previous=Period(since_at=0, until_at=0, total=calls(), departments=before, employees=()),
    )


def test_the_worst_department_comes_first_and_those_without_a_level_last() -> None:
    """The eye begins where something is to be done."""
    good, bad, none = department("a", 99.0), department("b", 41.0), department("c", None)
    lines = statistics.lines(found((good, none, bad), before=(bad,)))
    assert [each.now.department_id for each in lines] == ["b", "a", "c"]
    assert [each.before is not None for each in lines] == [True, False, False]


def test_whoever_answered_most_comes_first() -> None:
    people = statistics.people(found(employees=(employee("x", 1), employee("y", 7), employee("a", 1))))
    assert [each.now.agent_id for each in people] == ["y", "a", "x"]


def test_the_map_has_all_weekdays_and_the_hours_between_the_first_and_the_last_call() -> None:
    """So that a quiet hour in the middle of a day is seen as one."""
    hours = (
        Hour(weekday=1, hour=9, offered=3, service_level_percent=100.0),
        Hour(weekday=5, hour=11, offered=2, service_level_percent=None),
    )
    shown = statistics.by_hour(found(hours=hours))
    assert shown is not None
    assert shown.hours == (9, 10, 11)
    assert [weekday for weekday, _ in shown.weekdays] == [1, 2, 3, 4, 5, 6, 7]
    monday, friday = shown.weekdays[0][1], shown.weekdays[4][1]
    assert [each.level for each in monday] == [0, None, None]
    assert [each.hour is None for each in friday] == [True, True, False]
    assert statistics.by_hour(found()) is None


@pytest.mark.parametrize(
    ("percent", "level"), [(100.0, 0), (90.0, 0), (89.9, 1), (80.0, 1), (65.0, 2), (50.0, 3), (0.0, 4)]
)
def test_a_level_has_the_colour_that_the_legend_says(percent: float, level: int) -> None:
    assert statistics.level_of(percent) == level


def test_an_address_is_a_week_until_today_unless_it_says_otherwise() -> None:
    assert statistics.days({}, TODAY) == ("2026-11-24", TODAY)
    assert statistics.days({"until_day": "2026-03-01"}, TODAY) == ("2026-02-23", "2026-03-01")
    assert statistics.days({"since_day": "2026-11-01"}, TODAY) == ("2026-11-01", TODAY)
    assert statistics.days({"until_day": "soon"}, TODAY) == ("soon", "soon")
    assert statistics.preset(1, TODAY) == {"since_day": TODAY, "until_day": TODAY}
    assert statistics.preset(7, TODAY) == {}


def test_empty_fields_and_doubles_of_a_form_are_left_out() -> None:
    query = {"since_day": [""], "department": ["b", "a", "b", ""], "other": ["x"]}
    assert statistics.given(query) == {"department": "b,a"}


def test_a_change_is_said_with_its_sign_in_the_reader_s_way() -> None:
    assert statistics.change_percent(108, 100) == 8
    assert statistics.change_percent(3, 0) is None
    assert formats.changed(0.08, "ru") == "+8\u00a0%"
    assert formats.changed(-0.5, "en") == "−50%"
    assert formats.written_day("2026-12-01", "ru") == "1 декабря, вторник"
    assert formats.written_day("2026-12-01", "en") == "Tuesday, December 1"
