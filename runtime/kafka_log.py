"""The log on Kafka, by aiokafka: reads by offset, sends to explicit partitions, acknowledged by all replicas.

Each partition is read by its own consumer, which belongs to no group: its long poll returns the moment a
record comes, and a rebalance never hands it records from an old position. It fetches only while somebody
reads: what comes meanwhile is fetched at once by the next read, and a seek waits for no poll. One more
consumer answers questions about offsets, which would wait behind a poll. A last one belongs to the group and
learns from it which partitions are ours; it pauses them at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.errors import OffsetOutOfRangeError as KafkaOffsetOutOfRange
from aiokafka.partitioner import murmur2

from contracts.topics import FACTS
from runtime import kafka_clients
from runtime.kafka_clients import Clients, Consumer
from runtime.ports import (
    Gained,
    LogRecord,
    LogTooLong,
    LogUnavailable,
    Lost,
    OffsetOutOfRange,
    Outgoing,
)

ANSWER_MS_MAX: Final = 10_000
"""A send or a fetch that takes longer has an unclear outcome and is repeated."""
FETCH_WAIT_MS: Final = 2_000
"""A broker answers at once when a record comes. Polls of half a second were most of what an idle service
used."""
IDLE_ROUND_MS: Final = 5_000
"""How often aiokafka's fetcher looks around when nothing wakes it, for each consumer."""
BATCH_BYTES_MAX: Final = 1_000_000
"""Just under Kafka's default `message.max.bytes`."""
FETCH_BYTES_MAX: Final = 512 * 1024
"""About two reads of `records_max`; a broker answers with a larger batch whole. A claim reads one record, and
what came with it stays in memory, in each partition, until Python looks for cycles. 100,000 records are read
in 0.32 s by a megabyte at a time, in 0.36 s by half of one, in 0.45 s by a quarter."""
SILENT_MS_MAX: Final = 15_000
"""A broker answers a fetch at least every two seconds; fifteen seconds of silence is an outage."""
SESSION_MS: Final = 20_000
"""After how long a killed replica's partitions move; a rolling restart of one replica takes less."""
POLL_MS_MAX: Final = 300_000

_log = structlog.get_logger()


class LogRefused(LogUnavailable):
    """The broker does not let us in: somebody must change a setting or a right."""


