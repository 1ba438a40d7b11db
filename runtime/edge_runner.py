"""Runs an edge's subscriptions: raw records, decoded one by one, committed when done.

Most facts are for others, and every edge reads all of them: a record is skipped by its header before anything
else is done with it. What is committed is the offset up to which every handler has finished.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
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
from runtime.edge import Heard, NeverSaid, NotSaid, Said, Subscription
from runtime.fairness import Turns
from runtime.host.outgoing import dead_letter
from runtime.kafka_clients import Clients, Consumer, group_of
from runtime.kafka_log import POLL_MS_MAX, KafkaLog
from runtime.ports import LogTooLong, LogUnavailable, Outgoing

PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 30.0
AGAIN_S: Final = 1.0
COMMIT_S: Final = 0.5
"""A crash makes handlers repeat at most half a second of commands, all safe to repeat."""
FETCH_WAIT_MS: Final = 100
AHEAD_MAX: Final = 20_000
"""Records read in advance of their turn: ten times the notices that one organization can have."""
AHEAD_BYTES_MAX: Final = 32 * 1024 * 1024
"""Of their values. A command has about a kilobyte; beyond this a subscription reads on as turns come."""
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
            metrics.SAID.labels(type_name(fact)).inc()
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


class _Progress(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """What is under way on each partition, so that only finished records are committed; and gaps."""

    def __init__(self) -> None:
        self._open: dict[TopicPartition, set[int]] = {}
        self._next: dict[TopicPartition, int] = {}
        self._gap: dict[TopicPartition, tuple[int, int]] = {}
        self._committed: dict[TopicPartition, int] = {}

    def is_gap(self, at: TopicPartition, offset: int) -> int | None:
        """Where to seek back to when records before this one are missing; None for a gap seen twice."""
        wanted = self._next.get(at)
        if wanted is None or offset <= wanted or self._gap.get(at) == (wanted, offset):
            return None
        self._gap[at] = (wanted, offset)
        return wanted

    def is_repeat(self, at: TopicPartition, offset: int) -> bool:
        """Whether this process has had this record already, for instance after seeking back."""
        return offset < self._next.get(at, 0)

    def begin(self, at: TopicPartition, offset: int) -> None:
        """Note that a record is being handled."""
        self._open.setdefault(at, set()).add(offset)
        self._next[at] = offset + 1

    def is_open(self, at: TopicPartition, offset: int) -> bool:
        """Whether a record is still ours to handle; not after another process was given its partition."""
        return offset in self._open.get(at, ())

    def end(self, at: TopicPartition, offset: int) -> None:
        """Note that a record is done."""
        self._open.get(at, set()).discard(offset)

    def finished(self, at: TopicPartition) -> int | None:
        """The offset up to which everything of a partition is done; None before its first record."""
        return min(self._open.get(at) or {self._next[at]}) if at in self._next else None

    def done(self) -> dict[TopicPartition, int]:
        """Offsets up to which everything is done, where that moved."""
        found = {at: min(self._open.get(at) or {offset}) for at, offset in self._next.items()}
        return {at: offset for at, offset in found.items() if self._committed.get(at) != offset}

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Note offsets as committed."""
        self._committed.update(offsets)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Forget these partitions: another process continues from the committed offsets."""
        for at in revoked:
            for known in (self._open, self._next, self._gap, self._committed):
                known.pop(at, None)

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Do nothing: the group knows where to begin."""


class _Ahead:
    """Records that were read and wait for their organization's turn, up to a number and a size."""

    def __init__(self, per_organization_max: int) -> None:
        self._turns: Turns[tuple[TopicPartition, ConsumerRecord]] = Turns(per_organization_max)
        self._bytes = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def put(self, at: TopicPartition, record: ConsumerRecord) -> None:
        """Add a record once there is room; until then nothing more is read."""
        await self._has_room.wait()
        self._turns.put(_organization_of(record), (at, record))
        self._bytes += len(record.value or b"")
        self._note_room()

    def take(self) -> tuple[str, tuple[TopicPartition, ConsumerRecord]] | None:
        """The next record whose organization may begin one more."""
        found = self._turns.take()
        if found is not None:
            self._bytes -= len(found[1][1].value or b"")
            self._note_room()
        return found

    def end(self, organization: str) -> None:
        """A record that was taken is done."""
        self._turns.end(organization)

    def _note_room(self) -> None:
        if self._turns.size < AHEAD_MAX and self._bytes < AHEAD_BYTES_MAX:
            self._has_room.set()
        else:
            self._has_room.clear()


