"""Checks at a claim which log this is, and whether its broker sets the records' time."""

from collections.abc import Callable

from contracts.codec import Envelope, Malformed, UnknownType, decode, encode, envelope, headers
from contracts.ids import OrganizationId
from contracts.log import LogNamed, TimeProbed
from contracts.message import Fact, type_name
from contracts.topics import FACTS
from runtime import urls
from runtime.ports import Log, LogRecord, LogUnavailable, Outgoing, Position

READS_MAX = 60
"""An acknowledged record becomes readable within half a minute, even when a broker restarts."""
READ_WAIT_MS = 500


class RefusedToStart(Exception):
    """This process must not run with this setup; the message says what is wrong and what to do."""


class LogIsAnother(RefusedToStart):
    """The stored state belongs to another log; reading on would mix two histories."""


def _record(fact: Fact, id_: str, source: str) -> Outgoing:
    made = Envelope(id=id_, type=type_name(fact), source=source, organization_id=OrganizationId(""))
    return Outgoing(FACTS.name, "", tuple(headers(made)), encode(fact), 0)


async def read_one(log: Log, partition: int, offset: int) -> LogRecord:
    """The first record at or after an offset that is known to exist."""
    for _ in range(READS_MAX):
        records = await log.read(partition, offset, records_max=1, wait_ms=READ_WAIT_MS)
        if records:
            return records[0]
    raise LogUnavailable(f"offset {offset} of partition {partition} was acknowledged and can't be read")


async def log_id(log: Log, partition: int, tokens: Callable[[], str]) -> str | None:
    """The name in a partition's first record, written now if there is no record; None if it is gone.

    Two processes that start at once both write a name; the one at offset 0 counts.
    """
    if await log.oldest(partition) > 0:
        return None
    first = await log.read(partition, 0, records_max=1, wait_ms=200)
    if not first:
        named = LogNamed(log_id=tokens(), partitions=log.partitions)
        await log.append(partition, [_record(named, f"log/{named.log_id}", "log")])
        first = [await read_one(log, partition, 0)]
    if first[0].offset > 0:
        return None
    return _name(first[0], log.partitions)


def _name(first: LogRecord, partitions: int) -> str:
    """The log's name: from its first record, normally `log.named`, else that record's id and time."""
    try:
        found = envelope(first.headers)
        fact = decode(found.type, first.value)
    except (Malformed, UnknownType):
        return f"unnamed/{first.at}"
    if not isinstance(fact, LogNamed):
        # A tool wrote before any service had started. That record's id and time identify the log as well.
        return f"{found.id}/{first.at}"
    if fact.partitions != partitions:
        raise LogIsAnother(
            f"the log {fact.log_id} was created with {fact.partitions} partitions and now has {partitions}: "
            "organizations would change partitions. Restore the topic, or start a new installation with "
            "another prefix."
        )
    return fact.log_id


def check_same_log(stored: Position, found: str | None, partitions: int) -> None:
    """Check that the stored state belongs to this log. Raises LogIsAnother."""
    if stored.partitions != partitions:
        raise LogIsAnother(
            f"the stored state belongs to a log with {stored.partitions} partitions, but this one has "
            f"{partitions}; the number is fixed at creation"
        )
    if found is not None and stored.log_id != found:
        raise LogIsAnother(
            f"the stored state belongs to the log {stored.log_id}, this one is {found}. Point RINGBACK_KAFKA "
            "and RINGBACK_TOPIC_PREFIX to the old log; if that is lost, `ringback operator adopt-log` begins "
            "a new one."
        )


def check_not_beyond(stored: Position, end_offset: int) -> None:
    """Check that the stored position is not beyond the log's end. Raises LogIsAnother."""
    if stored.offset > end_offset:
        raise LogIsAnother(
            f"the stored state is at offset {stored.offset}, but the log ends at {end_offset}: "
            "it lost its end, or is another log. Restore it, or see docs/operating.md, «The log lost data»."
        )


async def has_time(log: Log, partition: int, service: str) -> bool:
    """Whether the broker sets records' time: then a probe with timestamp 0 comes back with another."""
    return await probed_at(log, partition, service) != 0


async def probed_at(log: Log, partition: int, service: str) -> int:
    """The time of a record that is appended now with timestamp 0, in ms: the broker's, or 0."""
    probe = _record(TimeProbed(service=service), f"{service}/time-probe", service)
    offset = await log.append(partition, [probe], at=0)
    return (await read_one(log, partition, offset)).at


def is_loopback(address: str) -> bool:
    """Whether every broker in a bootstrap list is on this machine."""
    hosts = [each.strip().rpartition(":")[0].strip("[]") for each in address.split(",")]
    return all(urls.is_loopback(host) for host in hosts)
