"""Applies an office file: checks it, saves it through the directory, and shows what changed."""

import argparse
import hashlib
import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from rich.console import Console

from contracts.audio_keys import upload_key
from contracts.directory import Language
from ringback import connect
from ringback.apply import office, wording
from ringback.apply.directory_client import DirectoryClient, NotSaved, Unavailable, is_named
from ringback.apply.document import (
    FILE_BYTES_MAX,
    Document,
    FileRefused,
    Problem,
    printed_line,
    read,
    text_of,
)
from ringback.apply.wording import pick
from runtime.masking import masked
from runtime.request_shape import Text
from services.directory.rules import office_import
from services.directory.rules.errors import shown
from services.directory.state.cards import OrganizationCard
from services.directory.state.office import Office
from services.directory.state.office_sheet import OfficeSheet
from services.directory.state.responses import CardChange, ErrorShown, OfficeShown

UPLOAD_BYTES_MAX: Final = 10_000_000
"""The limit of rule T4; tts checks the content."""
SHOWN_MAX: Final = 60
"""Longer values are cut in the printed difference."""
SIGNS: Final = {"new": ("+", "green", wording.NEW), "changed": ("~", "yellow", wording.CHANGED)}


def load(path: Path) -> tuple[Document, dict[str, bytes]]:
    """An office file and the audio files that it names, by key. Raises FileRefused and OSError."""
    with path.open("rb") as file:
        document = read(text_of(file.read(FILE_BYTES_MAX + 1), str(path)), str(path))
    organization_id = office.organization_named(document)
    keys: dict[str, str] = {}
    audio: dict[str, bytes] = {}
    for name in office.uploads_named(document):
        content = _upload(path.parent / name)
        # `office.examine` reports an unreadable file, with the line that names it.
        if content is not None:
            keys[name] = upload_key(organization_id, hashlib.sha256(content).hexdigest())
            audio[keys[name]] = content
    return Document(document.name, document.data, document.lines, keys), audio


def _upload(file: Path) -> bytes | None:
    """A file's bytes; None if it can't be read or is too large for an upload."""
    try:
        is_fit = file.is_file() and file.stat().st_size <= UPLOAD_BYTES_MAX
        return file.read_bytes() if is_fit else None
    except (OSError, ValueError):  # a name may be too long or invalid
        return None


def save(
    settings: connect.Environment, sheet: OfficeSheet, audio: dict[str, bytes], *, is_dry_run: bool = False
) -> OfficeShown:
    """Save an office through the directory, its audio first; this may create a new organization.

    Raises NotSaved, Unavailable and connect.NotConfigured.
    """
    with DirectoryClient(settings, sheet, is_dry_run=is_dry_run) as client:
        for content in () if is_dry_run else audio.values():
            client.upload(content)
        return client.save(sheet, is_dry_run=is_dry_run)


def against_nothing(sheet: OfficeSheet) -> OfficeShown:
    """What a sheet would change if there were no office yet, and the warnings."""
    nothing = Office(organization_id=sheet.organization_id, organization=OrganizationCard(name="—"))
    changes = office_import.changes(None, office_import.cards(nothing, sheet))
    warnings = tuple(shown(each) for each in office_import.not_asked(nothing, sheet))
    return OfficeShown(changes=tuple(changes), unchanged=0, warnings=warnings)


def show(console: Console, found: OfficeShown, language: Language = Language.ENGLISH) -> None:
    """Print the difference."""
    for change in found.changes:
        sign, style, _ = SIGNS[change.what]
        kind = pick(wording.KINDS[change.kind], language)
        console.print(f"[{style}]{sign}[/] {kind} [bold]{change.id}[/]", highlight=False)
        for line in _changed_fields(change):
            console.print(f"      {line}", highlight=False, markup=False)
    console.print(_counted(found, language), highlight=False)
    for left in found.left:
        kind = pick(wording.KINDS[left.kind], language)
        stays = pick(wording.filled(wording.STAYS, kind=kind, id=left.id), language)
        console.print(f"{pick(wording.NOTE, language)}: {stays}", highlight=False)


