"""Reads the log of facts for operators' programs through the host's `Log` port, and appends their facts."""

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from contracts import codec
from contracts.codec import Envelope
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact, Message, type_name
from contracts.topics import FACTS
from runtime.ports import Log, LogRecord, Outgoing

RECORDS_MAX: Final = 500
WAIT_MS: Final = 300
"""How long one read waits for more; the embedded broker takes up to 100 ms to return records."""
BATCH_BYTES_MAX: Final = 200_000
"""A record batch of Kafka holds 1 MiB by default."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the log; `fact` is None for an unknown type or an unreadable value."""

    partition: int
    offset: int
    at: Instant
    envelope: Envelope
    fact: Message | None


def now() -> Instant:
    """Milliseconds since 1970 by this machine's clock."""
    return Instant(time.time_ns() // 1_000_000)


def reading(record: LogRecord) -> Reading | None:
    """A record as a message, or None if it isn't one of ours."""
    try:
        envelope = codec.envelope(record.headers)
    except codec.Malformed:
        return None
    try:
        fact = codec.decode(envelope.type, record.value)
    except (codec.UnknownType, codec.Malformed):
        fact = None
    return Reading(
        partition=record.partition,
        offset=record.offset,
        at=Instant(record.at),
        envelope=envelope,
        fact=fact,
    )


def outgoing(
    message: Message, *, id_: str, organization_id: OrganizationId, at: Instant, source: str = "directory"
) -> Outgoing:
    """A directory's message as a record; it has no number, since versions of its entities order it."""
    kind = type_name(message)
    envelope = Envelope(id=id_, type=kind, source=source, organization_id=organization_id, time=at)
    return Outgoing(
        topic=FACTS.name,
        key=organization_id,
        headers=tuple(codec.headers(envelope)),
        value=codec.encode(message),
    )


async def say(
    log: Log, partition: int, organization_id: OrganizationId, facts: Sequence[tuple[str, Fact]]
) -> None:
    """Append facts, each with its id, in batches that a broker accepts."""
    at = now()
    batch: list[Outgoing] = []
    size = 0
    for id_, fact in facts:
        record = outgoing(fact, id_=id_, organization_id=organization_id, at=at)
        if batch and size + len(record.value) > BATCH_BYTES_MAX:
            await log.append(partition, batch, at=at)
            batch, size = [], 0
        batch.append(record)
        size += len(record.value)
    if batch:
        await log.append(partition, batch, at=at)