class KafkaLog:
    """The topics of one installation. `group` None: this process takes every partition itself."""

    def __init__(
        self,
        kafka: Clients | str,
        *,
        prefix: str,
        group: str | None = None,
        replica: str = "",
        client_id: str = "ringback",
        session_ms: int = SESSION_MS,
    ) -> None:
        self.partitions = 0
        self.session_ms = session_ms
        self._clients = kafka_clients.of(kafka)
        self._bootstrap = self._clients.bootstrap
        self._prefix = prefix
        self._group = group
        self._replica = replica
        self._client_id = client_id
        self._readers: dict[int, Consumer] = {}
        self._reader_locks: dict[int, asyncio.Lock] = {}
        self._positions: dict[int, int] = {}
        self._fetching_since: dict[int, float] = {}
        """The partitions that are being fetched, and since when (s, as in time.time)."""
        self._asking: Consumer | None = None
        self._asking_lock = asyncio.Lock()
        self._membership: _Membership | None = None
        self._lost: Lost | None = None
        self._counts: dict[str, int] = {}
        self._send_locks: dict[tuple[str, int], asyncio.Lock] = {}

    async def start(self) -> None:
        """Connect. Raises LogUnavailable, and LogRefused where trying again is of no use."""
        self._producer = self._clients.producer(
            client_id=self._client_id,
            acks="all",
            # Store, then say makes repeats harmless: the idempotent producer has open bugs and is not needed.
            enable_idempotence=False,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=2 * BATCH_BYTES_MAX,
            request_timeout_ms=ANSWER_MS_MAX,
            linger_ms=0,
        )
        try:
            await self._producer.start()
            self.partitions = await self.count(FACTS.name)
        except LogUnavailable:
            await self._producer.stop()
            raise
        except (KafkaError, OSError, TimeoutError) as error:
            await self._producer.stop()
            refusal = await self._clients.refusal()
            if refusal is None:
                why = f"{self._bootstrap}: {error!r}; check that it runs, and that RINGBACK_KAFKA is right"
                raise LogUnavailable(why) from error
            kind = LogUnavailable if refusal.may_pass else LogRefused
            raise kind(refusal.words) from error

    async def stop(self) -> None:
        """Finish pending sends and disconnect."""
        if self._membership is not None:
            await self._membership.stop()
        for reader in self._readers.values():
            await reader.stop()
        self._readers.clear()
        if self._asking is not None:
            await self._asking.stop()
            self._asking = None
        await self._producer.stop()

    async def count(self, topic: str) -> int:
        """How many partitions a topic has; the number never changes."""
        if topic not in self._counts:
            # All topics' metadata: asking for one by name would make some brokers create it.
            cluster = await self._producer.client.fetch_all_metadata()
            found = cluster.partitions_for_topic(self._prefix + topic)
            if not found:
                raise LogUnavailable(
                    f"there is no topic {self._prefix + topic} on {self._bootstrap} that our user may see: "
                    "`python -m ringback topics` makes it, `python -m ringback acls` says who may see it; "
                    "check RINGBACK_TOPIC_PREFIX"
                )
            self._counts[topic] = len(found)
        return self._counts[topic]

    async def refusal(self) -> str | None:
        """Why the broker lets us in no more, in words; None while it does, or if it is only away."""
        found = await self._clients.refusal_of(self._producer)
        return None if found is None else found.words

    async def own(self, gained: Gained, lost: Lost) -> None:
        """Take all partitions, or join the group and take what it gives."""
        self._lost = lost
        if self._group is None:
            await gained(tuple(range(self.partitions)))
            return
        self._membership = _Membership(
            self._clients,
            self._prefix + FACTS.name,
            self._group,
            self._replica,
            gained,
            lost,
            self.session_ms,
        )
        await self._membership.start()

    async def disown(self) -> None:
        """Finish every partition, then leave the group, so that the next owner finds nothing half done."""
        if self._lost is not None:
            await self._lost(tuple(range(self.partitions)))
        if self._membership is not None:
            await self._membership.stop()
            self._membership = None

    async def _reader(self, partition: int) -> Consumer:
        reader = self._readers.get(partition)
        if reader is None:
            reader = self._clients.consumer(
                client_id=f"{self._client_id}-{partition}",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=FETCH_WAIT_MS,
                consumer_timeout_ms=IDLE_ROUND_MS,
                max_partition_fetch_bytes=FETCH_BYTES_MAX,
                request_timeout_ms=ANSWER_MS_MAX,
            )
            await reader.start()
            reader.assign([self._topic_partition(partition)])
            # Set a position before the first fetch; otherwise aiokafka applies its reset policy, which is
            # `none`.
            reader.seek(self._topic_partition(partition), 0)
            self._positions[partition] = 0
            self._readers[partition] = reader
        return reader

    def _topic_partition(self, partition: int) -> TopicPartition:
        return TopicPartition(self._prefix + FACTS.name, partition)

    async def read(self, partition: int, offset: int, *, records_max: int, wait_ms: int) -> list[LogRecord]:
        """Records from `offset` on, seeking only when we are not there already."""
        async with self._reader_locks.setdefault(partition, asyncio.Lock()):
            found = self._topic_partition(partition)
            try:
                reader = await self._reader(partition)
                if self._positions[partition] != offset:
                    reader.seek(found, offset)
                    self._positions[partition] = offset
                if partition not in self._fetching_since:
                    reader.resume(found)
                    self._fetching_since[partition] = time.time()
                # A wait of zero would return before a fetch could be sent.
                records = await reader.getmany(found, timeout_ms=max(wait_ms, 5), max_records=records_max)
                if records:
                    # Before the fetcher, which has been told of the room, has had its turn.
                    reader.pause(found)
                    del self._fetching_since[partition]
            except KafkaOffsetOutOfRange as error:
                self._positions[partition] = -1
                raise OffsetOutOfRange(offset) from error
            except (KafkaError, OSError, TimeoutError) as error:
                self._positions[partition] = -1
                raise LogUnavailable(f"{type(error).__name__}: {error}") from error
            heard = [
                LogRecord(partition, each.offset, each.timestamp, tuple(each.headers), each.value)
                for each in records.get(found, ())
            ]
            if heard:
                self._positions[partition] = heard[-1].offset + 1
            else:
                self._demand_answers(reader, partition)
            return heard

    def _demand_answers(self, reader: Consumer, partition: int) -> None:
        """Raise when the broker is silent: aiokafka waits for it without an error, which hides the outage."""
        answered_at = reader.last_poll_timestamp(self._topic_partition(partition))
        asked_at = 1000 * self._fetching_since[partition]
        if answered_at is not None and time.time() * 1000 - max(answered_at, asked_at) > SILENT_MS_MAX:
            raise LogUnavailable(f"{self._bootstrap} has not answered a fetch for {SILENT_MS_MAX // 1000} s")

    async def oldest(self, partition: int) -> int:
        """The oldest retained offset, from the broker."""
        return await self._asked(partition, lambda asking, found: asking.beginning_offsets([found]))

    async def next_offset(self, partition: int) -> int:
        """The offset that the next record will have, from the broker."""
        return await self._asked(partition, lambda asking, found: asking.end_offsets([found]))

    async def _asked(
        self, partition: int, ask: Callable[[Consumer, TopicPartition], Awaitable[dict[TopicPartition, int]]]
    ) -> int:
        found = self._topic_partition(partition)
        try:
            return int((await ask(await self._offsets(), found))[found])
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"{type(error).__name__}: {error}") from error

    async def _offsets(self) -> Consumer:
        """The consumer that is asked about offsets, and never fetches."""
        async with self._asking_lock:
            if self._asking is None:
                asking = self._clients.consumer(
                    client_id=f"{self._client_id}-offsets",
                    group_id=None,
                    enable_auto_commit=False,
                    auto_offset_reset="none",
                    consumer_timeout_ms=IDLE_ROUND_MS,
                    request_timeout_ms=ANSWER_MS_MAX,
                )
                await asking.start()
                self._asking = asking
            return self._asking

    async def append(self, partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        """One record batch to one partition of the facts."""
        return await self._send_batch(FACTS.name, partition, records, at)

    async def _send_batch(
        self, topic: str, partition: int, records: Sequence[Outgoing], at: int | None = None
    ) -> int:
        # aiokafka takes a batch's first record whatever its size; only the broker would refuse it.
        if sum(_bytes(record) for record in records) > BATCH_BYTES_MAX:
            raise LogTooLong(f"{len(records)} records for {topic} are larger than {BATCH_BYTES_MAX} bytes")
        batch = self._producer.create_batch()
        now_ms = time.time_ns() // 1_000_000 if at is None else at
        for record in records:
            added = batch.append(
                timestamp=now_ms, key=record.key.encode(), value=record.value, headers=list(record.headers)
            )
            if added is None:
                raise LogTooLong(
                    f"{len(records)} records for {topic} are larger than {BATCH_BYTES_MAX} bytes"
                )
        batch.close()
        # aiokafka 0.14 takes one batch per partition at a time, and counts a waiting batch's time again
        # for each batch before it: many concurrent senders would get a timeout too soon.
        adding = self._send_locks.setdefault((topic, partition), asyncio.Lock())
        try:
            async with adding:
                sent = await self._producer.send_batch(batch, self._prefix + topic, partition=partition)
            return int((await sent).offset)
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise LogTooLong(f"{topic}: {error}") from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"{topic}: {type(error).__name__}: {error}") from error

    async def partition_of(self, topic: str, key: str) -> int:
        """The partition of a topic that a key's records are in."""
        return partition_of(key, await self.count(topic))

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send commands to their topics: in order within a partition, different partitions concurrently."""
        by_partition: dict[tuple[str, int], list[Outgoing]] = {}
        for record in records:
            partition = await self.partition_of(record.topic, record.key)
            by_partition.setdefault((record.topic, partition), []).append(record)
        sendings = [
            self._send_in_order(topic, partition, found) for (topic, partition), found in by_partition.items()
        ]
        # Every send ends before anything is sent again, so that none can arrive after its repeat.
        outcomes = await asyncio.gather(*sendings, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _send_in_order(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        for batch in _batches(records):
            await self._send_batch(topic, partition, batch)

    async def commit(self, partition: int, offset: int) -> None:
        """Commit an offset for lag and autoscaling; only a group has committed offsets."""
        if self._membership is not None:
            await self._membership.commit(partition, offset)


def partition_of(key: str, count: int) -> int:
    """A key's partition among so many, as in every Kafka client's default partitioner."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % count


