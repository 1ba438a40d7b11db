"""A subscription with turns: a flood waits behind itself, and only what is finished is committed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import TopicPartition

from contracts.codec import Envelope, encode, headers
from contracts.directory import Language
from contracts.ids import NoticeId, OrganizationId
from contracts.message import type_name
from contracts.topics import SPEECH
from contracts.tts import RenderNotice
from runtime import edge_progress
from runtime.edge import Heard, Subscription
from runtime.edge_runner import SubscriptionRunner

FLOOD, NEIGHBOUR = OrganizationId("flood"), OrganizationId("neighbour")
AT = TopicPartition("speech", 0)


class Record:
    """A record as the consumer gives it."""

    topic, partition, timestamp = "speech", 0, 1

    def __init__(self, offset: int, organization_id: OrganizationId) -> None:
        message = RenderNotice(
            notice_id=NoticeId(f"n{offset}"), version=1, language=Language.ENGLISH, text="…"
        )
        made = Envelope(
            id=f"c{offset}", type=type_name(message), source="directory", organization_id=organization_id
        )
        self.offset, self.headers, self.value = offset, tuple(headers(made)), encode(message)


class Consumer:
    """Keeps what is committed."""

    def __init__(self) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self.is_stopped = False

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.committed.update(offsets)

    async def stop(self) -> None:
        self.is_stopped = True


class Reading:
    """A runner that is given records by hand, whose handlers end when the test says so."""

    def __init__(self, **options: Any) -> None:
        self.began: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.consumer = Consumer()
        plain: dict[str, Any] = {"concurrency_max": 4, "per_organization_max": 2}
        subscription = Subscription(
            topic=SPEECH, hears=(RenderNotice,), handle=self._handle, **{**plain, **options}
        )
        self.runner = SubscriptionRunner("tts", subscription, None)  # type: ignore[arg-type]  # nothing is sent
        self.runner._consumer = self.consumer

    async def _handle(self, heard: Heard) -> None:
        self.began.append(heard.envelope.id)
        await self.ends.setdefault(heard.envelope.id, asyncio.Event()).wait()

    async def read(self, offset: int, organization_id: OrganizationId) -> None:
        await asyncio.wait_for(self.receive(Record(offset, organization_id)), 1)
        await asyncio.sleep(0)

    async def receive(self, record: Record) -> None:
        await self.runner._receive(self.consumer, record)

    async def end(self, *offsets: int) -> None:
        for offset in offsets:
            self.ends[f"c{offset}"].set()
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def reading() -> AsyncIterator[Reading]:
    """A runner whose handlers end with the test."""
    made = Reading()
    yield made
    made.runner._is_stopping = True
    for task in list(made.runner._tasks):
        task.cancel()
    await asyncio.gather(*made.runner._tasks, return_exceptions=True)


@pytest.mark.rule("O1")
async def test_a_neighbours_command_begins_while_a_flood_waits_for_its_turns(reading: Reading) -> None:
    """Ten thousand notices of one company are not read to their end before another's single one begins."""
    for offset in range(10_000):
        await reading.read(offset, FLOOD)
    await reading.read(10_000, NEIGHBOUR)
    assert reading.began == ["c0", "c1", "c10000"]


async def test_an_organizations_commands_begin_in_their_order_and_so_many_at_once(reading: Reading) -> None:
    """As each ends, the next one begins."""
    for offset in range(5):
        await reading.read(offset, FLOOD)
    assert reading.began == ["c0", "c1"]
    await reading.end(1)
    assert reading.began == ["c0", "c1", "c2"]


async def test_only_what_is_finished_is_committed_whatever_overtook_it(reading: Reading) -> None:
    """After a crash what waited for its turn comes again."""
    for offset in range(4):
        await reading.read(offset, FLOOD)
    await reading.read(4, NEIGHBOUR)
    await reading.end(1, 4)
    await reading.runner.commit()
    assert reading.consumer.committed == {AT: 0}
    await reading.end(0)
    await reading.runner.commit()
    assert reading.consumer.committed == {AT: 2}
    await reading.end(2, 3)
    await reading.runner.commit()
    assert reading.consumer.committed == {AT: 5}


async def test_beyond_its_bounds_nothing_more_is_read_until_a_turn_comes(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with what somebody writes."""
    for name, most in (("AHEAD_MAX", 3), ("AHEAD_BYTES_MAX", 10**9)):
        monkeypatch.setattr(edge_progress, name, most)
    for offset in range(5):
        await reading.read(offset, FLOOD)
    waiting = asyncio.create_task(reading.receive(Record(5, FLOOD)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await reading.end(0)
    await asyncio.wait_for(waiting, 1)


async def test_the_bytes_read_in_advance_are_bounded_too(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few large commands take the place of many small ones."""
    monkeypatch.setattr(edge_progress, "AHEAD_BYTES_MAX", 3 * len(Record(0, FLOOD).value))
    for offset in range(5):
        await reading.read(offset, FLOOD)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reading.receive(Record(5, FLOOD))


async def test_what_another_process_was_given_is_not_begun_here(reading: Reading) -> None:
    """Records that wait for their turn belong to the partition's next owner."""
    for offset in range(4):
        await reading.read(offset, FLOOD)
    reading.runner._progress.forget([AT])
    await reading.end(0, 1)
    assert reading.began == ["c0", "c1"]


async def test_a_stop_begins_nothing_more_and_commits_what_is_done(reading: Reading) -> None:
    """What waits comes again at the next start."""
    for offset in range(4):
        await reading.read(offset, FLOOD)
    stopping = asyncio.create_task(reading.runner.finish())
    await asyncio.sleep(0)
    await reading.end(0, 1)
    await asyncio.wait_for(stopping, 1)
    assert reading.began == ["c0", "c1"]
    assert reading.consumer.committed == {AT: 2}
