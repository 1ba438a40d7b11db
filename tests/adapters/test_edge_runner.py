"""What edges require: every command is handled, then committed; unreadable records stop nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from contracts.codec import Envelope, encode, envelope, headers
from contracts.directory import Language
from contracts.ids import NoticeId, OrganizationId
from contracts.message import Message, type_name
from contracts.topics import FACTS, SPEECH
from contracts.tts import NoticeFailed, RenderNotice
from ringback.topics import create_topics
from runtime.edge import Handle, Heard, Subscription
from runtime.edge_runner import KafkaSay, SubscriptionRunner
from runtime.kafka_clients import Clients
from runtime.kafka_log import KafkaLog
from runtime.ports import LogRecord, Outgoing

ACME = OrganizationId("acme")
COMMANDS = 20


class Broker:
    """A broker with fresh topics, on which an edge may be started repeatedly."""

    def __init__(self, bootstrap: str, prefix: str, *, group: str | None, log: KafkaLog) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.group = group
        self.log = log

    @asynccontextmanager
    async def edge(self, handle: Handle, **options: Any) -> AsyncIterator[SubscriptionRunner]:
        """An edge that renders notices, until the block ends."""
        plain: dict[str, Any] = {"topic": SPEECH, "hears": (RenderNotice,), "handle": handle}
        runner = SubscriptionRunner("tts", Subscription(**{**plain, **options}), self.log)
        await runner.start(Clients(self.bootstrap), prefix=self.prefix, group=self.group, replica="")
        reading = asyncio.create_task(runner.run())
        yield runner
        await runner.finish()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def command(self, number: int, *, value: bytes | None = None) -> None:
        """A command to render a notice."""
        message = RenderNotice(
            notice_id=NoticeId(f"n{number}"), version=1, language=Language.RUSSIAN, text="…"
        )
        made = Envelope(
            id=f"c{number}", type=type_name(message), source="directory", organization_id=ACME, seq=number
        )
        await self.log.send(
            [Outgoing("speech", ACME, tuple(headers(made)), encode(message) if value is None else value)]
        )


@pytest.fixture(params=["embedded", "apache"])
async def broker(request: pytest.FixtureRequest, fresh_prefix: str) -> AsyncIterator[Broker]:
    """Partitions by hand on the embedded broker, by group on Apache Kafka."""
    bootstrap = request.getfixturevalue(f"kafka_{request.param}")
    await create_topics(bootstrap, f"{fresh_prefix}.")
    log = KafkaLog(bootstrap, prefix=f"{fresh_prefix}.")
    await log.start()
    group = "tts" if request.param == "apache" else None
    yield Broker(bootstrap, f"{fresh_prefix}.", group=group, log=log)
    await log.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most twenty seconds."""
    for _ in range(400):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to hold")


def names(heard: list[Message]) -> list[str]:
    return [each.notice_id for each in heard if isinstance(each, RenderNotice)]


async def test_every_command_is_handled_and_after_a_restart_none_again(broker: Broker) -> None:
    """Finished commands are committed; later ones are not missed."""
    heard: list[Message] = []

    async def handle(found: Heard) -> None:
        heard.append(found.message)

    for number in range(COMMANDS):
        await broker.command(number)
    async with broker.edge(handle):
        await until(lambda: len(heard) == COMMANDS)
    assert sorted(names(heard)) == sorted(f"n{number}" for number in range(COMMANDS))
    heard.clear()
    await broker.command(100)
    async with broker.edge(handle):
        await until(lambda: len(heard) >= 1)
        await asyncio.sleep(0.5)
    assert names(heard) == ["n100"]


@pytest.mark.parametrize("broker", ["apache"], indirect=True)
async def test_what_is_not_finished_is_the_lag(broker: Broker) -> None:
    """A record that is being handled still counts; the embedded broker tells no true end of its log."""
    begun: list[str] = []
    may_end = asyncio.Event()

    async def wait(found: Heard) -> None:
        begun.append(found.envelope.id)
        await may_end.wait()

    def behind() -> float:
        labels = [{"reader": "tts", "topic": "speech", "partition": str(each)} for each in range(8)]
        return sum(REGISTRY.get_sample_value("ringback_lag_records", each) or 0.0 for each in labels)

    for number in range(3):
        await broker.command(number)
    async with broker.edge(wait) as runner:
        await until(lambda: bool(begun))
        await runner.show_lag()
        assert behind() == 3.0
        may_end.set()
        await until(lambda: len(begun) == 3)
        await asyncio.sleep(0)
        await runner.show_lag()
        assert behind() == 0.0


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_the_lag_of_a_partition_that_went_elsewhere_is_not_told_any_more(broker: Broker) -> None:
    """Its last figure would stand for ever on the replica that reads it no more."""

    async def handle(_found: Heard) -> None:
        return

    def told() -> set[int]:
        labels = {each: {"reader": "tts", "topic": "speech", "partition": str(each)} for each in range(8)}
        name = "ringback_lag_records"
        return {each for each, found in labels.items() if REGISTRY.get_sample_value(name, found) is not None}

    async with broker.edge(handle) as runner:
        await runner.show_lag()
        consumer = runner._consumer
        assert consumer is not None
        assigned = sorted(consumer.assignment())
        assert told() == {at.partition for at in assigned}
        consumer.assign(assigned[:1])
        await runner.show_lag()
        assert told() == {assigned[0].partition}


