"""Everything a person reads or hears is there in Russian and in English, plural forms included.

The words lie in tables of the modules that say them. This finds every table there is: by `Language`, by
plural form (CLDR), pairs of Russian and English, fields `ru` and `en`, and `RUSSIAN` beside `ENGLISH`.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import msgspec
import pytest
from babel import Locale

import ringback.apply
import ringback.why
import runtime.quotas
import runtime.request_shape
import services
from contracts.directory import Language

CYRILLIC: Final = re.compile("[а-яёА-ЯЁ]")
PLACEHOLDER: Final = re.compile(r"(?<!\{)\{(\w*)\}")
FORMS: Final = frozenset({"zero", "one", "two", "few", "many", "other"})
GRAMMAR: Final = frozenset({"services.tts.rules.russian", "services.tts.rules.russian_date_times"})
"""How Russian counts and declines is nobody's translation."""
COUNTS: Final = range(201)
"""Every form that a whole number takes shows up before this."""
WITHOUT_TABLES: Final = {
    "services.directory.rules.naming": "how a name is written in Latin letters",
    "services.history.api.filters": "a label of the screen, in a document for programmers",
    "services.history.rules.formulas": "every text is made with both languages as arguments",
}
"""Modules with Russian in them and no table of words, and why."""
SPEAKING: Final = {
    "runtime.quotas",
    "runtime.request_shape",
    "services.directory.activities.bootstrap",
    "services.directory.activities.password_recovery",
    "services.directory.activities.phone_page",
    "services.directory.activities.welcome_text",
    "services.directory.rules.audit_words",
    "services.directory.rules.errors",
    "services.directory.rules.facts",
    "services.directory.rules.pattern_texts",
    "services.directory.rules.quotas",
    "services.history.rules.errors",
    "services.history.rules.csv_columns",
    "services.history.rules.statistics_columns",
    "services.tts.rules.notice_text",
    "services.tts.rules.text_normalization",
    "services.tts.rules.prompt_texts",
    "services.tts.activities.voices",
    "services.voicemail.activities.retention_warning",
    "services.voicemail.activities.letter_texts",
    "ringback.apply.wording",
    "ringback.why.causes",
    "ringback.why.wording",
}
"""Modules that are known to have words: if one is not found, this looks in the wrong places."""


def modules() -> Iterator[ModuleType]:
    """Every module that speaks to people in two languages: the services', and two others."""
    yield from (runtime.quotas, runtime.request_shape)
    for package in (services, ringback.apply, ringback.why):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            is_run = found.name.endswith("__main__") or ".migrations" in found.name
            if not is_run and found.name not in GRAMMAR:
                yield importlib.import_module(found.name)


def forms_of(language: Language) -> set[str]:
    """The plural forms that a language has for whole numbers."""
    return {Locale.parse(language.value).plural_form(count) for count in COUNTS}


def gaps(russian: Any, english: Any, where: str) -> Iterator[str]:
    """What one language says and the other does not, or does not say in its own letters."""
    if isinstance(russian, str) and isinstance(english, str):
        yield from _gaps_of_texts(russian, english, where)
    elif isinstance(russian, Mapping) and isinstance(english, Mapping):
        yield from _gaps_of_mappings(russian, english, where)
    elif isinstance(russian, msgspec.Struct) and type(russian) is type(english):
        for name in russian.__struct_fields__:
            yield from gaps(getattr(russian, name), getattr(english, name), f"{where}.{name}")
    elif isinstance(russian, tuple | list) and isinstance(english, tuple | list):
        if len(russian) != len(english):
            yield f"{where}: {len(russian)} in Russian, {len(english)} in English"
        for number, (one, other) in enumerate(zip(russian, english, strict=False)):
            yield from gaps(one, other, f"{where}.{number}")


def _gaps_of_texts(russian: str, english: str, where: str) -> Iterator[str]:
    if bool(russian.strip()) != bool(english.strip()):
        yield f"{where}: said in one language only"
    if set(PLACEHOLDER.findall(russian)) != set(PLACEHOLDER.findall(english)):
        yield f"{where}: {russian!r} and {english!r} are not filled with the same"
    letters = re.sub(r"[^\w]|\d|_", "", PLACEHOLDER.sub("", russian))
    if letters and not CYRILLIC.search(letters):
        yield f"{where}: {russian!r} is no Russian"
    if CYRILLIC.search(english):
        yield f"{where}: {english!r} is no English"


def _gaps_of_mappings(russian: Mapping[Any, Any], english: Mapping[Any, Any], where: str) -> Iterator[str]:
    if is_plural(russian) or is_plural(english):
        for language, said in ((Language.RUSSIAN, russian), (Language.ENGLISH, english)):
            missing = forms_of(language) - set(said)
            if missing:
                yield f"{where}: {language.value} has no {', '.join(sorted(missing))}"
        yield from gaps(russian.get("one", ""), english.get("one", ""), f"{where}.one")
        return
    for key in sorted({*russian, *english}, key=str):
        if key in russian and key in english:
            yield from gaps(russian[key], english[key], f"{where}.{key}")
        else:
            yield f"{where}.{key}: said in one language only"


def is_plural(said: Any) -> bool:
    """Whether these are the plural forms of one text."""
    return isinstance(said, Mapping) and bool(said) and set(said) <= FORMS


