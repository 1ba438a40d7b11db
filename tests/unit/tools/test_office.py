"""An office file becomes facts, and what is wrong in it is named with its line and the remedy."""

from pathlib import Path

import pytest
from msgspec import UNSET

from contracts.directory import (
    ActionKind,
    AgentSaved,
    DepartmentSaved,
    DeviceKind,
    NoticeKind,
    NoticeSaved,
    OrganizationSaved,
)
from contracts.ids import OrganizationId
from ringback.apply import office
from ringback.apply.document import FileRefused, printed_line, read
from ringback.apply.model import Hours
from services.directory.state.office_sheet import OfficeSheet
from tests.unit.tools.offices import (
    NOW,
    PLAIN,
    changed,
    facts,
    facts_of,
    line_of,
    only_problem_of,
    problems_of,
)

EXAMPLE = Path(__file__).parents[3] / "examples" / "office.yaml"


def test_the_example_office_is_believable_and_without_a_warning() -> None:
    """The first file a newcomer copies must not teach mistakes: two departments, seven agents, three PBXs."""
    document = read(EXAMPLE.read_text(encoding="utf-8"))
    assert office.examine(document)[1] == []
    said = facts(document, NOW)
    assert sum(isinstance(fact, DepartmentSaved) for fact in said) == 2
    assert len({fact.pbx_id for fact in said if isinstance(fact, AgentSaved)}) == 3
    assert sum(isinstance(fact, AgentSaved) for fact in said) == 7


def test_the_same_file_at_the_same_time_gives_the_same_facts() -> None:
    """Simulation and replays rest on that."""
    assert facts_of(PLAIN) == facts_of(PLAIN)


def test_defaults_are_those_of_the_rules() -> None:
    """An empty department has ring all, ten minutes, voicemail, and callbacks on (Q1, Q5, C1)."""
    (department,) = [fact for fact in facts_of(PLAIN) if isinstance(fact, DepartmentSaved)]
    assert department.strategy.kind == "ring_all"
    assert department.no_answer_ms == 600_000
    assert department.no_answer_action.kind is ActionKind.VOICEMAIL
    assert department.callback.is_on


def test_the_own_numbers_of_all_pbxs_are_in_the_dialling_policy() -> None:
    """A callback to the company itself can't be ordered (C10)."""
    (organization,) = [fact for fact in facts_of(PLAIN) if isinstance(fact, OrganizationSaved)]
    assert organization.organization_id == OrganizationId("veter")
    assert organization.dialling_policy.own_numbers == ("+74950001000", "+78120003000")


def test_an_extension_of_an_office_pbx_is_an_agent_but_no_employee() -> None:
    """Of an office PBX only the extensions are known (O2)."""
    (agent,) = [f for f in facts_of(PLAIN) if isinstance(f, AgentSaved) and f.agent_id == "priemka"]
    assert (agent.is_employee, agent.pbx_id, agent.devices[0].address) == (False, "sklad", "sip:31")


@pytest.mark.rule("E4")
def test_a_mobile_rings_five_seconds_after_the_desk_phone_and_alone_at_once() -> None:
    """An agent at the desk answers there; an agent with only a mobile loses no time."""
    devices = "devices: [{kind: desk}, {kind: mobile, number: +7 900 000-02-01}]"
    both = changed(
        ("extension: 202", f"extension: 202, {devices}"), ("agents:", "strategy: {ring: 30 s}\n    agents:")
    )
    alone = both.replace("{kind: desk}, ", "")
    for text, delay_ms in ((both, 5_000), (alone, 0)):
        (agent,) = [f for f in facts_of(text) if isinstance(f, AgentSaved) and f.agent_id == "zimina"]
        mobile = agent.devices[-1]
        assert (mobile.kind, mobile.address, mobile.delay_ms) == (
            DeviceKind.MOBILE,
            "tel:+79000000201",
            delay_ms,
        )


@pytest.mark.rule("E4")
def test_a_mobile_that_can_ring_less_than_fifteen_seconds_is_warned_of() -> None:
    """The set-up of an outside call alone takes some seconds."""
    devices = "devices: [{kind: desk}, {kind: mobile, number: +7 900 000-02-01, after: 6 s}]"
    problem = only_problem_of(changed(("extension: 202", f"extension: 202, {devices}")))
    assert problem.is_warning
    assert "14 s" in problem.cause


