"""Applies an office file: reads and checks it, has the directory save it, and shows what that changed."""

import argparse
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from rich.console import Console

from services.directory.rules import sheets
from services.directory.rules.notices import upload_key
from services.directory.state.sheets import OfficeSheet
from services.directory.state.shown import CardChange, ErrorShown, OfficeShown
from tools import connect
from tools.apply import office
from tools.apply.book import Book, NotSaved, Unavailable, Unknown, is_named
from tools.apply.document import FILE_BYTES_MAX, Document, Problem, Refused, read, text_of, told
from tools.masking import masked

UPLOAD_BYTES_MAX: Final = 10_000_000
"""T4; what is inside is checked by tts, by content."""
SHOWN_MAX: Final = 60
"""Longer values are cut in the printed difference."""
SIGNS: Final = {"new": ("+", "green"), "changed": ("~", "yellow")}
KINDS: Final = {"pbx": "PBX", "rules": "direct calls of"}
"""What people call a kind of cards, where they do not call it as the book does."""


def load(path: Path) -> tuple[Document, dict[str, bytes]]:
    """An office file and the audio files that it names, by key. Raises Refused and OSError."""
    with path.open("rb") as file:
        document = read(text_of(file.read(FILE_BYTES_MAX + 1), str(path)), str(path))
    organization_id = office.organization_named(document)
    keys: dict[str, str] = {}
    audio: dict[str, bytes] = {}
    for name in office.uploads_named(document):
        content = _upload(path.parent / name)
        # The checks name the line of one that can't be read.
        if content is not None:
            keys[name] = upload_key(organization_id, content)
            audio[keys[name]] = content
    return Document(document.name, document.data, document.lines, keys), audio


def _upload(file: Path) -> bytes | None:
    """A file's bytes, if it is one, is readable, and no larger than an upload may be."""
    try:
        is_fit = file.is_file() and file.stat().st_size <= UPLOAD_BYTES_MAX
        return file.read_bytes() if is_fit else None
    except (OSError, ValueError):  # a name may be too long, or none at all
        return None


def save(
    settings: connect.Environment, sheet: OfficeSheet, audio: dict[str, bytes], *, is_dry_run: bool = False
) -> OfficeShown:
    """Have the directory save an office, its audio first. A dry run begins no organization.

    Raises NotSaved, Unavailable, Unknown in a dry run, and connect.NotConfigured.
    """
    begins_as = None if is_dry_run else sheet.organization.name
    with Book(settings, sheet.organization_id, begins_as=begins_as) as book:
        for content in () if is_dry_run else audio.values():
            book.upload(content)
        return book.save(sheet, is_dry_run=is_dry_run)


def against_nothing(sheet: OfficeSheet) -> OfficeShown:
    """What a sheet would change where there is no office at all."""
    changes = sheets.changes(None, sheets.cards(sheets.office_of(sheet), sheet))
    return OfficeShown(changes=tuple(changes), unchanged=0)


def show(console: Console, found: OfficeShown) -> None:
    """The difference as a person reads it."""
    for change in found.changes:
        sign, style = SIGNS[change.what]
        kind = KINDS.get(change.kind, change.kind)
        console.print(f"[{style}]{sign}[/] {kind} [bold]{change.id}[/]", highlight=False)
        for line in _changed_fields(change):
            console.print(f"      {line}", highlight=False, markup=False)
    counts = {what: sum(each.what == what for each in found.changes) for what in SIGNS}
    said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    console.print(f"{said or 'nothing changed'}; {found.unchanged} as before", highlight=False)
    for left in found.left:
        kind = KINDS.get(left.kind, left.kind)
        console.print(f"note: {kind} {left.id} is not in the file and stays as it is", highlight=False)


def _changed_fields(change: CardChange) -> list[str]:
    return [f"{each.name}: {_short(each.before)} → {_short(each.after)}" for each in change.fields]


def _short(value: str) -> str:
    text = masked(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _apply(console: Console, document: Document, audio: dict[str, bytes], *, is_dry_run: bool) -> int:
    """Check, save, show."""
    settings = connect.environment()
    sheet, problems = office.examine(document)
    lines = _print(document, problems)
    if sheet is None or any(not problem.is_warning for problem in problems):
        return 1
    if is_dry_run and not is_named(settings):
        show(console, against_nothing(sheet))
        console.print(
            "compared with nothing, since no directory is named (RINGBACK_DIRECTORY_URL, or `make up`)"
        )
        return 0
    try:
        found = save(settings, sheet, audio, is_dry_run=is_dry_run)
    except Unknown:
        show(console, against_nothing(sheet))
        console.print("compared with nothing, since the book does not have this organization yet")
    except NotSaved as refused:
        return _refused(document, refused.errors)
    else:
        warnings = (office.told_by_the_book(each, is_warning=True) for each in found.warnings)
        _print(document, warnings, lines)
        show(console, found)
    if is_dry_run:
        console.print("nothing was saved (--dry-run)")
    return 0


def _print(document: Document, problems: Iterable[Problem], but: Collection[str] = ()) -> list[str]:
    """Problems with their lines, but those that were printed before."""
    lines = [told(problem, document.name) for problem in office.located(document, problems)]
    for line in lines:
        if line not in but:
            print(line, file=sys.stderr)
    return lines


def _refused(document: Document, errors: Iterable[ErrorShown]) -> int:
    """Why nothing was saved, with the lines of the file that are to blame."""
    located = []
    for error in errors:
        if error.field:
            located.append(office.told_by_the_book(error, is_warning=False))
        else:
            print(f"apply: {error.cause.en} {error.remedy.en}", file=sys.stderr)
    _print(document, located)
    return 1


def main(argv: list[str]) -> int:
    """Check, save, show."""
    parser = argparse.ArgumentParser(prog="python -m tools apply", description=__doc__)
    parser.add_argument("file", type=Path, help="the office file, see examples/office.yaml")
    parser.add_argument("--dry-run", action="store_true", help="show the difference and save nothing")
    options = parser.parse_args(argv)
    try:
        document, audio = load(options.file)
        return _apply(Console(), document, audio, is_dry_run=options.dry_run)
    except Refused as refused:
        print("\n".join(refused.lines()), file=sys.stderr)
    except OSError as error:
        print(f"apply: {options.file}: {error.strerror or error}", file=sys.stderr)
    except (connect.NotConfigured, Unavailable) as error:
        print(f"apply: {error}", file=sys.stderr)
    return 1
