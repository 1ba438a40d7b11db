"""Applying a file: its audio, the printed difference, and the line that a refusal names."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from contracts.directory import DepartmentSaved, NoticeSaved, PbxSaved
from ringback import connect
from ringback.apply import office
from ringback.apply.document import read
from ringback.apply.places import place
from ringback.apply.run import against_nothing, load, show
from ringback.up import name_addresses
from services.directory.rules import office_import
from services.directory.rules.errors import Code, Problem, shown
from services.directory.state.responses import OfficeShown
from tests.unit.tools.offices import NOW, PLAIN, changed, facts, line_of


def test_an_uploaded_notice_is_found_beside_the_file_and_named_by_its_content(tmp_path: Path) -> None:
    """The same recording is the same object; its key names the organization, but no person."""
    (tmp_path / "hello.wav").write_bytes(b"RIFF....WAVE")
    text = changed(("lines:", "notices: {welcome: {uploaded: hello.wav}}\n    lines:"))
    file = tmp_path / "office.yaml"
    file.write_text(text, encoding="utf-8")
    document, audio = load(file)
    assert office.examine(document)[1] == []
    ((key, content),) = audio.items()
    assert key.startswith("uploads/veter/")
    assert content == b"RIFF....WAVE"
    (notice,) = [fact for fact in facts(document, NOW) if isinstance(fact, NoticeSaved)]
    assert notice.key == key


def test_m12_a_pbx_has_its_lines_for_apologies_and_a_department_its_shortest_talk() -> None:
    """Both have a default (C4, C14); the customer must press a key if the file says so (C16)."""
    usual = facts(read(PLAIN), NOW)
    assert {fact.apologies_at_once_max for fact in usual if isinstance(fact, PbxSaved)} == {5}
    text = changed(
        ("kind: cloud,", "kind: cloud, apologies_at_once: 12,"),
        ("lines:", "callback: {talk_at_least: 30 s, confirms_customer: true}\n    lines:"),
    )
    said = facts(read(text), NOW)
    assert [fact.apologies_at_once_max for fact in said if isinstance(fact, PbxSaved)] == [12, 5]
    (department,) = [fact for fact in said if isinstance(fact, DepartmentSaved)]
    assert (department.callback.talk_ms_min, department.callback.confirms_customer) == (30_000, True)
    assert place("pbxs.cloud.apologies_at_once_max") == ("pbxs", "cloud", "apologies_at_once")
    assert place("departments.sales.callback.talk_ms_min")[-1] == "talk_at_least"


def printed(found: OfficeShown) -> str:
    """The printed text of an answer."""
    console = Console(width=200)
    with console.capture() as captured:
        show(console, found)
    return captured.get()


def test_a_first_file_is_all_new() -> None:
    """A dry run without an existing office shows what would be created."""
    sheet, _ = office.examine(read(PLAIN))
    assert sheet is not None
    told = printed(against_nothing(sheet))
    assert "+ organization veter\n" in told
    assert "+ employee zimina\n" in told
    assert "7 new; 0 unchanged" in told


def test_what_changed_is_told_field_by_field_and_numbers_are_masked() -> None:
    """Other people may see the screen: numbers are masked on it."""
    before, _ = office.examine(read(PLAIN))
    after, _ = office.examine(read(changed(("Зимина Вера", "Зимина-Лугова Вера"), ("10-00", "10-09"))))
    assert before is not None
    assert after is not None
    old = office_import.office_of(before)
    named = office_import.cards(old, after)
    changes = tuple(office_import.changes(old, named))
    told = printed(OfficeShown(changes=changes, unchanged=len(named) - len(changes)))
    assert '~ employee zimina\n      name: "Зимина Вера" → "Зимина-Лугова Вера"' in told
    assert "~ PBX cloud" in told
    assert "74950001009" not in told
    assert "3 changed; 4 unchanged" in told


@pytest.mark.parametrize(
    ("field", "piece"),
    [
        ("employees.zimina.extension", "extension: 202"),
        ("employees.zimina.mobile", "devices:"),
        ("extensions.priemka.pbx_id", "pbx: sklad"),
        ("departments.sales.agents.1", "zimina,"),
        ("departments.sales.no_answer_action.agent_id", "employee: gusev"),
        ("departments.sales.no_answer_ms", "after: 9 min"),
        ("departments.sales.strategy.ring_ms", "ring: 25 s"),
        ("notices.sales.welcome.text", "spoken: Привет"),
        ("rules.gusev.no_answer.agent_id", "employee: zimina"),
        ("notices.gusev.direct.absence.text", "spoken: Нет его"),
        ("organization.administrators.0", "[gusev]"),
    ],
)
def test_what_the_directory_refuses_is_found_in_the_file(field: str, piece: str) -> None:
    """The API names fields of cards; the file's author needs lines."""
    text = """\
organization:
  id: veter
  name: Ветер
  administrators:
    [gusev]
employees:
  gusev:
    name: Гусев
    direct:
      no_answer:
        then: colleague
        employee: zimina
      absence:
        notice:
          spoken: Нет его
  zimina:
    name: Зимина
    extension: 202
    devices:
      - {kind: mobile}
extensions:
  priemka:
    pbx: sklad
departments:
  sales:
    agents:
      - gusev
      - zimina, # that is how it is found here
    strategy:
      ring: 25 s
    no_answer:
      after: 9 min
      employee: gusev
    notices:
      welcome:
        spoken: Привет
"""
    line = read(text).line(place(field))
    assert line in (line_of(text, piece), line_of(text, piece) - 1), line


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("organization.dialling.is_on", "organization.dialling.on"),
        ("employees.zimina.absences.0.first_day", "employees.zimina.absences.0.from"),
        ("rules.zimina.has_call_waiting", "employees.zimina.direct.call_waiting"),
        ("rules.zimina.recipients.0.agent_id", "employees.zimina.direct.recipients.0.employee"),
        ("departments.sales.agents.1.is_suspended", "departments.sales.agents.1.suspended"),
        ("departments.sales.strategy.kind", "departments.sales.strategy.kind"),
        ("departments.sales.overflow_action.kind", "departments.sales.full.then"),
        ("departments.sales.waiting_max", "departments.sales.full.waiting_max"),
        ("scenarios.main.elements.2.hours.0.until_minute", "scenarios.main.elements.2.hours.0.to"),
        ("scenarios.main.elements.2.kind", "scenarios.main.elements.2.kind"),
    ],
)
def test_a_field_of_a_card_has_the_word_of_its_place(field: str, path: str) -> None:
    """«kind» is `then` in an action and `kind` elsewhere; an error names the word that the file has."""
    assert ".".join(str(each) for each in place(field)) == path


