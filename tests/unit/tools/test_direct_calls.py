"""Direct calls in an office file: rules, rights, and what does not fit together."""

import pytest

from contracts.directory import DirectActionKind, DirectRulesSaved, NoticeKind, NoticeSaved, RightsSaved, Role
from contracts.ids import AgentId
from tests.unit.tools.offices import PLAIN, changed, facts_of, problems_of

ZIMINA = "  zimina: {name: Зимина Вера, pbx: cloud, extension: 202}\n"


def _with_direct(direct: str) -> str:
    return changed((ZIMINA, ZIMINA.replace("}\n", f", direct: {direct}}}\n")))


def _rules(text: str, agent_id: str = "zimina") -> DirectRulesSaved:
    (found,) = [f for f in facts_of(text) if isinstance(f, DirectRulesSaved) and f.agent_id == agent_id]
    return found


@pytest.mark.rule("D1", "D2")
def test_who_writes_nothing_gets_busy_tones_after_two_minutes() -> None:
    """The default of the rules: 120 s, then the call is dropped."""
    rules = _rules(PLAIN)
    assert rules.no_answer_ms == 120_000
    assert (rules.no_answer.kind, rules.no_answer.notice.kind) == (DirectActionKind.DROP, NoticeKind.NONE)


@pytest.mark.rule("D2", "D3")
def test_a_forward_is_told_of_unless_the_notice_is_none() -> None:
    """The caller hears that another specialist will answer, and needs no setting for it."""
    text = _with_direct("{no_answer: {then: colleague, employee: gusev}}")
    assert _rules(text).no_answer.notice.kind is NoticeKind.STANDARD
    assert _rules(text).no_answer.agent_id == "gusev"


@pytest.mark.rule("D3", "T3")
def test_a_spoken_notice_knows_its_employee() -> None:
    """It is a notice like a department's, and rendered again when the name changes."""
    text = _with_direct("{absence: {then: voicemail, notice: {spoken: '{employee} в отпуске.'}}}")
    (notice,) = [
        fact for fact in facts_of(text) if isinstance(fact, NoticeSaved) and "direct" in fact.notice_id
    ]
    assert notice.values == {"employee": "Зимина Вера"}
    assert _rules(text).absence.notice.notice_id == notice.notice_id


@pytest.mark.rule("D6")
def test_two_who_forward_to_each_other_are_refused_with_the_path() -> None:
    """EC-79: an employee who saves a certain loop learns its path."""
    zimin = "  zimin: {name: Зимин Лев, pbx: cloud, extension: 209, direct: {no_answer: %s}}\n"
    text = _with_direct("{no_answer: {then: colleague, employee: zimin}}")
    text = text.replace("employees:\n", "employees:\n" + zimin % "{then: colleague, employee: zimina}")
    assert any("«Зимин Лев» → «Зимина Вера» → «Зимин Лев»" in problem.cause for problem in problems_of(text))


@pytest.mark.rule("O7")
def test_an_office_pbxs_extension_is_no_forward_target_and_it_is_said_why() -> None:
    """Its person is not known here, and so neither are the person's hours and absences."""
    (problem,) = problems_of(_with_direct("{no_answer: {then: colleague, employee: priemka}}"))
    assert "whose extensions can't be a fallback" in problem.cause


@pytest.mark.rule("P6")
def test_roles_follow_from_who_heads_and_who_administers() -> None:
    """A file without roles gives no employee more rights than the lists imply."""
    roles = {fact.agent_id: fact.role for fact in facts_of(PLAIN) if isinstance(fact, RightsSaved)}
    assert roles[AgentId("zimina")] is Role.USER
    assert Role.ADMINISTRATOR in roles.values()
