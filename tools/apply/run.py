"""Applies an office file to a running log: reads what is known, shows the difference, says what changed."""

import argparse
import asyncio
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from contracts.directory import OrganizationSaved
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact
from contracts.tts import NoticeFailed, NoticeRendered, RenderNotice
from runtime.kafka_log import KafkaLog
from runtime.ports import Blobs, BlobsUnavailable, Log, LogUnavailable
from tools import connect
from tools import log as facts_log
from tools.apply import office
from tools.apply.difference import Change, Difference, difference, key_of, newest
from tools.apply.document import FILE_BYTES_MAX, Document, Refused, read, text_of, told
from tools.masking import masked

UPLOAD_BYTES_MAX = 10_000_000
"""T4; what is inside is checked by tts, by content."""
SHOWN_MAX = 60
"""Longer values are cut in the printed difference."""


def load(path: Path) -> tuple[Document, dict[str, bytes]]:
    """An office file and the audio files that it names, by key. Raises Refused and OSError."""
    with path.open("rb") as file:
        document = read(text_of(file.read(FILE_BYTES_MAX + 1), str(path)), str(path))
    keys: dict[str, str] = {}
    audio: dict[str, bytes] = {}
    for name in office.uploads_named(document):
        data = _upload(path.parent / name)
        if data is None:
            # The checks name the line.
            continue
        # By content: the same file again is the same object, and no name says what is in it.
        keys[name] = f"uploads/{hashlib.sha256(data).hexdigest()}{Path(name).suffix.lower()}"
        audio[keys[name]] = data
    return Document(document.name, document.data, document.lines, keys), audio


def _upload(file: Path) -> bytes | None:
    """A file's bytes, if it is one, is readable, and no larger than an upload may be."""
    try:
        is_fit = file.is_file() and file.stat().st_size <= UPLOAD_BYTES_MAX
        return file.read_bytes() if is_fit else None
    except (OSError, ValueError):  # a name may be too long, or none at all
        return None


async def known(log: Log, partition: int, organization_id: OrganizationId) -> tuple[list[Fact], bool]:
    """The organization's facts on the log, and whether the log still has its beginning."""
    probe_id = f"directory/{organization_id}/read/{facts_log.now()}"
    heard, is_whole = await facts_log.so_far(log, partition, organization_id, probe_id=probe_id)
    facts = [
        each.fact
        for each in heard
        if each.envelope.organization_id == organization_id and isinstance(each.fact, Fact)
    ]
    return facts, is_whole


def unanswered(wanted: list[RenderNotice], heard: list[Fact]) -> list[RenderNotice]:
    """The renderings that nobody has answered: an apply that was cut short asks for them again."""
    answered = {
        (fact.notice_id, fact.version) for fact in heard if isinstance(fact, NoticeRendered | NoticeFailed)
    }
    return [command for command in wanted if (command.notice_id, command.version) not in answered]


def settled(wanted: list[Fact], found: Difference, heard: list[Fact]) -> list[Fact]:
    """The wanted facts with the versions that they have once the difference is on the log."""
    versions = {**newest(heard), **newest(found.facts())}
    return [versions[key] for fact in wanted if (key := key_of(fact)) is not None]


async def say(
    log: Log, partition: int, organization_id: OrganizationId, found: Difference, commands: list[RenderNotice]
) -> None:
    """Facts first, then what speech is asked for: unanswered ones are found again by the next apply."""
    named = [
        (
            f"directory/{organization_id}/{'/'.join(change.key)}/{getattr(change.fact, 'version', 0)}",
            change.fact,
        )
        for change in found.changes
    ]
    await facts_log.say(log, partition, organization_id, named)
    at = facts_log.now()
    await log.send(
        [
            facts_log.outgoing(
                command,
                id_=f"directory/{organization_id}/render/{command.notice_id}/{command.version}/{at}",
                organization_id=organization_id,
                at=at,
            )
            for command in commands
        ]
    )


