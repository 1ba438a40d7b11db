"""Forwards never loop, and lead only where somebody can be reached (D6, O7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.directory import ActionKind, DirectActionKind
from services.directory.state.cards import DirectAction, NoAnswerAction, RulesCard
from services.directory.state.office import Kind
from tests.unit.directory.offices import codes, employee, office, problems, with_department


def to_colleague(id_: str) -> DirectAction:
    return DirectAction(kind=DirectActionKind.COLLEAGUE, agent_id=id_)


def to_department(id_: str) -> DirectAction:
    return DirectAction(kind=DirectActionKind.DEPARTMENT, department_id=id_)


@pytest.mark.rule("D6")
def test_a_department_that_falls_back_on_who_forwards_to_it_is_a_loop() -> None:
    """EC-80: A → department → fallback A, whichever of the two is saved last."""
    found = office(rules={"a": RulesCard(no_answer=to_department("sales"))})
    action = NoAnswerAction(kind=ActionKind.FALLBACK_EMPLOYEE, agent_id="a")
    found = with_department(found, "sales", no_answer_action=action)
    [by_rules] = [each for each in problems(found, Kind.RULES, "a") if each.code == "forward_loop"]
    assert by_rules.values["path"] == "«A» → «Продажи» → «A»"
    assert ("forward_loop", "no_answer_action") in codes(found, Kind.DEPARTMENT, "sales")


@pytest.mark.rule("D6", "Q5")
def test_a_fallback_employees_own_rule_is_no_part_of_the_way() -> None:
    """The fallback only rings, and the department's voicemail follows: every call ends."""
    to_service, to_sales = to_department("service"), to_department("sales")
    found = office(rules={"a": RulesCard(no_answer=to_service), "b": RulesCard(no_answer=to_sales)})
    for id_, reserve in (("sales", "a"), ("service", "b")):
        action = NoAnswerAction(kind=ActionKind.FALLBACK_EMPLOYEE, agent_id=reserve)
        found = with_department(found, id_, no_answer_action=action)
    assert ("forward_loop", "no_answer_action") not in codes(found, Kind.DEPARTMENT, "sales")
    assert codes(found, Kind.RULES, "a") == []


@pytest.mark.rule("D6")
@given(
    st.lists(st.sampled_from(["a", "b", "c", "-"]), min_size=3, max_size=3),
    st.sampled_from(["a", "b", "c"]),
)
def test_what_is_saved_without_a_loop_comes_to_rest(targets: list[str], start: str) -> None:
    """If no save was refused, an unanswered call comes to nobody twice."""
    people = ("a", "b", "c")
    rules = {
        who: RulesCard(no_answer=to_colleague(target))
        for who, target in zip(people, targets, strict=True)
        if target != "-"
    }
    found = office(rules=rules)
    is_refused = any("forward_loop" in dict(codes(found, Kind.RULES, who)) for who in rules)
    visited: list[str] = []
    at: str | None = start
    while at is not None and at not in visited:
        visited.append(at)
        card = rules.get(at)
        at = None if card is None else card.no_answer.agent_id
    if at is not None:
        assert is_refused


@pytest.mark.rule("O7")
def test_an_office_pbxs_extension_is_refused_by_name() -> None:
    """The reason names the extension and its PBX."""
    found = office(rules={"a": RulesCard(no_answer=to_colleague("x"))})
    [problem] = problems(found, Kind.RULES, "a")
    assert (problem.code, problem.values["target"], problem.values["pbx"]) == (
        "target_on_office_pbx",
        "Приёмка",
        "Склад",
    )


@pytest.mark.rule("O7")
def test_an_employee_of_another_cloud_pbx_is_a_target() -> None:
    """Calls go across PBXs."""
    assert codes(office(rules={"a": RulesCard(no_answer=to_colleague("c"))}), Kind.RULES, "a") == []


@pytest.mark.rule("D2", "P5")
def test_forwarding_to_the_own_mobile_needs_one() -> None:
    """Without a number there is nowhere to go."""
    card = RulesCard(no_answer=DirectAction(kind=DirectActionKind.MOBILE))
    assert codes(office(rules={"a": card}), Kind.RULES, "a") == [("mobile_missing", "no_answer.kind")]
    reachable = {**office().employees, "a": employee("A", extension="201", mobile="+79161234567")}
    assert codes(office(employees=reachable, rules={"a": card}), Kind.RULES, "a") == []