def test_a_spoken_notice_carries_the_values_that_are_known_when_it_is_saved() -> None:
    """When the department is renamed, its notice changes with it (T3)."""
    said = "lines:", 'notices: {welcome: {spoken: "Это {department}, вы {position}-й"}}\n    lines:'
    (notice,) = [fact for fact in facts_of(changed(said)) if isinstance(fact, NoticeSaved)]
    (department,) = [fact for fact in facts_of(changed(said)) if isinstance(fact, DepartmentSaved)]
    assert notice.values == {"department": "Отдел продаж"}
    assert department.notices.welcome.kind is NoticeKind.SPOKEN
    assert department.notices.welcome.notice_id == notice.notice_id


@pytest.mark.rule("T3")
def test_an_unknown_placeholder_is_an_error_when_saved() -> None:
    """No caller ever hears a brace."""
    text = changed(("lines:", 'notices: {welcome: {spoken: "Это {departament}"}}\n    lines:'))
    problem = only_problem_of(text)
    assert not problem.is_warning
    assert "departament" in problem.cause
    assert "department" in problem.remedy


@pytest.mark.parametrize("extension", ["112", "101", "02", "911"])
def test_an_emergency_number_is_no_extension(extension: str) -> None:
    """EC-88: a person who dials it must reach the emergency service."""
    text = changed(("extension: 202", f"extension: {extension}"))
    problem = only_problem_of(text)
    assert "emergency" in problem.cause
    assert "200" in problem.remedy


@pytest.mark.parametrize("extension", ["1", "10", "0", "9", "91"])
def test_an_extension_may_not_shadow_an_emergency_number(extension: str) -> None:
    """EC-88: a phone that dials as soon as an extension is complete would never get to 112."""
    assert "emergency" in only_problem_of(changed(("extension: 202", f"extension: {extension}"))).cause


def test_an_extension_is_unique_among_employees_and_departments_of_its_pbx() -> None:
    """One number, one phone (E2); on another PBX the same number is another phone."""
    text = changed(("extension: 300", "extension: 202"))
    by_employee, by_department = problems_of(text)
    assert "taken by «Отдел продаж»" in by_employee.cause
    assert "taken by «Зимина Вера»" in by_department.cause
    assert by_department.line == line_of(text, "extension: 202\n")
    assert problems_of(changed(("extension: 31", "extension: 201"))) == []


def test_an_unknown_reference_names_its_line_and_what_was_meant() -> None:
    """A typing error costs seconds and not a support call."""
    text = changed(("[gusev, zimina, priemka]", "[gusev, zimin, priemka]"))
    problem = only_problem_of(text)
    assert problem.line == line_of(text, "zimin,")
    assert problem.remedy == "There are: zimina, gusev, priemka"


def test_a_mobile_that_policy_does_not_allow_is_refused() -> None:
    """Employees' mobiles are no back door for toll fraud (C10)."""
    device = "devices: [{kind: mobile, number: +1 876 555 0100}]"
    problem = only_problem_of(changed(("extension: 202", f"extension: 202, {device}")))
    assert "+18765550100 may not be dialled" in problem.cause


def test_callbacks_with_less_than_two_minutes_are_saved_with_a_warning() -> None:
    """EC-33: no agent can call back in time, and the administrator should know (Q5)."""
    text = changed(("lines:", "no_answer: {after: 90 s}\n    lines:"))
    problem = only_problem_of(text)
    assert problem.is_warning
    assert "90 s" in problem.cause
    assert facts_of(text)
    off = text.replace("no_answer:", "callback: {on: false}\n    no_answer:")
    assert problems_of(off) == []


def test_an_office_pbx_extension_is_no_fallback_and_the_reason_is_named() -> None:
    """O7: the presence of its person is not known."""
    action = "no_answer: {then: fallback_employee, employee: priemka}\n    lines:"
    problem = only_problem_of(changed(("lines:", action)))
    assert "office PBX «Склад», whose extensions can't be a fallback" in problem.cause


def test_departments_that_pass_callers_round_and_round_are_refused_with_the_path() -> None:
    """D6: no customer is passed on for ever."""
    other = (
        "  service: {name: Сервис, pbx: cloud, extension: 301, agents: [gusev],\n"
        "    no_answer: {then: other_department, department: sales}}\n"
    )
    text = changed(("lines:", "no_answer: {then: other_department, department: service}\n    lines:")) + other
    assert "«Отдел продаж» → «Сервис» → «Отдел продаж»" in only_problem_of(text).cause


def test_a_line_must_be_a_number_of_the_departments_pbx_and_lead_to_one_department() -> None:
    """A call to the line arrives at that PBX, and at one queue."""
    text = changed(("lines: [", 'lines: ["+7 812 000-30-00", '))
    assert "no number of PBX «Москва»" in only_problem_of(text).cause