async def test_what_was_not_finished_comes_again(broker: Broker) -> None:
    """A crash in the middle of a rendering costs a rendering, never a notice."""
    begun: list[str] = []

    async def hang(found: Heard) -> None:
        begun.append(found.envelope.id)
        if found.envelope.id == "c0":
            await asyncio.sleep(3600)

    await broker.command(0)
    await broker.command(1)
    async with broker.edge(hang) as runner:
        await until(lambda: len(begun) == 2)
        await runner.commit()
        for task in list(runner._tasks):
            task.cancel()
    heard: list[Message] = []

    async def handle(found: Heard) -> None:
        heard.append(found.message)

    async with broker.edge(handle):
        await until(lambda: len(heard) >= 2)
    assert names(heard) == ["n0", "n1"]


async def test_a_handler_that_fails_is_called_again(broker: Broker) -> None:
    """A handler succeeds after a passing fault."""
    tries: list[str] = []

    async def handle(found: Heard) -> None:
        tries.append(found.envelope.id)
        if len(tries) < 3:
            raise OSError("the disk is busy")

    await broker.command(0)
    async with broker.edge(handle):
        await until(lambda: len(tries) == 3)
    assert tries == ["c0", "c0", "c0"]


async def test_what_can_not_be_read_or_done_becomes_a_dead_letter(broker: Broker) -> None:
    """The dead letter has the bytes and the reason; the next command is still handled."""
    heard: list[str] = []

    async def handle(found: Heard) -> None:
        if found.envelope.id == "c2":
            raise ValueError("never")
        heard.append(found.envelope.id)

    await broker.command(1, value=b"{")
    await broker.command(2)
    await broker.command(3)
    async with broker.edge(handle, tries_max=2):
        await until(lambda: heard == ["c3"])
        await asyncio.sleep(1)
    letters = KafkaLog(broker.bootstrap, prefix=broker.prefix)
    await letters.start()
    found = await _records(letters, "dead-letters")
    await letters.stop()
    reasons = sorted(dict(each.headers)["dl_reason"].decode() for each in found)
    assert len(reasons) == 2
    assert reasons[0].startswith("after 2 tries: ValueError")
    assert reasons[1].startswith("speech.render_notice")


async def _records(log: KafkaLog, topic: str) -> list[LogRecord]:
    """Every record of a topic with one partition."""
    from aiokafka import TopicPartition

    at = TopicPartition(log._prefix + topic, 0)
    consumer = Clients(log._bootstrap).consumer(auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([at])
    found: list[Any] = []
    for _ in range(20):
        found += (await consumer.getmany(at, timeout_ms=200)).get(at, [])
    await consumer.stop()
    return found


async def test_one_after_the_other_means_in_the_order_of_the_log(broker: Broker) -> None:
    """A gateway must not hang up before it has dialled."""
    began: list[str] = []
    under_way = 0

    async def handle(found: Heard) -> None:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await asyncio.sleep(0.01)
        began.append(found.envelope.id)
        under_way -= 1

    for number in range(COMMANDS):
        await broker.command(number)
    async with broker.edge(handle, concurrency_max=1):
        await until(lambda: len(began) == COMMANDS)
    assert began == [f"c{number}" for number in range(COMMANDS)]


async def test_what_is_said_is_read_back_from_the_start_every_time(broker: Broker) -> None:
    """A gateway rebuilds its legs so, and learns that its facts are on the log."""
    say = KafkaSay(broker.log)
    fact = NoticeFailed(notice_id=NoticeId("n"), version=1, reason="", is_final=False)
    said = await say([fact, fact], organization_id=ACME, source="gateway/volga", seq=5, incarnation=7)
    assert said[1].offset == said[0].offset + 1
    for _ in range(2):
        heard: list[Heard] = []

        async def handle(found: Heard, heard: list[Heard] = heard) -> None:
            heard.append(found)

        async with broker.edge(
            handle, topic=FACTS, hears=(NoticeFailed,), from_start=True, concurrency_max=1
        ):
            await until(lambda heard=heard: len(heard) == 2)  # type: ignore[misc]
        assert [(each.envelope.seq, each.envelope.incarnation) for each in heard] == [(5, 7), (6, 7)]
        assert [each.offset for each in heard] == [each.offset for each in said]
        assert envelope(headers(heard[0].envelope)) == heard[0].envelope
