"""What the host requires of a log: in memory, on the embedded broker, on Apache Kafka."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.codec import Envelope, headers
from contracts.ids import OrganizationId
from ringback.topics import create_topics
from runtime.host import identity
from runtime.kafka_log import KafkaLog
from runtime.memory import MemoryClock, MemoryLog
from runtime.ports import Log, LogRecord, LogTooLong, OffsetOutOfRange, Outgoing


@pytest.fixture(params=["memory", "embedded", "apache"])
async def log(request: pytest.FixtureRequest, fresh_prefix: str) -> AsyncIterator[Log]:
    """An empty log with four partitions or more."""
    if request.param == "memory":
        yield MemoryLog(MemoryClock(), partitions=4)
        return
    bootstrap = request.getfixturevalue(f"kafka_{request.param}")
    await create_topics(bootstrap, f"{fresh_prefix}.")
    made = KafkaLog(bootstrap, prefix=f"{fresh_prefix}.")
    await made.start()
    yield made
    await made.stop()


def fact(number: int, *, size: int = 10) -> Outgoing:
    """A record with an arbitrary value."""
    made = Envelope(
        id=f"f{number}", type="test.fact", source="test", organization_id=OrganizationId("acme"), seq=number
    )
    return Outgoing("facts", "acme", tuple(headers(made)), b"x" * size, 0)


async def read_all(log: Log, partition: int, offset: int, wanted: int) -> list[LogRecord]:
    """Records until there are enough."""
    found: list[LogRecord] = []
    for _ in range(40):
        found += await log.read(partition, offset + len(found), records_max=100, wait_ms=250)
        if len(found) >= wanted:
            break
        await asyncio.sleep(0.01)  # Memory never waits by itself.
    return found


async def test_what_is_appended_is_read_in_order_from_any_offset(log: Log) -> None:
    """Positions, not callbacks: the host decides where it reads."""
    first = await log.append(1, [fact(1), fact(2), fact(3)])
    await log.append(1, [fact(4)])
    found = await read_all(log, 1, first, 4)
    assert [dict(each.headers)["ce_id"] for each in found] == [b"f1", b"f2", b"f3", b"f4"]
    assert [each.offset for each in found] == list(range(first, first + 4))
    again = await read_all(log, 1, first + 2, 2)
    assert [each.offset for each in again] == [first + 2, first + 3]
    assert (await read_all(log, 1, first, 4))[0].offset == first


async def test_partitions_are_apart(log: Log) -> None:
    """An organization's records are on its partition only."""
    await log.append(0, [fact(1)])
    await log.append(2, [fact(2)])
    assert [dict(each.headers)["ce_id"] for each in await read_all(log, 2, 0, 1)] == [b"f2"]
    assert await log.read(3, 0, records_max=10, wait_ms=50) == []


async def test_reading_at_the_end_waits_and_finds_what_comes(log: Log) -> None:
    """A live owner waits at the end, and hears at once."""
    first = await log.append(0, [fact(1)])
    await read_all(log, 0, first, 1)
    assert await log.read(0, first + 1, records_max=10, wait_ms=30) == []
    reading = asyncio.create_task(read_all(log, 0, first + 1, 1))
    await asyncio.sleep(0.05)
    await log.append(0, [fact(2)])
    assert [each.offset for each in await reading] == [first + 1]


async def test_what_comes_between_two_reads_is_read_at_once_and_together(log: Log) -> None:
    """Nothing is fetched while nobody reads: a fetch ahead would have the first of three records only."""
    first = await log.append(0, [fact(1)])
    await read_all(log, 0, first, 1)
    for number in (2, 3, 4):
        await log.append(0, [fact(number)])
        await asyncio.sleep(0.05)
    found = await log.read(0, first + 1, records_max=10, wait_ms=5_000)
    assert [each.offset for each in found] == [first + 1, first + 2, first + 3]


async def test_the_log_answers_questions_while_somebody_waits_at_its_end(log: Log) -> None:
    """A broker answers in order: on the connection of a poll, an answer would come after it."""
    first = await log.append(0, [fact(1)])
    await read_all(log, 0, first, 1)
    reading = asyncio.create_task(log.read(0, first + 1, records_max=10, wait_ms=1_500))
    await asyncio.sleep(0.1)
    assert await log.next_offset(0) == first + 1
    assert await log.oldest(0) <= first
    await reading


async def test_the_oldest_offset_of_an_empty_partition_is_its_first(log: Log) -> None:
    """A new installation begins at 0."""
    assert await log.oldest(0) == 0


async def test_a_batch_that_the_log_will_never_take_is_told_apart(log: Log) -> None:
    """Repeating it would block a partition for ever."""
    if isinstance(log, MemoryLog):
        pytest.skip("memory has room")
    with pytest.raises(LogTooLong):
        await log.append(0, [fact(1, size=2_000_000)])


async def test_a_batch_that_is_larger_than_a_fetch_is_read_whole(log: Log) -> None:
    """A broker goes beyond the size that was asked for rather than let a reader stand still."""
    first = await log.append(0, [fact(number, size=90_000) for number in range(10)])
    await log.append(0, [fact(10)])
    found = await read_all(log, 0, first, 11)
    assert [dict(each.headers)["ce_id"] for each in found] == [b"f%d" % number for number in range(11)]


async def test_commands_keep_their_order_per_key(log: Log) -> None:
    """A phone is dialled before it is hung up."""
    await log.send([Outgoing("telephony", "volga", fact(number).headers, b"{}") for number in range(5)])


async def test_a_log_is_named_once_by_whoever_comes_first(log: Log) -> None:
    """Another log under the same address must be told from this one."""
    names = iter(("first", "second"))
    assert await identity.log_id(log, 0, lambda: next(names)) == "first"
    assert await identity.log_id(log, 0, lambda: next(names)) == "first"


@pytest.mark.parametrize("log", ["apache"], indirect=True)
async def test_apache_kafka_keeps_time_of_its_own(log: Log) -> None:
    """Deadlines follow the log's time, whatever a writer's clock says (EC-107)."""
    assert await identity.has_time(log, 0, "test")


@pytest.mark.parametrize("log", ["embedded"], indirect=True)
async def test_the_embedded_broker_keeps_no_time(log: Log) -> None:
    """It is for demos on loopback, and the probe detects it."""
    assert not await identity.has_time(log, 0, "test")


@pytest.mark.parametrize("log", ["memory", "apache"], indirect=True)
async def test_an_offset_that_the_log_does_not_have_is_an_error(log: Log) -> None:
    """Silence would look like an idle partition."""
    await log.append(0, [fact(1)])
    with pytest.raises(OffsetOutOfRange):
        await _read_until_it_raises(log)


async def _read_until_it_raises(log: Log) -> None:
    for _ in range(20):
        await log.read(0, 1000, records_max=10, wait_ms=250)