def test_every_error_of_a_file_is_named_at_once_with_file_line_cause_and_remedy() -> None:
    """A user wants to repair a file in one pass."""
    text = changed(
        ("kind: office", "kind: offices"),
        ("name: Ветер", "nmae: Ветер"),
        ("extension: 300", "extension: three hundred"),
    )
    lines = [printed_line(problem, "office.yaml") for problem in problems_of(text)]
    assert len(lines) == 4
    assert lines[0].startswith("office.yaml:1: error: «name» is missing here. Add")
    assert lines[1].startswith("office.yaml:3: error: «nmae» is unknown here. Check")
    assert "«offices» is not a valid kind. Write 'cloud' or 'office'" in lines[2]
    assert "extension «three hundred» is not a number of 1 to 8 digits" in lines[3]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("extension: 202", "extension: 202, hours: [{days: mon-fry, from: '09:00', to: '18:00'}]", "weekday"),
        ("extension: 202", "extension: 202, hours: [{days: mon, from: '9', to: '18:00'}]", "a time of day"),
        ("extension: 202", "extension: 202, timezone: Europe/Moskva", "no time zone"),
        ("extension: 202", "extension: 202, email: zimina", "not an e-mail address"),
        ("extension: 202", "extension: 202, devices: [{kind: mobile}]", "reached by"),
        ("n: 202", "n: 202, absences: [{from: 2026-12-02, last_day: 2026-12-01}]", "ends before"),
        ("lines:", "no_answer: {after: 10}\n    lines:", "not a time span"),
        ("lines:", "no_answer: {then: fallback_employee}\n    lines:", "do not fit together"),
        ("lines:", "notices: {welcome: {spoken: '   '}}\n    lines:", "not filled in as its kind needs"),
        ("lines:", "notices: {welcome: loud}\n    lines:", "not a notice"),
        ("lines:", "recipients: [zimina]\n    lines:", "no e-mail address"),
        ("lines:", "notices: {welcome: {uploaded: hello.wav}}\n    lines:", "can't be read"),
        ("zimina: {", "Zimina: {", "not a valid id"),
    ],
)  # fmt: skip
def test_what_is_written_wrong_is_explained_in_plain_words(before: str, after: str, said: str) -> None:
    """A user must be able to repair a file without reading code."""
    found = [problem for problem in problems_of(changed((before, after))) if said in problem.cause]
    assert found
    assert found[0].remedy
    assert found[0].line


def test_what_is_no_yaml_is_named_with_its_line() -> None:
    """A forgotten bracket is the most usual error of all."""
    with pytest.raises(FileRefused, match=r"office\.yaml:\d+: error: this is not YAML"):
        read("organization: {id: a\npbxs: [\n")


def test_a_word_that_stands_twice_is_an_error_and_not_the_last_one_wins() -> None:
    """YAML readers mostly take the second silently, and an employee vanishes."""
    with pytest.raises(FileRefused, match=r"office\.yaml:3: error: «b» is here twice, first in line 2"):
        read("a: 1\nb: 2\nb: 3\n")


@pytest.mark.parametrize(("days", "wanted"), [("fri-mon", (0, 4, 5, 6)), ("mon, wed", (0, 2)), ("sun", (6,))])
def test_days_are_spans_and_lists(days: str, wanted: tuple[int, ...]) -> None:
    """A weekend shift reads as people say it."""
    assert Hours.model_validate({"days": days, "from": "09:00", "to": "18:00"}).days == wanted


def sheet_of(text: str) -> OfficeSheet:
    """The sheet that the directory is asked to save."""
    sheet, problems = office.examine(read(text))
    assert sheet is not None, problems
    return sheet


@pytest.mark.rule("P5")
def test_who_writes_no_rules_of_direct_calls_leaves_them_to_the_employee() -> None:
    """Employees may set their own rules: applying a file without them keeps them."""
    assert sheet_of(PLAIN).rules == {}
    text = changed(("extension: 202", "extension: 202, direct: {ring: 30 s}"))
    assert {id_: card.no_answer_ms for id_, card in sheet_of(text).rules.items()} == {"zimina": 30_000}