def _counted(found: OfficeShown, language: Language) -> str:
    counts = [
        (text, sum(each.what == what for each in found.changes)) for what, (_, _, text) in SIGNS.items()
    ]
    said = ", ".join(
        pick(wording.filled(text, count=str(count)), language) for text, count in counts if count
    )
    before = pick(wording.filled(wording.AS_BEFORE, count=str(found.unchanged)), language)
    return f"{said or pick(wording.NOTHING_CHANGED, language)}; {before}"


def _changed_fields(change: CardChange) -> list[str]:
    return [f"{each.name}: {_short(each.before)} → {_short(each.after)}" for each in change.fields]


def _short(value: str) -> str:
    text = masked(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _apply(file: Path, language: Language, *, is_dry_run: bool) -> int:
    """Check, save and show. Raises FileRefused, OSError, Unavailable and connect.NotConfigured."""
    document, audio = load(file)
    console, settings = Console(), connect.environment()
    sheet, problems = office.examine(document)
    lines = _print(document, problems, language)
    if sheet is None or any(not problem.is_warning for problem in problems):
        return 1
    remark: Text | None = None
    if is_dry_run and not is_named(settings):
        found, remark = against_nothing(sheet), wording.NO_DIRECTORY
    else:
        try:
            found = save(settings, sheet, audio, is_dry_run=is_dry_run)
        except NotSaved as refused:
            return _refused(document, refused.errors, language)
        if is_dry_run and _begins(found):
            remark = wording.NO_ORGANIZATION
    warnings = (office.from_directory(each, is_warning=True) for each in found.warnings)
    _print(document, warnings, language, lines)
    show(console, found, language)
    for text in (remark, wording.NOT_SAVED if is_dry_run else None):
        if text is not None:
            console.print(pick(text, language))
    return 0


def _begins(found: OfficeShown) -> bool:
    """Whether the organization itself is new."""
    return any((each.what, each.kind) == ("new", "organization") for each in found.changes)


def _print(
    document: Document, problems: Iterable[Problem], language: Language, but: Collection[str] = ()
) -> list[str]:
    """Print problems with their lines, except those in `but`; return all lines."""
    lines = [printed_line(problem, document.name, language) for problem in office.located(document, problems)]
    for line in lines:
        if line not in but:
            print(line, file=sys.stderr)
    return lines


def _refused(document: Document, errors: Iterable[ErrorShown], language: Language) -> int:
    """Print why nothing was saved, with lines of the file."""
    located = []
    for error in errors:
        if error.field:
            located.append(office.from_directory(error, is_warning=False))
        else:
            cause, remedy = (Text(ru=each.ru, en=each.en) for each in (error.cause, error.remedy))
            print(f"apply: {pick(cause, language)} {pick(remedy, language)}", file=sys.stderr)
    _print(document, located, language)
    return 1


def language_of(environment: connect.Environment) -> Language:
    """The language that the environment names (POSIX: the first of these that is set)."""
    named = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    said = next((each for each in named if each), "")
    return Language.RUSSIAN if said.lower().startswith("ru") else Language.ENGLISH


def main(argv: list[str]) -> int:
    """Check, save, show."""
    parser = argparse.ArgumentParser(prog="python -m ringback apply", description=__doc__)
    parser.add_argument("file", type=Path, help="the office file, see examples/office.yaml")
    parser.add_argument("--dry-run", action="store_true", help="show the difference and save nothing")
    parser.add_argument(
        "--language",
        type=Language,
        choices=list(Language),
        default=language_of(os.environ),
        help="ru or en; without it the environment's",
    )
    options = parser.parse_args(argv)
    language: Language = options.language
    try:
        return _apply(options.file, language, is_dry_run=options.dry_run)
    except FileRefused as refused:
        print("\n".join(refused.lines(language)), file=sys.stderr)
    except OSError as error:
        print(f"apply: {options.file}: {error.strerror or error}", file=sys.stderr)
    except Unavailable as error:
        print(f"apply: {pick(error.text, language)}", file=sys.stderr)
    except connect.NotConfigured as error:
        print(f"apply: {error}", file=sys.stderr)
    return 1