def test_an_error_of_the_api_reads_as_one_of_the_files() -> None:
    """An error has the same cause and remedy from the API and from `apply`."""
    _, (problem,) = office.examine(read(changed(("extension: 202", "extension: 112"))))
    values = {"extension": "112", "pbx": "Москва", "owner": "", "free": "200"}
    field = "employees.zimina.extension"
    told = shown(Problem(code=Code.EXTENSION_EMERGENCY, field=field, values=values))
    from_directory = office.from_directory(told, is_warning=False)
    assert (from_directory.path, from_directory.cause, from_directory.remedy) == (
        problem.path,
        problem.cause,
        problem.remedy,
    )


def test_what_up_leaves_for_a_shell_is_read_by_the_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m ringback apply` after `make up` needs no setting by hand, in any shell."""
    env = tmp_path / "env"
    env.write_text(f"RINGBACK_KAFKA={json.dumps('127.0.0.1:9')}\n", encoding="utf-8")
    name_addresses(env, {"history": "http://127.0.0.1:2", "directory": "http://127.0.0.1:1"})
    monkeypatch.setattr(connect, "ENV_FILE", env)
    for name in ("RINGBACK_KAFKA", "RINGBACK_DIRECTORY_URL", "DIRECTORY", "HISTORY"):
        monkeypatch.delenv(name, raising=False)
    found = connect.environment()
    assert found["RINGBACK_DIRECTORY_URL"] == found["DIRECTORY"] == "http://127.0.0.1:1"
    monkeypatch.setenv("RINGBACK_DIRECTORY_URL", "https://book.example")
    assert "RINGBACK_KAFKA" not in connect.environment()
