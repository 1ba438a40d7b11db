"""Runs an edge's subscriptions: raw records, decoded one by one, committed when done.

Most facts are for others, and every edge reads all of them: a record is skipped by its header before anything
else is done with it. What is committed is the offset up to which every handler has finished.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from opentelemetry import trace

from contracts.codec import (
    VALUE_BYTES_MAX,
    Envelope,
    Malformed,
    UnknownType,
    decode,
    encode,
    envelope,
    headers,
)
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact, type_name
from contracts.topics import FACTS
from runtime import metrics
from runtime.edge import ALL, NONE, Heard, LeftToAnother, NeverSaid, NotSaid, Said, Share, Subscription
from runtime.edge_progress import Ahead, Progress
from runtime.host.outgoing import dead_letter
from runtime.kafka_clients import Clients, Consumer, group_of, heartbeat_ms, leaves_when_it_stops
from runtime.kafka_log import IDLE_ROUND_MS, POLL_MS_MAX, KafkaLog, partition_of
from runtime.ports import LogTooLong, LogUnavailable, Outgoing

PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 30.0
AGAIN_S: Final = 1.0
COMMIT_S: Final = 0.5
"""A crash makes handlers repeat at most half a second of commands, all safe to repeat."""
FETCH_WAIT_MS: Final = 100
LINGER_BYTES: Final = 65_536
"""So many are worth a fetch of their own: a hundred records of facts."""
CAUGHT_UP_S: Final = 0.2
STOP_S_MAX: Final = 8.0
"""How long handlers may take to finish at a stop; unfinished commands come again."""

_log = structlog.get_logger()
_tracer = trace.get_tracer("ringback.edge")


class KafkaSay:
    """Says an edge's facts on Kafka; see runtime.edge.Say."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log

    async def __call__(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        """One record batch on the organization's partition."""
        if not facts:
            return ()
        records = [
            said_record(
                fact,
                organization_id=organization_id,
                source=source,
                cause=cause if isinstance(cause, str) else cause[index],
                seq=seq + index if seq else 0,
                incarnation=incarnation,
                index=index,
            )
            for index, fact in enumerate(facts)
        ]
        for record, fact in zip(records, facts, strict=True):
            if len(record.value) > VALUE_BYTES_MAX:
                size = f"{len(record.value)} bytes, and readers take {VALUE_BYTES_MAX}"
                raise NeverSaid(f"{type_name(fact)} has {size}")
        try:
            partition = await self._log.partition_of(FACTS.name, organization_id)
            first = await self._log.append(partition, records)
        except LogTooLong as error:
            raise NeverSaid(str(error)) from error
        except LogUnavailable as error:
            raise NotSaid(str(error)) from error
        for fact in facts:
            metrics.SAID.counted[(type_name(fact),)] += 1
        return tuple(Said(partition=partition, offset=first + index) for index in range(len(records)))


def said_record(
    fact: Fact,
    *,
    organization_id: OrganizationId,
    source: str,
    cause: str,
    seq: int,
    incarnation: int,
    index: int,
) -> Outgoing:
    """An edge's fact as a record. Its id follows from its number, or from what it answers."""
    unique = f"{incarnation}/{seq}" if seq else f"{cause}/{index}"
    made = Envelope(
        id=f"{source}/{organization_id}/{unique}",
        type=type_name(fact),
        source=source,
        organization_id=organization_id,
        seq=seq,
        incarnation=incarnation,
        cause=cause,
    )
    return Outgoing(FACTS.name, organization_id, tuple(headers(made)), _as_text(fact), 0)


def _as_text(fact: Fact) -> bytes:
    """The fact's value, whatever bytes somebody outside has sent.

    Libraries turn bytes that are not UTF-8 into lone surrogates (`surrogateescape`), which no record may
    hold. Edges should decode such bytes themselves. One that slips through must not undo what was done: an
    accepted letter would be sent again because its server's greeting can't be stored.
    """
    try:
        return encode(fact)
    except UnicodeEncodeError:
        _log.warning("text in a fact is no text: unreadable characters are replaced", type=type_name(fact))
        return encode(msgspec.convert(_readable(msgspec.to_builtins(fact)), type(fact)))


def _readable(value: Any) -> Any:
    """The same value, with each lone surrogate replaced."""
    match value:
        case str():
            # UTF-16 joins the two surrogates of a pair.
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_readable(key): _readable(each) for key, each in value.items()}
        case list() | tuple():
            return [_readable(each) for each in value]
        case _:
            return value


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Passes on what the group gives and takes; at each rebalance aiokafka revokes all, then assigns."""

    def __init__(self, runner: "SubscriptionRunner") -> None:
        self._runner = runner

    def on_partitions_revoked(self, revoked: Any) -> None:
        self._runner.revoked(revoked)

    def on_partitions_assigned(self, assigned: Any) -> Any:
        return self._runner.assigned(assigned)


class SubscriptionRunner:
    """One subscription on one broker connection."""

    def __init__(self, edge: str, subscription: Subscription, log: KafkaLog) -> None:
        self._edge = edge
        self._subscription = subscription
        self._log = log
        self._hears = {type_name(found) for found in subscription.hears}
        self._room = asyncio.Semaphore(subscription.concurrency_max)
        most = subscription.per_organization_max
        self._ahead = None if most is None else Ahead(most)
        self._progress = Progress()
        self._partitions: frozenset[int] = frozenset()
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._consumer: Consumer | None = None
        self._is_stopping = False
        self._lag_shown: set[int] = set()
        """The partitions whose lag we tell."""
        self.newest_at = Instant(0)

    async def start(self, clients: Clients, *, prefix: str, group: str | None, replica: str) -> None:
        """Connect. `group` None: every partition, by hand. Raises KafkaError."""
        if self._is_stopping:
            return
        subscription = self._subscription
        topic = prefix + subscription.topic.name
        group_id = group_of(prefix, self._edge, subscription.topic)
        options: dict[str, Any] = {
            "client_id": f"ringback-{self._edge}-edge",
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": subscription.linger_ms or FETCH_WAIT_MS,
            "fetch_min_bytes": LINGER_BYTES if subscription.linger_ms else 1,
            "consumer_timeout_ms": IDLE_ROUND_MS,
            "max_poll_interval_ms": POLL_MS_MAX,
        }
        self._count = await self._log.count(subscription.topic.name)
        if subscription.from_start or group is None:
            consumer = clients.consumer(**options, group_id=None if subscription.from_start else group_id)
            consumer.assign([TopicPartition(topic, partition) for partition in range(self._count)])
            self._partitions = frozenset(range(self._count))
            if subscription.on_share is not None:
                await subscription.on_share(ALL)
        else:
            consumer = clients.consumer(
                **options,
                group_id=group_id,
                # A static name: a replica that returns in time takes its partitions back.
                group_instance_id=f"{group_id}.{replica}" if replica else None,
                session_timeout_ms=self._log.session_ms,
                heartbeat_interval_ms=heartbeat_ms(self._log.session_ms),
            )
            consumer.subscribe([topic], listener=_Rebalances(self))
        await consumer.start()
        self._consumer = consumer

    @property
    def is_from_start(self) -> bool:
        """Whether it reads its topic from the oldest record, in no group."""
        return self._subscription.from_start

    def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """A rebalance begins. Most partitions come back, so nothing is let go of yet."""
        self._progress.forget(partitions)

    async def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """The group has given these partitions, and no other."""
        count, ours = self._count, frozenset(each.partition for each in partitions)
        self._partitions = ours
        if self._subscription.on_share is not None and not self._is_stopping:
            await self._subscription.on_share(
                Share(is_ours=lambda key: partition_of(key, count) in ours, is_by_group=True)
            )

    async def catch_up(self) -> None:
        """Return when what stands on the topic now has been handled, or at a stop."""
        ends: dict[TopicPartition, int] = {}
        while (consumer := self._consumer) is not None and not self._is_stopping:
            with contextlib.suppress(KafkaError, ConsumerStoppedError, OSError, TimeoutError):
                ends = ends or await consumer.end_offsets(consumer.assignment())
                places = [(await self._place(consumer, at), end) for at, end in ends.items()]
                if all(place >= end for place, end in places):
                    return
            await asyncio.sleep(CAUGHT_UP_S)

    async def _place(self, consumer: Consumer, at: TopicPartition) -> int:
        """The offset up to which everything of a partition is done."""
        finished = self._progress.finished(at)
        return int(await consumer.position(at)) if finished is None else finished

    async def run(self) -> None:
        """Read until `finish`; the next record is read when the one before has been taken."""
        consumer = self._consumer
        while consumer is not None:
            try:
                record = await consumer.getone()
            except ConsumerStoppedError:
                return
            except KafkaError as error:
                _log.warning("records can't be read, and are asked for again", error=str(error))
                await asyncio.sleep(AGAIN_S)
                continue
            await self._receive(consumer, record)

    async def show_lag(self) -> None:
        """Ask the broker how many records are not finished; without an answer the figures stay."""
        consumer = self._consumer
        if consumer is None:
            return
        with contextlib.suppress(KafkaError, ConsumerStoppedError, OSError, TimeoutError):
            ends = await consumer.end_offsets(consumer.assignment())
            self._forget_lag_beside({at.partition for at in ends})
            for at, end in ends.items():
                behind = max(0, end - await self._place(consumer, at))
                metrics.LAG.labels(*self._lag_labels(at.partition)).set(behind)

    def _forget_lag_beside(self, assigned: set[int]) -> None:
        """Drop the lag of partitions that another replica reads now; our last figure would stand for ever."""
        for partition in self._lag_shown - assigned:
            with contextlib.suppress(KeyError):
                metrics.LAG.remove(*self._lag_labels(partition))
        self._lag_shown = assigned

    def _lag_labels(self, partition: int) -> tuple[str, str, str]:
        return self._edge, self._subscription.topic.name, str(partition)

    async def _receive(self, consumer: Consumer, record: ConsumerRecord) -> None:
        """Take one raw record."""
        at = TopicPartition(record.topic, record.partition)
        back_to = self._progress.is_gap(at, record.offset)
        if back_to is not None:
            # With two producers the embedded broker shows gaps that disappear on seeking back.
            consumer.seek(at, back_to)
            return
        if self._is_stopping or self._progress.is_repeat(at, record.offset):
            return
        self.newest_at = Instant(max(self.newest_at, record.timestamp))
        handling = self._progress.begin(at, record.offset)
        if self._is_for_others(record):
            metrics.FACTS.counted["other", "skipped"] += 1
            self._progress.end(at, record.offset, handling)
            return
        if self._ahead is not None:
            await self._ahead.put(at, record, handling)
            self._begin_by_turns(self._ahead)
            return
        await self._room.acquire()
        task = self._begin(at, record, handling)
        if self._subscription.concurrency_max == 1:
            await task

    def _begin(self, at: TopicPartition, record: ConsumerRecord, handling: object) -> asyncio.Task[None]:
        task = asyncio.create_task(self._handle(at, record, handling))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _begin_by_turns(self, ahead: Ahead) -> None:
        """Begin what has its turn and finds room; what a partition's new owner handles is dropped."""
        while len(self._tasks) < self._subscription.concurrency_max and not self._is_stopping:
            found = ahead.take()
            if found is None:
                return
            organization, (at, record, handling) = found
            if not self._progress.is_open(at, record.offset, handling):
                ahead.end(organization)
                continue
            self._begin(at, record, handling).add_done_callback(partial(self._turn_over, organization))

    def _turn_over(self, organization: str, _task: asyncio.Task[None]) -> None:
        assert self._ahead is not None
        self._ahead.end(organization)
        self._begin_by_turns(self._ahead)

    async def _handle(self, at: TopicPartition, record: ConsumerRecord, handling: object) -> None:
        try:
            heard = self._heard(record)
            if heard is not None:
                with _tracer.start_as_current_span(heard.envelope.type, kind=trace.SpanKind.CONSUMER):
                    await self._try(heard, record)
            self._progress.end(at, record.offset, handling)
        except LeftToAnother:
            # Whoever is given the partition next reads it again.
            pass
        except Malformed as error:
            await self._put_aside(record, str(error))
            self._progress.end(at, record.offset, handling)
        finally:
            if self._ahead is None:
                self._room.release()

    def _is_for_others(self, record: ConsumerRecord) -> bool:
        """Whether its type, if it has one, is none that this edge hears."""
        type_ = (dict(record.headers).get("ce_type") or b"").decode(errors="replace")
        return type_ != "" and type_ not in self._hears

    def _heard(self, record: ConsumerRecord) -> Heard | None:
        """The message, or None for a type that nobody knows any more. Raises Malformed."""
        found = envelope(record.headers)
        try:
            message = decode(found.type, record.value)
        except UnknownType:
            return None
        metrics.FACTS.counted[found.type, "heard"] += 1
        return Heard(
            message=message,
            envelope=found,
            partition=record.partition,
            offset=record.offset,
            at=Instant(record.timestamp),
        )

    async def _try(self, heard: Heard, record: ConsumerRecord) -> None:
        """Call the handler with growing pauses until it returns; after the last try make a dead letter."""
        pause = PAUSE_S
        for tries in range(1, self._subscription.tries_max + 1):
            try:
                await self._subscription.handle(heard)
                return
            except LeftToAnother:
                raise
            except Exception as error:  # noqa: BLE001  # the host of edges: a handler's fault must not end the process
                metrics.HANDLER_RETRIES.labels(self._subscription.topic.name).inc()
                _log.warning(
                    "a handler failed",
                    type=heard.envelope.type,
                    id=heard.envelope.id,
                    tries=tries,
                    exc_info=error,
                )
                if tries == self._subscription.tries_max:
                    await self._put_aside(record, f"after {tries} tries: {error!r}")
                    return
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, PAUSE_S_MAX)

    async def _put_aside(self, record: ConsumerRecord, reason: str) -> None:
        metrics.DEAD_LETTERS.labels(self._subscription.topic.name).inc()
        letter = dead_letter(
            self._edge,
            topic=self._subscription.topic.name,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            headers=tuple(record.headers),
            value=record.value,
            now_at=record.timestamp,
        )
        while True:
            try:
                await self._log.send([letter])
            except LogUnavailable as error:
                _log.warning("a dead letter was not acknowledged, and goes again", error=str(error))
                await asyncio.sleep(1)
            else:
                return

    async def commit(self) -> None:
        """Commit what is finished; never for a topic that is read from its start."""
        if self._consumer is None or self._subscription.from_start:
            return
        offsets = self._progress.done()
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (KafkaError, OSError, TimeoutError, ValueError) as error:
            _log.info("offsets were not committed, and go again", error=str(error))
        else:
            self._progress.committed(offsets)

    async def finish(self) -> None:
        """Begin no more handlers, wait a while for the running ones, commit, and disconnect.

        A member whose share others may take leaves its group, whatever its name: they wait for nobody. One
        that has all partitions stays on the broker's list: nobody is there to take them, and it gets them
        back at once under its name.
        """
        self._is_stopping = True
        on_share = self._subscription.on_share
        if on_share is not None and self._consumer is not None:
            await on_share(NONE)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S_MAX)
        await self.commit()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            if on_share is not None and len(self._partitions) < self._count:
                leaves_when_it_stops(consumer)
            await consumer.stop()


async def commit_now_and_then(runners: Sequence[SubscriptionRunner]) -> None:
    """Commit at intervals for as long as the process lives."""
    while runners:
        await asyncio.sleep(COMMIT_S)
        for runner in runners:
            await runner.commit()
