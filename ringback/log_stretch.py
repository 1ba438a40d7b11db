"""A stretch of the log of facts: what a broker still has, or a file that `ringback export log` wrote.

A file has one record a line, as JSON: partition, offset, at (ms), headers, value; a value that is not JSON is
kept as base64.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.ids import OrganizationId
from contracts.log import TimeProbed
from ringback import connect
from ringback import log as facts_log
from ringback.log import Reading
from runtime.ports import Log, LogRecord

NOBODY: Final = OrganizationId("")
"""The organization id of the host's own records."""


class Unreadable(Exception):
    """A file is not an exported log, or part of it is not; the message names the line."""


class Unclear(Exception):
    """A name means several things, or nothing on this log; the message lists what there is."""


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One record in a file."""

    partition: int
    offset: int
    at: int
    headers: dict[str, str]
    value: Any = None
    value_base64: str | None = None


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Line)


def line(record: LogRecord) -> bytes:
    """A record as a line of a file, with the line end."""
    made = Line(
        partition=record.partition,
        offset=record.offset,
        at=record.at,
        headers={name: value.decode("utf-8", "replace") for name, value in record.headers},
    )
    if record.value is not None:
        try:
            made.value = msgspec.json.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            made.value_base64 = base64.b64encode(record.value).decode("ascii")
    return _ENCODER.encode(made) + b"\n"


def record(text: bytes) -> LogRecord:
    """Parse a line of a file. Raises ValueError."""
    read = _DECODER.decode(text)
    value: bytes | None = None
    if read.value_base64 is not None:
        value = base64.b64decode(read.value_base64, validate=True)
    elif read.value is not None:
        value = _ENCODER.encode(read.value)
    headers = tuple((name, text.encode()) for name, text in read.headers.items())
    return LogRecord(read.partition, read.offset, read.at, headers, value)


def of_file(path: Path) -> list[LogRecord]:
    """All records of a file. Raises Unreadable and OSError."""
    found = []
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                found.append(record(text))
            except (ValueError, msgspec.MsgspecError, binascii.Error) as error:
                raise Unreadable(f"{path}, line {number} is not a log record: {error}") from error
    return found


async def of_log(log: Log, partition: int) -> AsyncIterator[LogRecord]:
    """All records of a partition up to a probe, since not every broker reports the end correctly."""
    offset = await log.oldest(partition)
    at = facts_log.now()
    probe = facts_log.outgoing(
        TimeProbed(service="directory"),
        id_=f"directory/read/{partition}/{at}",
        organization_id=NOBODY,
        at=at,
    )
    end = await log.append(partition, [probe], at=at)
    while offset < end:
        records = await log.read(
            partition, offset, records_max=facts_log.RECORDS_MAX, wait_ms=facts_log.WAIT_MS
        )
        for each in records:
            if each.offset < end:
                yield each
        if records:
            offset = records[-1].offset + 1


async def of_broker(settings: connect.Environment) -> list[LogRecord]:
    """All partitions of the log that the settings name. Raises NotConfigured and LogUnavailable."""
    async with connect.log(settings) as log:
        return [each for partition in range(log.partitions) async for each in of_log(log, partition)]


def in_time(records: Iterable[LogRecord]) -> Iterator[LogRecord]:
    """Each partition in order, with times that never go back: max(previous, record), as for all readers.

    This needs all records of a partition: another organization's record may have set the time, and the
    embedded broker has only its writers' clocks.
    """
    now: dict[int, int] = {}
    for each in sorted(records, key=lambda record: (record.partition, record.offset)):
        now[each.partition] = max(now.get(each.partition, 0), each.at)
        yield msgspec.structs.replace(each, at=now[each.partition])


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """One organization's messages in the order of the log, with monotonic times, and whether it is whole."""

    organization_id: OrganizationId
    readings: tuple[Reading, ...]
    is_whole: bool


def stretches(records: Iterable[LogRecord]) -> dict[OrganizationId, Stretch]:
    """The records by organization, without records that are not our messages."""
    found: dict[OrganizationId, list[Reading]] = {}
    whole: set[int] = set()
    for each in in_time(records):
        if each.offset == 0:
            whole.add(each.partition)
        reading = facts_log.reading(each)
        if reading is not None and reading.envelope.organization_id != NOBODY:
            found.setdefault(reading.envelope.organization_id, []).append(reading)
    return {
        organization_id: Stretch(
            organization_id=organization_id,
            readings=tuple(readings),
            is_whole=readings[0].partition in whole,
        )
        for organization_id, readings in found.items()
    }


def chosen(found: dict[OrganizationId, Stretch], wanted: str | None) -> Sequence[Stretch]:
    """The organization named, or all. Raises Unclear."""
    if not found:
        raise Unclear("this log has no organization yet")
    if wanted is None:
        return tuple(found.values())
    if wanted not in found:
        raise Unclear(f"there is no organization {wanted!r} on this log; it has: {', '.join(found)}")
    return (found[OrganizationId(wanted)],)


def kept(records: Iterable[LogRecord], wanted: str | None) -> Iterator[LogRecord]:
    """All records unchanged, or those of one organization and of the host, with monotonic times."""
    if wanted is None:
        yield from records
        return
    for each in in_time(records):
        reading = facts_log.reading(each)
        if reading is not None and reading.envelope.organization_id in (NOBODY, OrganizationId(wanted)):
            yield each
