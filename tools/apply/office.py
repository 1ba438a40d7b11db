"""An office file as the sheet that the directory saves, and what is wrong with it; pure."""

from collections.abc import Iterable, Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.directory.rules import sheets
from services.directory.rules.errors import Problem as Found
from services.directory.rules.errors import shown
from services.directory.state.sheets import OfficeSheet
from services.directory.state.shown import ErrorShown
from tools.apply import places
from tools.apply.document import Document, Path, Problem
from tools.apply.model import Office
from tools.apply.sheet import sheet


def examine(document: Document) -> tuple[OfficeSheet | None, list[Problem]]:
    """The sheet (None when its shape is wrong), and every error and warning with its line."""
    try:
        office = Office.model_validate(document.data)
    except ValidationError as error:
        return None, located(document, (_problem(each) for each in error.errors(include_url=False)))
    unread = list(_unread(document))
    said, found = sheet(office, document)
    if said is None or unread:
        return None, located(document, [*unread, *found])
    whole = sheets.office_of(said)
    found += [judged(each) for each in sheets.problems(whole, sheets.cards(whole, said))]
    return said, located(document, found)


def judged(found: Found) -> Problem:
    """One of the directory's problems, with its place in the file."""
    return told_by_the_book(shown(found), is_warning=found.is_warning)


def told_by_the_book(said: ErrorShown, *, is_warning: bool) -> Problem:
    """The same, as the directory's API tells it."""
    cause, remedy = said.cause.en.rstrip("."), said.remedy.en.rstrip(".")
    return Problem(places.place(said.field), cause, remedy, is_warning)


def organization_named(document: Document) -> str:
    """The organization's id as it stands there; nothing of it is checked yet."""
    part = document.data.get("organization") if isinstance(document.data, dict) else None
    return str(part.get("id", "")) if isinstance(part, dict) else ""


def uploads_named(document: Document) -> list[str]:
    """The audio files that a document names, for whoever reads them; nothing of it is checked yet."""
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
    """The audio files that are named and are not there, or can't be read."""
    for path, name in _uploads(document.data, ()):
        if name not in document.uploads:
            yield Problem(path, f"the file {name} can't be read", "Paths count from the office file's folder")


def located(document: Document, found: Iterable[Problem]) -> list[Problem]:
    """Problems with their lines, in the order of the file."""
    lines = [
        Problem(each.path, each.cause, each.remedy, each.is_warning, each.line or document.line(each.path))
        for each in found
    ]
    return sorted(lines, key=lambda each: each.line or 0)


def _problem(error: ErrorDetails) -> Problem:
    """One of pydantic's errors in plain words."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    word = path[-1] if path else "the file"
    context = error.get("ctx", {})
    match error["type"]:
        case "plain":
            return Problem(path, context["cause"], context["remedy"])
        case "missing":
            return Problem(path, f"«{word}» is missing here", f"Add a line `{word}: …`")
        case "extra_forbidden":
            return Problem(path, f"«{word}» means nothing here", "Check its spelling, or remove it")
        case "enum" | "literal_error":
            return Problem(path, f"«{error['input']}» is no {word}", f"Write {context['expected']}")
        case "string_pattern_mismatch" if "[key]" in error["loc"] or word == "id":
            return Problem(
                path,
                f"«{error['input']}» is no id",
                "Write small letters, digits and dashes, a letter first: sales-2",
            )
        case "model_type" | "dict_type" | "tuple_type":
            wanted = "a list (lines with a dash)" if error["type"] == "tuple_type" else "words with values"
            return Problem(path, f"«{word}» is not written as {wanted}", "See examples/office.yaml")
        case _:
            message = error["msg"][:1].lower() + error["msg"][1:]
            return Problem(path, f"«{word}»: {message}", "See examples/office.yaml")
