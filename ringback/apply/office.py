"""Translates an office file into the sheet that the directory saves, and finds mistakes; pure functions."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ringback.apply import places, wording
from ringback.apply.document import Document, Path, Problem
from ringback.apply.model import OfficeFile
from ringback.apply.office_sheet import office_sheet
from ringback.apply.wording import Explanation, Mistake, explained
from runtime.request_shape import Text
from runtime.spelling import meant
from services.directory.rules import office_import
from services.directory.rules.errors import Problem as Found
from services.directory.rules.errors import shown
from services.directory.state.office_sheet import OfficeSheet
from services.directory.state.responses import ErrorShown

VALUE_LENGTH_MAX: Final = 100
"""Limits a quoted value, which may be a page long."""


def examine(document: Document) -> tuple[OfficeSheet | None, list[Problem]]:
    """The sheet (None if it can't be made), and every error and warning with its line."""
    try:
        office = OfficeFile.model_validate(document.data)
    except ValidationError as error:
        return None, located(document, (_problem(each) for each in error.errors(include_url=False)))
    unread = list(_unread(document))
    made, found = office_sheet(office, document)
    if made is None or unread:
        return None, located(document, [*unread, *found])
    whole = office_import.office_of(made)
    found += [from_rule(each) for each in office_import.problems(whole, office_import.cards(whole, made))]
    return made, located(document, found)


def from_rule(found: Found) -> Problem:
    """One of the directory's problems, with its place in the file."""
    return from_directory(shown(found), is_warning=found.is_warning)


def from_directory(error: ErrorShown, *, is_warning: bool) -> Problem:
    """One problem from an answer of the directory's API, with its place in the file."""
    told = Explanation(
        cause=Text(ru=error.cause.ru.rstrip("."), en=error.cause.en.rstrip(".")),
        remedy=Text(ru=error.remedy.ru.rstrip("."), en=error.remedy.en.rstrip(".")),
    )
    return Problem(places.place(error.field), told, is_warning)


def organization_named(document: Document) -> str:
    """The organization's id as written, unchecked."""
    part = document.data.get("organization") if isinstance(document.data, dict) else None
    return str(part.get("id", "")) if isinstance(part, dict) else ""


def uploads_named(document: Document) -> list[str]:
    """The audio files that a document names, unchecked."""
    return sorted({name for _, name in _uploads(document.data, ())})


def _uploads(part: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(part, dict):
        if isinstance(part.get("uploaded"), str):
            yield path, part["uploaded"]
        for key, value in part.items():
            yield from _uploads(value, (*path, key))
    elif isinstance(part, list):
        for position, value in enumerate(part):
            yield from _uploads(value, (*path, position))


def _unread(document: Document) -> Iterator[Problem]:
    """Problems for audio files that are missing or can't be read."""
    for path, name in _uploads(document.data, ()):
        if name not in document.uploads:
            yield Problem(path, explained(Mistake.FILE_UNREAD, name=name))


def located(document: Document, found: Iterable[Problem]) -> list[Problem]:
    """Problems with their lines, in the order of the file.

    A problem that several aliases of an anchor repeat appears once, at the anchor.
    """
    lines = [
        replace(each, line=each.line or document.line(each.path, is_of_key=each.is_of_key)) for each in found
    ]
    once: dict[tuple[int | None, Explanation, bool], Problem] = {}
    for each in lines:
        once.setdefault((each.line, each.explanation, each.is_warning), each)
    return sorted(once.values(), key=lambda each: each.line or 0)


_SIZES: Final = {
    "greater_than_equal": (Mistake.SHORT, "ge"),
    "too_short": (Mistake.SHORT, "min_length"),
    "string_too_short": (Mistake.SHORT, "min_length"),
    "less_than_equal": (Mistake.LARGE, "le"),
}
"""pydantic's types of errors about size, and the name of the limit in their context."""
_KINDS: Final = {
    "int_parsing": Mistake.WHOLE,
    "int_type": Mistake.WHOLE,
    "bool_parsing": Mistake.TRUTH,
    "bool_type": Mistake.TRUTH,
    "date_parsing": Mistake.DATE,
    "date_from_datetime_parsing": Mistake.DATE,
    "date_type": Mistake.DATE,
    "string_type": Mistake.TEXT,
    "model_type": Mistake.WORDS,
    "dict_type": Mistake.WORDS,
    "tuple_type": Mistake.LIST,
}
"""pydantic's types of errors about a value of the wrong kind."""


def _problem(error: ErrorDetails) -> Problem:
    """Explain one of pydantic's errors in plain words."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    word = str(path[-1]) if path else wording.FILE
    value, context = _short(error["input"]), error.get("ctx", {})
    match error["type"]:
        case "plain":
            return Problem(path, explained(context["mistake"], **context["values"]))
        case "missing":
            return Problem(path, explained(Mistake.MISSING, word=word))
        case "extra_forbidden":
            return Problem(path, _unknown(str(word), path), is_of_key=True)
        case "enum" | "literal_error":
            near = meant(value, re.findall(r"'([^']*)'", context["expected"]))
            guess = Text(ru="", en="") if near is None else wording.filled(wording.GUESS, meant=near)
            told = explained(Mistake.CHOICE, word=word, value=value, known=context["expected"], guess=guess)
            return Problem(path, told)
        case "string_pattern_mismatch" if "[key]" in error["loc"] or word == "id":
            return Problem(path, explained(Mistake.ID, value=value), is_of_key=word != "id")
        case size if size in _SIZES:
            mistake, name = _SIZES[size]
            return Problem(path, explained(mistake, word=word, limit=str(context[name])))
        case kind:
            return Problem(path, explained(_KINDS.get(kind, Mistake.OTHER), word=word, value=value))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}…"


def _unknown(word: str, path: Path) -> Explanation:
    """A problem for an unknown word, with the known one that was probably meant."""
    known = sorted(places.words_of(places.shape_at(path[:-1])))
    near = meant(word, known)
    if near is not None:
        return explained(Mistake.UNKNOWN_MEANT, word=word, meant=near)
    return explained(Mistake.UNKNOWN, word=word, known=", ".join(known))