def _organization_of(record: ConsumerRecord) -> str:
    """Whose a record is; those that say nothing of it share one lane."""
    return (dict(record.headers).get("ce_organization") or b"").decode(errors="replace")


class SubscriptionRunner:
    """One subscription on one broker connection."""

    def __init__(self, edge: str, subscription: Subscription, log: KafkaLog) -> None:
        self._edge = edge
        self._subscription = subscription
        self._log = log
        self._hears = {type_name(found) for found in subscription.hears}
        self._room = asyncio.Semaphore(subscription.concurrency_max)
        most = subscription.per_organization_max
        self._ahead = None if most is None else _Ahead(most)
        self._progress = _Progress()
        self._tasks: set[asyncio.Task[None]] = set()
        self._consumer: Consumer | None = None
        self._is_stopping = False
        self._lag_shown: set[int] = set()
        """The partitions whose lag we tell."""
        self.newest_at = Instant(0)

    async def start(self, clients: Clients, *, prefix: str, group: str | None, replica: str) -> None:
        """Connect. `group` None: every partition, by hand. Raises KafkaError."""
        subscription = self._subscription
        topic = prefix + subscription.topic.name
        group_id = group_of(prefix, self._edge, subscription.topic)
        options: dict[str, Any] = {
            "client_id": f"ringback-{self._edge}-edge",
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": FETCH_WAIT_MS,
            "max_poll_interval_ms": POLL_MS_MAX,
        }
        if subscription.from_start or group is None:
            count = await self._log.count(subscription.topic.name)
            consumer = clients.consumer(**options, group_id=None if subscription.from_start else group_id)
            consumer.assign([TopicPartition(topic, partition) for partition in range(count)])
        else:
            consumer = clients.consumer(
                **options,
                group_id=group_id,
                # A static name: a replica that returns in time takes its partitions back.
                group_instance_id=f"{group_id}.{replica}" if replica else None,
                session_timeout_ms=self._log.session_ms,
                heartbeat_interval_ms=self._log.session_ms // 6,
            )
            consumer.subscribe([topic], listener=self._progress)
        await consumer.start()
        self._consumer = consumer

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
                finished = self._progress.finished(at)
                if finished is None:
                    finished = await consumer.position(at)
                metrics.LAG.labels(*self._lag_labels(at.partition)).set(max(0, end - finished))

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
        self._progress.begin(at, record.offset)
        if self._is_for_others(record):
            metrics.FACTS.labels("other", "skipped").inc()
            self._progress.end(at, record.offset)
            return
        if self._ahead is not None:
            await self._ahead.put(at, record)
            self._begin_by_turns(self._ahead)
            return
        await self._room.acquire()
        task = self._begin(at, record)
        if self._subscription.concurrency_max == 1:
            await task

    def _begin(self, at: TopicPartition, record: ConsumerRecord) -> asyncio.Task[None]:
        task = asyncio.create_task(self._handle(at, record))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _begin_by_turns(self, ahead: "_Ahead") -> None:
        """Begin what has its turn and finds room; what a partition's new owner handles is dropped."""
        while len(self._tasks) < self._subscription.concurrency_max and not self._is_stopping:
            found = ahead.take()
            if found is None:
                return
            organization, (at, record) = found
            if not self._progress.is_open(at, record.offset):
                ahead.end(organization)
                continue
            self._begin(at, record).add_done_callback(partial(self._turn_over, organization))

    def _turn_over(self, organization: str, _task: asyncio.Task[None]) -> None:
        assert self._ahead is not None
        self._ahead.end(organization)
        self._begin_by_turns(self._ahead)

    async def _handle(self, at: TopicPartition, record: ConsumerRecord) -> None:
        try:
            heard = self._heard(record)
            if heard is not None:
                with _tracer.start_as_current_span(heard.envelope.type, kind=trace.SpanKind.CONSUMER):
                    await self._try(heard, record)
            self._progress.end(at, record.offset)
        except Malformed as error:
            await self._put_aside(record, str(error))
            self._progress.end(at, record.offset)
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
        metrics.FACTS.labels(found.type, "heard").inc()
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
        """Begin no more handlers, wait a while for the running ones, commit, and disconnect."""
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S_MAX)
        await self.commit()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


async def commit_now_and_then(runners: Sequence[SubscriptionRunner]) -> None:
    """Commit at intervals for as long as the process lives."""
    while True:
        await asyncio.sleep(COMMIT_S)
        for runner in runners:
            await runner.commit()
