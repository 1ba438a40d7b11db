"""`apply` reports each problem of a file once, at its place, in the user's language."""

from pathlib import Path

import pytest

from contracts.directory import NoticeKind
from contracts.scenario import ElementKind, ScenarioSaved
from ringback import connect
from ringback.apply.document import printed_line
from ringback.apply.run import main
from tests.unit.tools.offices import PLAIN, changed, facts_of, line_of, only_problem_of, problems_of

SCENARIO = """\
scenarios:
  main:
    name: Главный номер
    pbx: cloud
    lines: ["+7 495 000-10-01"]
    elements:
      hours:
        kind: hours
        hours: [{ days: mon-fri, from: "09:00", to: "18:00" }]
        arrows: { open: menu, closed: night }
      menu:
        kind: menu
        notice: { spoken: "Отдел продаж — один." }
        arrows: { "1": sales, no_choice: sales }
      sales:
        kind: department
        department: sales
      night:
        kind: voicemail
        department: sales
"""
WITH_SCENARIO = changed(('["+7 495 000-10-00"]}', '["+7 495 000-10-00", "+7 495 000-10-01"]}')) + SCENARIO


def applied(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *options: str, **environment: str
) -> int:
    """Check an office file without a directory."""
    monkeypatch.setattr(connect, "ENV_FILE", tmp_path / "no stack was started")
    for name in ("RINGBACK_KAFKA", "RINGBACK_DIRECTORY_URL", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "office.yaml"
    file.write_text(text, encoding="utf-8")
    return main([str(file), "--dry-run", *options])


def with_people(hours: str, alias: str) -> str:
    """An office with eight more people, the first of whom has an anchor that the others repeat."""
    people = [
        f"  person{number}: {{name: Человек {number}, pbx: cloud, extension: {400 + number}, "
        f"hours: {hours if number == 0 else alias}}}"
        for number in range(8)
    ]
    return PLAIN.replace("extensions:\n", "\n".join(people) + "\nextensions:\n", 1)


@pytest.mark.parametrize(
    "hours",
    [
        "&week [{days: mon-fry, from: '09:00', to: '18:00'}]",
        "&week [{days: mon, from: '09:00', to: '09:00'}]",
        "&week [{days: mon, from: '18:00', to: '09:00'}]",
        "&week [{days: mon, form: '18:00', to: '09:00'}]",
        "&week always",
    ],
)
def test_n10_a_mistake_under_an_anchor_is_told_once_at_the_anchor(hours: str) -> None:
    """Eight people share the week: one error at one line."""
    text = with_people(hours, "*week")
    lines = {printed_line(problem, "office.yaml") for problem in problems_of(text)}
    assert len(problems_of(text)) == len(lines)
    assert {problem.line for problem in problems_of(text)} == {line_of(text, "&week")}
    assert len(lines) == (2 if "form" in hours else 1)


def test_n10_a_misspelt_key_beside_an_alias_is_told_where_it_stands() -> None:
    """The anchor is right, but the key before the alias is not."""
    text = with_people("&week [{days: mon, from: '09:00', to: '18:00'}]", "*week")
    text = text.replace("extension: 403, hours: *week", "extension: 403, horus: *week")
    problem = only_problem_of(text)
    assert problem.line == line_of(text, "horus")
    assert problem.remedy == "Check its spelling: did you mean «hours»?"


@pytest.mark.parametrize(
    ("before", "after", "guess"),
    [
        ("departments:", "department:", "departments"),
        ("extension: 202", "extensoin: 202", "extension"),
        ("lines:", "callbacks: {on: true}\n    lines:", "callback"),
        ("lines:", "callback: {onn: true}\n    lines:", "on"),
        ("lines:", "strategy: {kind: ring_al}\n    lines:", "ring_all"),
        ("[gusev, zimina, priemka]", "[gusev, zimin, priemka]", "zimina"),
        ("extension: 202", "extension: 202, timezone: Europe/Moskow", "Europe/Moscow"),
        ("lines:", "notices: {welcome: {spoken: 'Вы {positon}-й'}}\n    lines:", "{position}"),
    ],
)
def test_n10_what_was_probably_meant_is_said(before: str, after: str, guess: str) -> None:
    """Unknown words and names: «did you mean», in both languages."""
    found = [problem.explanation for problem in problems_of(changed((before, after)))]
    assert any(f"id you mean «{guess}»?" in each.cause.en + each.remedy.en for each in found), found
    assert any(f"мелось в виду «{guess}»?" in each.cause.ru + each.remedy.ru for each in found), found


def test_n10_a_word_like_none_is_answered_with_those_there_are() -> None:
    """A user who does not know the words learns them."""
    problem = only_problem_of(changed(("lines:", "colour: red\n    lines:")))
    assert problem.remedy.startswith(
        "Check its spelling, or remove it. Allowed: agents, announcements_every,"
    )


@pytest.mark.parametrize(("options", "lang"), [(("--language", "ru"), "C"), ((), "ru_RU.UTF-8")])
def test_n10_apply_speaks_russian_to_those_who_read_it(
    options: tuple[str, ...],
    lang: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Errors, warnings and the difference are in the terminal's language, or in the chosen one."""
    assert applied(changed(("extension: 202", "extension: 112")), tmp_path, monkeypatch, *options, LANG=lang)
    said = capsys.readouterr().err
    assert ":10: ошибка: 112 — номер экстренной службы. Возьмите другой: свободен 200\n" in said
    short = changed(("lines:", "no_answer: {after: 90 s}\n    lines:"))
    assert applied(short, tmp_path, monkeypatch, *options, LANG=lang) == 0
    captured = capsys.readouterr()
    assert "предупреждение: За 90 с никто не успеет перезвонить" in captured.err
    assert "+ сотрудник zimina" in captured.out
    assert "новых: 7; без изменений: 0" in captured.out
    assert "ничего не сохранено (--dry-run)" in captured.out
    assert applied("a: [", tmp_path, monkeypatch, *options, LANG=lang) == 1
    assert ": ошибка: это не YAML. Посмотрите на скобки" in capsys.readouterr().err


def test_n10_everybody_else_is_spoken_to_in_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also on a Russian machine, if English is chosen."""
    applied("a: [", tmp_path, monkeypatch, "--language", "en", LANG="ru_RU.UTF-8")
    applied("a: [", tmp_path, monkeypatch, LANG="de_DE.UTF-8")
    applied("a: [", tmp_path, monkeypatch, LC_ALL="C", LANG="ru_RU.UTF-8")
    assert capsys.readouterr().err.count(": error: this is not YAML") == 3


def test_n10_a_dry_run_without_a_directory_warns_of_all_that_a_real_one_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run must show every warning of the real run."""
    assert applied(PLAIN, tmp_path, monkeypatch) == 0
    assert ":12: warning: Extension 31 is saved unchecked" in capsys.readouterr().err


@pytest.mark.rule("S1")
def test_n10_an_office_file_has_call_scenarios() -> None:
    """What happens to a call before it reaches a department: written beside the rest, saved with it."""
    [said] = [fact for fact in facts_of(WITH_SCENARIO) if isinstance(fact, ScenarioSaved)]
    assert [(each.element_id, each.kind) for each in said.elements] == [
        ("hours", ElementKind.HOURS),
        ("menu", ElementKind.MENU),
        ("sales", ElementKind.DEPARTMENT),
        ("night", ElementKind.VOICEMAIL),
    ]
    assert said.lines == ("+74950001001",)
    menu = said.elements[1]
    assert (menu.notice.kind, menu.notice.notice_id) == (NoticeKind.SPOKEN, "main.at.menu")
    assert {arrow.on: arrow.to for arrow in menu.arrows} == {"1": "sales", "no_choice": "sales"}


@pytest.mark.rule("S4")
@pytest.mark.parametrize(
    ("before", "after", "said", "at"),
    [
        ("no_choice: sales", "no_choice: sale", "Did you mean «sales»?", 'arrows: { "1"'),
        ("department: sales\n      night", "department: sails\n      night", "There is no «sails»", "sails"),
        ("kind: menu", "kind: menue", "«menue» is not a valid kind", "menue"),
        ("closed: night }", "closed: night, next: menu }", "can have no arrow «next»", "next: menu"),
        ("arrows: { open: menu, closed: night }", "wait: 5 s", "has no arrow «open»", "      hours:\n"),
        ('from: "09:00", to: "18:00"', 'from: "18:00", to: "09:00"', "go over midnight", "days: mon-fri"),
        ("один.", "один, {nobody}.", "The placeholder {nobody} is unknown", "один"),
        ("Главный номер", "' '", "a name is one line", "name: ' '"),
        ('{ "1": sales,', '{ "11": sales,', "has the wrong format", '"11"'),
    ],
)
def test_n10_what_is_wrong_with_a_scenario_is_told_with_its_line(
    before: str, after: str, said: str, at: str
) -> None:
    """Elements and arrows have names in a file, and numbers in a card."""
    text = WITH_SCENARIO.replace(before, after)
    assert text != WITH_SCENARIO
    found = [problem for problem in problems_of(text) if said in problem.cause]
    assert found, problems_of(text)
    assert found[0].line == line_of(text, at)
