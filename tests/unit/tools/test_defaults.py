"""The defaults stand in two places, messages and cards of the directory, and are the same.

A word that an office file leaves out gets the default of its card.
"""

from functools import reduce
from typing import Any, Final

import pytest
import yaml
from msgspec import inspect
from pydantic import BaseModel

from contracts import directory
from contracts.message import Fact
from devtools import defaults
from devtools.defaults import NOT_THERE, SUBJECTS, Setting, Subject
from ringback.apply import model, office
from ringback.apply.document import read
from services.directory.state.cards import Card, NoticeChoice, RulesCard
from services.directory.state.office_sheet import OfficeSheet
from tests.unit.tools.offices import NOW, PLAIN, changed, facts

MODELS: Final[dict[str, type[BaseModel]]] = {
    "organization": model.Organization,
    "pbxs": model.Pbx,
    "departments": model.Department,
    "employees": model.Employee,
    "employees: … direct": model.Direct,
}
FACTS: Final[dict[str, type[Fact]]] = {
    "organization": directory.OrganizationSaved,
    "pbxs": directory.PbxSaved,
    "departments": directory.DepartmentSaved,
    "employees": directory.RightsSaved,
    "employees: … direct": directory.DirectRulesSaved,
}
MADE_BY_THE_DIRECTORY: Final = {
    "is_removed",
    "is_suspended",
    "head_ids",
    "dialling.own_numbers",
    "calls_at_once_max",
    "mobile",
}
SET_BY_THE_FILE: Final = {"administrators", "lines", "agents"}


def _by_title(subject: Subject) -> str:
    return subject.title


def _value(card: Card | Fact, name: str) -> Any:
    return reduce(getattr, name.split("."), card)


def _card(sheet: OfficeSheet, subject: Subject) -> Card:
    cards: dict[str, Card] = {
        "organization": sheet.organization,
        "pbxs": sheet.pbxs["cloud"],
        "departments": sheet.departments["sales"],
        "employees": sheet.employees["zimina"],
        "employees: … direct": sheet.rules.get("zimina", RulesCard()),
    }
    return cards[subject.in_file]


def _part(text: dict[str, Any], in_file: str) -> dict[str, Any]:
    """The piece of an office file in which a subject's settings stand."""
    parts: dict[str, dict[str, Any]] = {
        "organization": text["organization"],
        "pbxs": text["pbxs"]["cloud"],
        "departments": text["departments"]["sales"],
        "employees": text["employees"]["zimina"],
        "employees: … direct": text["employees"]["zimina"].setdefault("direct", {}),
    }
    return parts[in_file]


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_an_office_file_that_says_nothing_saves_the_defaults_of_the_page(subject: Subject) -> None:
    """Administrators may use the API or a file, and there is one page for both."""
    sheet, _ = office.examine(read(changed(("extension: 202", "extension: 202, direct: {}"))))
    assert sheet is not None
    card = _card(sheet, subject)
    different = {
        setting.name: _value(card, setting.name)
        for setting, _, in_file in defaults.rows(subject)
        if in_file not in (NOT_THERE, "devices") and _value(card, setting.name) != setting.default
    }
    assert different.keys() <= SET_BY_THE_FILE, different


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_an_office_file_knows_every_name_that_the_page_gives_it(subject: Subject) -> None:
    """A name copied from the page works."""
    for setting, _, in_file in defaults.rows(subject):
        if in_file == NOT_THERE:
            continue
        kind: Any = MODELS[subject.in_file]
        for word in in_file.split("."):
            assert word in kind.model_fields, setting.name
            annotation = kind.model_fields[word].annotation
            kind = model.Full if word == "full" else annotation


def _other(setting: Setting) -> tuple[Any, Any] | None:
    """A number or boolean that is not the default, as in a card and as in a file."""
    if isinstance(setting.type, inspect.BoolType):
        return not setting.default, not setting.default
    if not any(isinstance(type_, inspect.IntType) for type_ in defaults.plain_types(setting.type)):
        return None
    return (4_000, "4 s") if "_ms" in setting.name.rpartition(".")[2] else (4, 4)