async def put_audio(blobs: Blobs, audio: dict[str, bytes]) -> None:
    """Bring the named audio files into the bucket. Raises BlobsUnavailable."""
    for key, data in audio.items():
        await blobs.put(key, data)


def show(console: Console, found: Difference) -> None:
    """The difference as a person reads it."""
    for change in found.changes:
        sign, style = {"new": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}[
            change.kind
        ]
        console.print(f"[{style}]{sign}[/] {change.key[0]} [bold]{change.key[1]}[/]", highlight=False)
        for line in _changed_fields(change):
            console.print(f"      {line}", highlight=False, markup=False)
    counts = {
        kind: sum(each.kind == kind for each in found.changes) for kind in ("new", "changed", "removed")
    }
    said = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    console.print(f"{said or 'nothing changed'}; {found.unchanged} as before", highlight=False)
    for kind, id_ in found.left_over:
        console.print(f"note: {kind} {id_} is not in the file and stays on the log, unused", highlight=False)


def _changed_fields(change: Change) -> list[str]:
    if change.kind != "changed":
        return []
    return [f"{name}: {_short(before)} → {_short(after)}" for name, before, after in change.fields]


def _short(value: object) -> str:
    text = masked(str(value))
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a file to a log comes to."""

    organization_id: OrganizationId
    partition: int
    found: Difference
    commands: list[RenderNotice]


async def plan(log: KafkaLog, wanted: list[Fact]) -> Plan:
    """Compare the wanted facts with the log's."""
    (organization_id,) = (fact.organization_id for fact in wanted if isinstance(fact, OrganizationSaved))
    partition = await connect.partition_of(organization_id, log)
    heard, is_whole = await known(log, partition, organization_id)
    found = difference(wanted, newest(heard), version_first=1 if is_whole else facts_log.now())
    commands = unanswered(office.renderings(settled(wanted, found, heard)), heard)
    return Plan(organization_id, partition, found, commands)


async def _apply(
    options: argparse.Namespace, wanted: list[Fact], audio: dict[str, bytes], console: Console
) -> None:
    async with connect.log(options.environment) as log:
        made = await plan(log, wanted)
        show(console, made.found)
        if options.dry_run:
            console.print("nothing was said (--dry-run)")
            return
        if audio:
            await put_audio(connect.blobs(options.environment), audio)
        await say(log, made.partition, made.organization_id, made.found, made.commands)
        facts, notices = len(made.found.changes), len(made.commands)
        console.print(f"said: {facts} facts, {notices} notices to be made playable", highlight=False)


def main(argv: list[str]) -> int:
    """Validate, show, say."""
    parser = argparse.ArgumentParser(prog="python -m tools apply", description=__doc__)
    parser.add_argument("file", type=Path, help="the office file, see examples/office.yaml")
    parser.add_argument("--dry-run", action="store_true", help="show the difference and say nothing")
    options = parser.parse_args(argv)
    options.environment = connect.environment()
    console = Console()
    try:
        document, audio = load(options.file)
        said, problems = office.examine(document)
        for problem in problems:
            print(told(problem, document.name), file=sys.stderr)
        if said is None or any(not problem.is_warning for problem in problems):
            return 1
        wanted = office.facts(document, Instant(facts_log.now()))
        if options.dry_run and not connect.is_configured(options.environment):
            show(console, difference(wanted, {}))
            console.print("compared with nothing, since no log is named (RINGBACK_KAFKA, or `make up`)")
            return 0
        asyncio.run(_apply(options, wanted, audio, console))
    except Refused as refused:
        print("\n".join(refused.lines()), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"apply: {options.file}: {error.strerror or error}", file=sys.stderr)
        return 1
    except (connect.NotConfigured, LogUnavailable, BlobsUnavailable) as error:
        print(f"apply: {error}", file=sys.stderr)
        return 1
    return 0
