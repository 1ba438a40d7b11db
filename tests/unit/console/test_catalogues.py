"""Both languages are complete, and no page has a text outside of them."""

import gettext
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import babel_extract

from ringback.stack.services import ROOT
from services.console.activities.translations import LANGUAGES, translations

FOLDER: Final = ROOT / "services" / "console"
TEMPLATES: Final = sorted((FOLDER / "api" / "templates").glob("*.html"))
NAMES: Final = frozenset({"Ringback", "English", "Русский", "Esc", "Ctrl", "Enter"})
"""Names, of which the languages' are written in their own, and what is printed on a key."""
TOLD: Final = re.compile(r"""\b(?:aria-label|title|placeholder|alt|content)="([^"]*)\"""")
PLACEHOLDER: Final = re.compile(r"%\((\w+)\)[sd]")


def catalogue(language: str) -> Catalog:
    with (FOLDER / "activities" / "locale" / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def messages(language: str) -> dict[str, Message]:
    return {ids(each)[0]: each for each in catalogue(language) if each.id}


def ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def said() -> set[str]:
    """Every text that templates and code take from the catalogues."""
    found = set()
    for path in TEMPLATES:
        options = {"encoding": "utf-8"}
        for _, _, text, _ in babel_extract(io.BytesIO(path.read_bytes()), ("_", "ngettext"), [], options):
            first = text[0] if isinstance(text, tuple) else text
            # A text that is another one's value is marked where that stands.
            found |= {first} if first else set()
    for path in sorted(FOLDER.rglob("*.py")):
        for _, text, _, _ in extract("python", io.BytesIO(path.read_bytes()), keywords={"marked": None}):
            found.add(text if isinstance(text, str) else text[0])
    return found


def outside(template: str) -> Iterator[str]:
    """The letters of a template that stand in it itself, between its tags or in what is read aloud."""
    data = "\x00".join(
        token for _, kind, token in Environment(autoescape=True).lex(template) if kind == "data"
    )
    yield from TOLD.findall(data)
    for text in re.sub(r"<!?/?[a-z][^<>]*>|<!doctype html>", "\x00", data).split("\x00"):
        yield re.sub(r"&\w+;", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_pages_is_translated_and_nothing_else_is(language: str) -> None:
    known = messages(language)
    used = said()
    assert used - known.keys() == set(), "missing"
    assert known.keys() - used == set(), "left over"
    empty = [each.id for each in known.values() if not all(_forms(each))]
    assert empty == [], "without words"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_stands_in_a_catalogue_once(language: str) -> None:
    """Of two translations one would be shown in both places, whatever the other says."""
    source = (FOLDER / "activities" / "locale" / f"{language}.po").read_text(encoding="utf-8")
    counted = Counter(re.findall(r'^msgid (".*"(?:\n".*")*)', source, re.MULTILINE))
    assert [text for text, count in counted.items() if count > 1] == []


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_text(language: str) -> None:
    for each in messages(language).values():
        for form in _forms(each):
            assert set(PLACEHOLDER.findall(form)) == set(PLACEHOLDER.findall(ids(each)[-1])), each.id


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_has_no_text_of_its_own(path: Path) -> None:
    own = [text.strip() for text in outside(path.read_text(encoding="utf-8"))]
    words = {word for text in own for word in re.findall(r"[A-Za-zА-Яа-яЁё]{2,}", _plain(text))}
    assert words <= NAMES


def _plain(text: str) -> str:
    """Without what a browser reads and no person: options of htmx, of the viewport, addresses."""
    return "" if re.match(r"width=|\{", text) else text


def test_a_text_in_a_template_is_found() -> None:
    """Otherwise the test above would prove nothing."""
    assert "Hello" in "".join(outside("<p>Hello</p>"))
    assert "Close" in list(outside('<button aria-label="Close">{{ _("x") }}</button>'))


def test_both_languages_are_those_of_the_program() -> None:
    words = translations()
    assert set(words) == set(LANGUAGES)
    assert isinstance(words["ru"], gettext.GNUTranslations)
    assert words["ru"].gettext("Password") == "Пароль"
