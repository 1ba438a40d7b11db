"""Runs an edge's subscriptions on FastStream: raw records, decoded one by one, committed when done.

FastStream's default acknowledgement is at-most-once, and its plain ACK commits after an exception. This
module uses MANUAL, and commits the offset up to which every handler has finished.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka import TopicPartition as Assigned

from contracts.codec import Envelope, Malformed, UnknownType, decode, encode, envelope, headers
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact, type_name
from contracts.topics import FACTS
from runtime import metrics
from runtime.edge import Heard, NotSaid, Said, Subscription
from runtime.host.outgoing import dead_letter
from runtime.kafka_log import POLL_MS_MAX, KafkaLog
from runtime.ports import LogTooLong, LogUnavailable, Outgoing

PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 30.0
COMMIT_S: Final = 0.5
"""A crash makes handlers repeat at most half a second of commands, all safe to repeat."""
FETCH_WAIT_MS: Final = 100
STOP_S_MAX: Final = 8.0
"""How long handlers may take to finish at a stop; unfinished commands come again."""

_log = structlog.get_logger()


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
        cause: str = "",
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
                cause=cause,
                seq=seq + index if seq else 0,
                incarnation=incarnation,
                index=index,
            )
            for index, fact in enumerate(facts)
        ]
        try:
            partition = await self._log.partition_of(FACTS.name, organization_id)
            first = await self._log.append(partition, records)
        except (LogUnavailable, LogTooLong) as error:
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

    def end(self, at: TopicPartition, offset: int) -> None:
        """Note that a record is done."""
        self._open.get(at, set()).discard(offset)

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


class SubscriptionRunner:
    """One subscription on one broker connection."""

    def __init__(self, edge: str, subscription: Subscription, log: KafkaLog) -> None:
        self._edge = edge
        self._subscription = subscription
        self._log = log
        self._hears = {type_name(found) for found in subscription.hears}
        self._room = asyncio.Semaphore(subscription.concurrency_max)
        self._progress = _Progress()
        self._tasks: set[asyncio.Task[None]] = set()
        self._consumer: AIOKafkaConsumer | None = None
        self._is_stopping = False
        self.newest_at = Instant(0)

    async def subscribe(self, broker: KafkaBroker, *, prefix: str, group: str | None, replica: str) -> None:
        """Register with the broker before it starts. `group` None: every partition, by hand."""
        subscription = self._subscription
        topic = prefix + subscription.topic.name
        options: dict[str, Any] = {
            "ack_policy": AckPolicy.MANUAL,
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": FETCH_WAIT_MS,
            "max_poll_interval_ms": POLL_MS_MAX,
            "decoder": _raw,
            "no_reply": True,
        }
        group_id = f"{prefix}{self._edge}.{subscription.topic.name}"
        if subscription.from_start or group is None:
            count = await self._log.count(subscription.topic.name)
            options["partitions"] = [Assigned(topic, partition) for partition in range(count)]
            options["group_id"] = None if subscription.from_start else group_id
            subscriber = broker.subscriber(**options)
        else:
            options |= {"group_id": group_id, "listener": self._progress}
            options |= {
                "session_timeout_ms": self._log.session_ms,
                "heartbeat_interval_ms": self._log.session_ms // 6,
            }
            if replica:
                options["group_instance_id"] = f"{group_id}.{replica}"
            subscriber = broker.subscriber(topic, **options)
        subscriber(self._receive)

    async def _receive(self, message: Any) -> None:
        """Take one raw record from FastStream, which reads the next when this returns."""
        record: ConsumerRecord = message.raw_message
        self._consumer = consumer = message.consumer
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
        await self._room.acquire()
        task = asyncio.create_task(self._handle(at, record))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._subscription.concurrency_max == 1:
            await task

    async def _handle(self, at: TopicPartition, record: ConsumerRecord) -> None:
        try:
            heard = self._heard(record)
            if heard is not None:
                await self._try(heard, record)
            self._progress.end(at, record.offset)
        except Malformed as error:
            await self._put_aside(record, str(error))
            self._progress.end(at, record.offset)
        finally:
            self._room.release()

    def _heard(self, record: ConsumerRecord) -> Heard | None:
        """The message, or None for a type that this edge does not hear. Raises Malformed."""
        type_ = (dict(record.headers).get("ce_type") or b"").decode(errors="replace")
        if type_ and type_ not in self._hears:
            metrics.FACTS.labels("other", "skipped").inc()
            return None
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
        """Begin no more handlers, wait a while for the running ones, then commit."""
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S_MAX)
        await self.commit()


async def _raw(message: Any) -> Any:
    """Keep FastStream from decoding: a bad value must become a dead letter here."""
    return message


async def commit_now_and_then(runners: Sequence[SubscriptionRunner]) -> None:
    """Commit at intervals for as long as the process lives."""
    while True:
        await asyncio.sleep(COMMIT_S)
        for runner in runners:
            await runner.commit()
