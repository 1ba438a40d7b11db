"""The defaults stand in three places: messages, cards of the directory, office files. They are the same."""

from functools import reduce
from typing import Any, Final

import pytest
from msgspec import inspect
from pydantic import BaseModel

from contracts import directory
from contracts.message import Fact
from devtools import defaults
from devtools.defaults import NOT_THERE, SUBJECTS, Setting, Subject
from ringback.apply import model, office
from ringback.apply.document import read
from services.directory.state.cards import Card, NoticeChoice
from tests.unit.tools.offices import changed

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
SET_BY_THE_FILE: Final = {"administrators", "lines", "agents"}


def _by_title(subject: Subject) -> str:
    return subject.title


def _value(card: Card, name: str) -> Any:
    return reduce(getattr, name.split("."), card)


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_an_office_file_that_says_nothing_saves_the_defaults_of_the_page(subject: Subject) -> None:
    """Administrators may use the API or a file, and there is one page for both."""
    sheet, _ = office.examine(read(changed(("extension: 202", "extension: 202, direct: {}"))))
    assert sheet is not None
    card = {
        "organization": sheet.organization,
        "pbxs": sheet.pbxs["cloud"],
        "departments": sheet.departments["sales"],
        "employees": sheet.employees["zimina"],
        "employees: … direct": sheet.rules["zimina"],
    }[subject.in_file]
    different = {
        setting.name: _value(card, setting.name)
        for setting, said in defaults.rows(subject)
        if said.in_file not in (NOT_THERE, "devices") and _value(card, setting.name) != setting.default
    }
    assert different.keys() <= SET_BY_THE_FILE, different


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_an_office_file_knows_every_name_that_the_page_gives_it(subject: Subject) -> None:
    """A name that is copied from the page works."""
    for setting, said in defaults.rows(subject):
        if said.in_file == NOT_THERE:
            continue
        kind: Any = MODELS[subject.in_file]
        for word in (said.in_file or setting.name).split("."):
            assert word in kind.model_fields, setting.name
            annotation = kind.model_fields[word].annotation
            kind = model.Full if word == "full" else annotation


@pytest.mark.parametrize("subject", SUBJECTS, ids=_by_title)
def test_a_message_without_a_field_means_what_the_card_means_without_it(subject: Subject) -> None:
    """An old log that lacks a newer setting is read with the default that people know."""
    info = inspect.type_info(FACTS[subject.in_file])
    assert isinstance(info, inspect.StructType)
    facts = {
        setting.name.replace("dialling_policy.", "dialling."): setting.default
        for setting in defaults.settings(info)
    }
    cards = dict(_plain(setting) for setting, _ in defaults.rows(subject))
    # Empty in a card is the organization's own language or zone: the facts carry those.
    known = {name for name, default in cards.items() if default is not None} & facts.keys()
    assert len(known) > 0
    assert {name: cards[name] for name in known} == {name: facts[name] for name in known}


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