def test_an_empty_word_is_the_same_as_one_that_is_left_out() -> None:
    """A template may leave words empty, which files have always been allowed to."""
    notices = "notices: {welcome: {kind: standard, spoken: }}"
    empty = changed(
        ("extension: 202", "extension: 202, direct: , role: , hours: , devices: [{kind: desk, after: }]"),
        ("lines:", f"full:\n    phones_at_once:\n    strategy: {{step: }}\n    {notices}\n    lines:"),
    )
    assert sheet_of(empty) == sheet_of(PLAIN)


@pytest.mark.rule("E7")
def test_a_mobile_that_does_not_ring_is_not_taken_away() -> None:
    """It also resets forgotten passwords, and a file names only phones that ring."""
    assert sheet_of(PLAIN).employees["zimina"].mobile is UNSET
    text = changed(("extension: 202", "extension: 202, devices: [{kind: mobile, number: +7 900 000-02-01}]"))
    card = sheet_of(text).employees["zimina"]
    assert (card.mobile, card.rings_mobile, card.rings_desk) == ("+79000000201", True, False)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ("[{kind: desk}, {kind: desk}]", "at most one desk phone and one mobile"),
        ("[{kind: desk}, {kind: mobile, number: +7 900 000-02-01, after: 3 min}]", "too long"),
        (f"[{', '.join(['{kind: sim, number: +7 900 000-02-01}'] * 4)}]", "too many values"),
    ],
)
def test_devices_that_a_card_can_not_have_are_refused(devices: str, said: str) -> None:
    """A device that the directory can't store must not seem to be applied."""
    text = changed(("extension: 202", f"extension: 202, devices: {devices}"))
    problem = only_problem_of(text)
    assert said in problem.cause
    assert problem.line == line_of(text, "devices:")


def test_only_a_mobile_may_ring_later_than_the_others() -> None:
    """E4: an office phone rings at once."""
    found = problems_of(changed(("extension: 202", "extension: 202, devices: [{kind: desk, after: 5 s}]")))
    assert any("only a mobile can ring later" in problem.cause for problem in found)


def test_a_time_span_that_is_too_short_for_a_card_is_refused_with_the_shortest() -> None:
    """A phone can't ring for a tenth of a second."""
    problem = only_problem_of(changed(("lines:", "strategy: {ring: 100 ms}\n    lines:")))
    assert (problem.cause, problem.remedy) == ("this time span is too short", "Write 1 s or more")


@pytest.mark.rule("T3")
def test_a_placeholder_that_nothing_fills_at_its_occasion_is_refused() -> None:
    """A caller who hears the greeting has no position any more, and must not hear a brace."""
    text = changed(("lines:", 'notices: {greeting: {spoken: "Вы {position}-й"}}\n    lines:'))
    assert only_problem_of(text).cause == "The placeholder {position} has no value here"


def test_an_office_without_an_administrator_is_refused() -> None:
    """At least one employee must be able to change the office."""
    outside = ("administrators: [gusev]", "administrators: [{name: Сторож, email: s@veter.example}]")
    assert only_problem_of(changed(outside)).cause == "None of the employees is an administrator"
    assert problems_of(changed(outside, ("extension: 202", "extension: 202, role: administrator"))) == []


@pytest.mark.rule("E1", "T6")
@pytest.mark.parametrize("character", ["\\u202e", "\\u2028", "\\x07", "\\x85", "\\u200b", "\\x9b"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: Гусев Родион", 'name: "Гусев{}Родион"'),
        ("name: Отдел продаж", 'name: "Отдел{}продаж"'),
        ("email: gusev@veter.example", 'email: "gusev{}@veter.example"'),
        ("pbx: cloud, extension: 202", 'pbx: "cloud{}", extension: 202'),
        ("agents: [gusev, zimina, priemka]", 'agents: ["gusev{}", zimina]'),
        ("    extension: 300\n", '    extension: "300{}"\n'),
        ("    extension: 300\n", '    extension: 300\n    timezone: "Europe/{}Moscow"\n'),
        (
            "    extension: 300\n",
            '    extension: 300\n    notices: {{welcome: {{spoken: "Здравствуй{}те"}}}}\n',
        ),
        ("  id: veter", '  id: "veter{}"'),
    ],
)
def test_no_text_of_an_office_file_has_an_invisible_character(
    before: str, after: str, character: str
) -> None:
    """An escape in a file is as good as a character on the wire."""
    assert [each for each in problems_of(changed((before, after.format(character)))) if not each.is_warning]


def test_a_region_with_a_line_feed_is_none() -> None:
    """`$` would let it pass."""
    text = changed(("  name: Ветер\n", '  name: Ветер\n  dialling: {home_region: "RU\\n"}\n'))
    assert [each for each in problems_of(text) if not each.is_warning]
