"""A call scenario is checked before it is live; every error names its element (S1 to S4)."""

from typing import Any

import msgspec
import pytest

from services.directory.state.cards import ScenarioCard
from services.directory.state.office import Kind
from tests.unit.directory.offices import codes, employee, office, problems


def scenario(*elements: dict[str, Any]) -> ScenarioCard:
    """A scenario of these elements on a free line."""
    body = {"name": "Главный", "pbx_id": "moskva", "lines": ["+74950001001"], "elements": elements}
    return msgspec.convert(body, ScenarioCard)


def element(id_: str, kind: str, *arrows: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """One element with its arrows."""
    drawn = [{"on": on, "to": to} for on, to in arrows]
    return {"element_id": id_, "kind": kind, "arrows": drawn, **fields}


def found_in(card: ScenarioCard) -> list[tuple[str, str]]:
    return codes(office(scenarios={"s": card}), Kind.SCENARIO, "s")


BYE = element("bye", "hang_up")


@pytest.mark.rule("S1", "S4")
def test_a_whole_scenario_is_saved() -> None:
    """Greeting, menu, hours, a person with a limit, a department, voicemail, a number, the end."""
    card = scenario(
        element("hello", "greeting", ("next", "menu"), notice={"kind": "standard"}),
        element("menu", "menu", ("1", "boss"), ("2", "day"), ("0", "menu"), ("no_choice", "sales")),
        element("boss", "internal_subscriber", ("no_answer", "out"), agent_id="a", wait_ms=30_000),
        element("out", "external_number", ("no_answer", "vm"), number="+79161234567", wait_ms=30_000),
        element(
            "day",
            "hours",
            ("open", "sales"),
            ("closed", "bye"),
            hours=[{"days": [0], "from_minute": 0, "until_minute": 1440}],
        ),
        element("sales", "department", department_id="sales"),
        element("vm", "voicemail", department_id="sales"),
        BYE,
    )
    assert found_in(card) == []


@pytest.mark.rule("S4")
@pytest.mark.parametrize(
    ("elements", "code", "field"),
    [
        (
            [element("p", "internal_subscriber", agent_id="nobody")],
            "reference_unknown",
            "elements.0.agent_id",
        ),
        ([BYE, element("lost", "hang_up")], "element_unreachable", "elements.1"),
        ([element("g", "greeting", ("next", "gone"))], "arrow_to_nowhere", "elements.0.arrows.0"),
        ([element("g", "greeting")], "arrow_missing", "elements.0.arrows"),
        ([BYE, BYE], "element_twice", "elements.1"),
        ([element("g", "greeting", ("next", "g"))], "cycle_without_choice", "elements.0"),
        ([element("d", "department")], "element_incomplete", "elements.0.department_id"),
    ],
)
def test_each_error_is_found_where_it_is(elements: list[dict[str, Any]], code: str, field: str) -> None:
    """The error leads to the element."""
    assert (code, field) in found_in(scenario(*elements))


@pytest.mark.rule("S2")
def test_without_a_limit_the_route_ends_and_has_no_arrow_out() -> None:
    """EC-98: no call would follow the arrow."""
    card = scenario(element("p", "internal_subscriber", ("no_answer", "bye"), agent_id="a"), BYE)
    assert ("arrow_superfluous", "elements.0.arrows.0") in found_in(card)


@pytest.mark.rule("S4")
def test_a_circle_through_a_callers_choice_is_no_error() -> None:
    """«0» for hearing the menu again is what menus are for; silence must not go round."""
    again = scenario(element("m", "menu", ("0", "m"), ("no_choice", "bye")), BYE)
    assert found_in(again) == []
    silent = scenario(element("m", "menu", ("1", "bye"), ("no_choice", "m")), BYE)
    assert ("cycle_without_choice", "elements.0") in found_in(silent)


@pytest.mark.rule("S3")
def test_too_little_time_for_an_outside_phone_is_warned_of() -> None:
    """The seconds include the set-up: 15 for a mobile, 25 for a satellite phone."""
    mobile = employee("A", extension="201", mobile="+79161234567", rings_mobile=True, mobile_delay_ms=10_000)
    card = scenario(
        element("p", "internal_subscriber", ("no_answer", "bye"), agent_id="a", wait_ms=20_000), BYE
    )
    found = office(employees={"a": mobile}, scenarios={"s": card})
    [problem] = problems(found, Kind.SCENARIO, "s")
    assert (problem.code, problem.is_warning) == ("mobile_time_short", True)


@pytest.mark.rule("S1")
def test_a_line_leads_to_one_place() -> None:
    """Sales has this number: the error names it."""
    taken = msgspec.structs.replace(scenario(BYE), lines=("+74950001000",))
    [problem] = problems(office(scenarios={"s": taken}), Kind.SCENARIO, "s")
    assert (problem.code, problem.values["owner"]) == ("number_taken", "«Продажи»")
    foreign = msgspec.structs.replace(scenario(BYE), lines=("+78310002000",))
    assert found_in(foreign) == [("line_not_of_pbx", "lines.0")]