def _said(said: list[Fact], subject: Subject) -> dict[str, Any]:
    """What the message of a subject says: the value of every setting that it has."""
    kind = FACTS[subject.in_file]
    fact = next(
        each
        for each in said
        if isinstance(each, kind)
        and getattr(each, "agent_id", "zimina") == "zimina"
        and getattr(each, "pbx_id", "cloud") == "cloud"
    )
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    names = [setting.name for setting in defaults.settings(info)]
    return {name.replace("dialling_policy.", "dialling."): _value(fact, name) for name in names}


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_an_office_file_sets_what_it_says_and_the_message_carries_it(subject: Subject) -> None:
    """A word that does nothing would be a setting that nobody has."""
    text = yaml.safe_load(PLAIN)
    part = _part(text, subject.in_file)
    wanted = {}
    for setting, _, in_file in defaults.rows(subject):
        other = _other(setting)
        if other is not None and in_file not in (NOT_THERE, "devices"):
            wanted[setting.name] = other[0]
            *path, last = in_file.split(".")
            reduce(lambda inner, word: inner.setdefault(word, {}), path, part)[last] = other[1]
    document = read(yaml.safe_dump(text, allow_unicode=True))
    sheet, problems = office.examine(document)
    assert sheet is not None, problems
    card = _card(sheet, subject)
    assert {name: _value(card, name) for name in wanted} == wanted
    carried = _said(facts(document, NOW), subject)
    assert {name: carried.get(name, value) for name, value in wanted.items()} == wanted


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_a_message_without_a_field_means_what_the_card_means_without_it(subject: Subject) -> None:
    """An old log that lacks a newer setting is read with the default that people know."""
    info = inspect.type_info(FACTS[subject.in_file])
    assert isinstance(info, inspect.StructType)
    messages = {
        setting.name.replace("dialling_policy.", "dialling."): setting.default
        for setting in defaults.settings(info)
    }
    cards = dict(_plain(setting) for setting, *_ in defaults.rows(subject))
    # Empty in a card is the organization's own language or zone: the facts carry those.
    known = {name for name, default in cards.items() if default is not None} & messages.keys()
    assert {name: cards[name] for name in known} == {name: messages[name] for name in known}


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_what_a_message_says_by_default_can_be_set_on_a_card(subject: Subject) -> None:
    """Else no user could ever turn it on."""
    info = inspect.type_info(FACTS[subject.in_file])
    assert isinstance(info, inspect.StructType)
    cards = {_plain(setting)[0] for setting, *_ in defaults.rows(subject)}
    messages = {setting.name.replace("dialling_policy.", "dialling.") for setting in defaults.settings(info)}
    unset = {name for name in messages - cards if not name.endswith(".notice_id")}
    assert unset <= MADE_BY_THE_DIRECTORY


def _plain(setting: Setting) -> tuple[str, Any]:
    """A notice of a card is of another type than a message's: its kind is compared."""
    if isinstance(setting.default, NoticeChoice):
        return f"{setting.name}.kind", setting.default.kind
    return setting.name, setting.default


def test_a_setting_that_nobody_describes_is_an_error_that_names_it() -> None:
    """Else a new setting would be missing on the page."""
    department = next(subject for subject in SUBJECTS if subject.in_file == "departments")
    said = {name: each for name, each in department.said.items() if name != "callback.ring_ms"}
    with pytest.raises(defaults.Undescribed, match=r"callback\.ring_ms"):
        list(defaults.rows(department._replace(said=said)))


def test_a_duration_is_shown_with_the_largest_unit_that_divides_it() -> None:
    """«90 s» is read at once, «90000» is not."""
    page = defaults.page()
    assert "| 20 s | 1 s to 1 h |" in page
    assert "| 10 min |" in page