def tables(said: Any, where: str) -> Iterator[tuple[Any, Any, str]]:
    """Every Russian thing with its English one that something holds."""
    if isinstance(said, Mapping):
        if said and set(map(type, said)) == {Language}:
            yield said.get(Language.RUSSIAN, ""), said.get(Language.ENGLISH, ""), where
            return
        for key, value in said.items():
            if is_pair(value):
                yield value[0], value[1], f"{where}.{key}"
            else:
                yield from tables(value, f"{where}.{key}")
    elif isinstance(said, msgspec.Struct) and {"ru", "en"} <= set(said.__struct_fields__):
        yield getattr(said, "ru"), getattr(said, "en"), where  # noqa: B009  # only some structs have them
    elif isinstance(said, msgspec.Struct):
        for name in said.__struct_fields__:
            yield from tables(getattr(said, name), f"{where}.{name}")
    elif isinstance(said, tuple):
        yield from _of_tuple(said, where)


def _of_tuple(said: tuple[Any, ...], where: str) -> Iterator[tuple[Any, Any, str]]:
    names = getattr(said, "_fields", ())
    for name in names:
        if name.endswith("_ru"):
            yield getattr(said, name), getattr(said, f"{name[:-3]}_en"), f"{where}.{name[:-3]}"
    if not names:
        if is_pair(said):
            yield said[0], said[1], where
            return
        for number, each in enumerate(said):
            yield from tables(each, f"{where}.{number}")


def is_pair(said: Any) -> bool:
    """Whether this is a text in Russian and in English, one of which may be forgotten."""
    is_two = isinstance(said, tuple) and len(said) == 2 and all(isinstance(each, str) for each in said)
    return is_two and any(CYRILLIC.search(each) for each in said)


def all_tables() -> Iterator[tuple[Any, Any, str]]:
    """Those of every module."""
    for module in modules():
        known = {name: value for name, value in vars(module).items() if not name.startswith("__")}
        for name, value in known.items():
            yield from tables(value, f"{module.__name__}.{name}")
        if "RUSSIAN" in known and "ENGLISH" in known:
            yield known["RUSSIAN"], known["ENGLISH"], f"{module.__name__}.RUSSIAN"


@pytest.mark.rule("T1")
def test_everything_is_said_in_both_languages() -> None:
    """Whoever reads English must not meet Russian, an empty line, or a sentence without its number."""
    found = list(all_tables())
    speaking = {where for _, _, where in found}
    silent = {name for name in SPEAKING if not any(where.startswith(f"{name}.") for where in speaking)}
    assert silent == set()
    missing = [gap for russian, english, where in found for gap in gaps(russian, english, where)]
    assert sorted(set(missing)) == []


def speaks_russian(module: ModuleType) -> bool:
    """Whether a module has a Russian text that is no docstring."""
    tree = ast.parse(inspect.getsource(module))
    bodies = [each.body for each in ast.walk(tree) if isinstance(getattr(each, "body", None), list)]  # type: ignore[attr-defined]  # what has a body
    notes = {id(each.value) for body in bodies for each in body if isinstance(each, ast.Expr)}
    texts = [each for each in ast.walk(tree) if isinstance(each, ast.Constant) and id(each) not in notes]
    return any(isinstance(each.value, str) and CYRILLIC.search(each.value) for each in texts)


def test_a_module_that_speaks_russian_has_its_words_in_a_table() -> None:
    """A sentence in the middle of a function has no English one beside it, and nobody would see that."""
    speaking = {module.__name__ for module in modules() if speaks_russian(module)}
    assert speaking - SPEAKING == set(WITHOUT_TABLES)
    assert SPEAKING - speaking == set()


def table_with(russian: Any, english: Any) -> list[str]:
    """The gaps of a table by language."""
    both = {Language.RUSSIAN: russian, Language.ENGLISH: english}
    return [gap for one, other, where in tables(both, "t") for gap in gaps(one, other, where)]


@pytest.mark.parametrize(
    ("russian", "english", "said"),
    [
        ("Да", "", "t: said in one language only"),
        ({"a": "Да"}, {}, "t.a: said in one language only"),
        ("Ждите {wait}", "Wait", "are not filled with the same"),
        ("Wait", "Wait", "is no Russian"),
        ("Ждите", "Ждите", "is no English"),
        ({"one": "а", "many": "б"}, {"one": "a", "other": "b"}, "t: ru has no few"),
        ({"one": "а", "few": "б", "many": "в"}, {"one": "a"}, "t: en has no other"),
        (("Дата", "Время"), ("Date",), "t: 2 in Russian, 1 in English"),
    ],
)
def test_a_gap_in_a_table_is_found(russian: Any, english: Any, said: str) -> None:
    """A checker that finds nothing proves nothing."""
    assert any(said in gap for gap in table_with(russian, english))


def test_a_language_that_a_table_forgets_is_found() -> None:
    """The whole of one."""
    found = [
        gap for one, other, where in tables({Language.RUSSIAN: "Да"}, "t") for gap in gaps(one, other, where)
    ]
    assert found == ["t: said in one language only"]


@pytest.mark.parametrize("pair", [("да", "да"), ("yes", "да"), ("да", "")])
def test_a_gap_in_a_pair_is_found(pair: Sequence[str]) -> None:
    """Russian first, English second."""
    found = [
        gap for one, other, where in tables({"key": tuple(pair)}, "t") for gap in gaps(one, other, where)
    ]
    assert found