def _bytes(record: Outgoing) -> int:
    """The most that a record takes in a batch: 64 bytes are its framing."""
    return len(record.value) + sum(len(name) + len(value) + 8 for name, value in record.headers) + 64


def _batches(records: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Group records in order into batches that the broker accepts."""
    batch: list[Outgoing] = []
    size = 0
    for record in records:
        if batch and size + _bytes(record) > BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += _bytes(record)
    if batch:
        yield batch


class _Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Belongs to the group but reads nothing: its partitions are paused the moment they are assigned."""

    def __init__(
        self,
        clients: Clients,
        topic: str,
        group: str,
        replica: str,
        gained: Gained,
        lost: Lost,
        session_ms: int,
    ) -> None:
        self._topic = topic
        self._gained = gained
        self._lost = lost
        self._consumer = clients.consumer(
            group_id=group,
            # aiokafka has no cooperative rebalancing. With a static name, a replica that returns within the
            # session timeout takes its partitions back, and no other replica stops.
            group_instance_id=f"{group}.{replica}" if replica else None,
            enable_auto_commit=False,
            # It never fetches; `none` would make its polls raise for every partition without a commit.
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=kafka_clients.heartbeat_ms(session_ms),
            max_poll_interval_ms=POLL_MS_MAX,
            consumer_timeout_ms=IDLE_ROUND_MS,
            request_timeout_ms=ANSWER_MS_MAX + session_ms,
        )
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the group; the listener gets the partitions."""
        self._consumer.subscribe([self._topic], listener=self)
        try:
            await self._consumer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"{type(error).__name__}: {error}") from error
        self._polling = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        """Leave the group; the listener's `lost` gives its partitions back."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait((self._polling,))
            self._polling = None
            await self._consumer.stop()

    async def _poll(self) -> None:
        """Poll, since the group expels a member that does not within `max_poll_interval_ms`."""
        while True:
            try:
                await self._consumer.getmany(timeout_ms=1000)
            except KafkaError as error:
                _log.warning("the group gives no partitions, and is asked again", error=repr(error))
                await asyncio.sleep(1)

    def on_partitions_assigned(self, assigned: Any) -> Any:
        """Pause synchronously, before any fetch can be sent; then claim and load."""
        self._consumer.pause(*assigned)
        return self._gained(tuple(sorted(each.partition for each in assigned)))

    def on_partitions_revoked(self, revoked: Any) -> Any:
        """Finish the current batch before the group goes on."""
        return self._lost(tuple(sorted(each.partition for each in revoked)))

    async def commit(self, partition: int, offset: int) -> None:
        """Commit an explicit offset for one partition."""
        try:
            await self._consumer.commit({TopicPartition(self._topic, partition): offset})
        except (KafkaError, OSError, TimeoutError, ValueError) as error:
            raise LogUnavailable(f"{type(error).__name__}: {error}") from error
