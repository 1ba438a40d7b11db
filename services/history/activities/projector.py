"""The projector: writes the log into the tables in batches, each with its offset in the same transaction.

So a crash repeats only a batch that was not written. A process that has lost a partition to another finds the
offset moved, writes nothing, and reads that partition's position again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
import structlog
from sqlalchemy import CursorResult, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import codec
from contracts.codec import Envelope
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact, type_name
from runtime import metrics
from runtime.host import identity
from runtime.host.identity import RefusedToStart
from runtime.host.reader import Reader
from runtime.ports import Clock, Log, LogRecord, LogUnavailable
from runtime.sql import NotConnected
from services.history.activities import tables
from services.history.activities.repository import OrganizationCache, load_batch, load_cache, write_batch
from services.history.rules.kept_contacts import KeptContacts
from services.history.rules.projection_batch import HEARS

RECORDS_MAX: Final = 500
"""A batch is one transaction: large enough to be worth it, small enough to show within a second."""
WAIT_MS: Final = 5_000
GATHER_S: Final = 0.25
"""After a batch that was not full. A call has some fifteen groups of facts within a second, and a transaction
for each would take more processor time than the queue's decisions."""
COMMIT_S: Final = 1.0
"""While batches follow each other: the broker's offset only shows lag, and a commit costs a round trip."""
PAUSE_S: Final = 1.0
_TYPES: Final = frozenset(type_name(each) for each in HEARS)
_log = structlog.get_logger()
_POSITIONS: Final = tables.positions
_MOVE: Final = (
    update(_POSITIONS)
    .where(
        _POSITIONS.c.partition == bindparam("its_partition"),
        _POSITIONS.c.next_offset == bindparam("from_offset"),
    )
    .values(next_offset=bindparam("to_offset"), now_at=bindparam("to_at"))
)


class OffsetMoved(Exception):
    """The partition's offset in the tables is not where we left it: another process writes it."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a partition is in the tables; `now_at` is its monotonic time."""

    log_id: str
    next_offset: int
    now_at: Instant


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the log; `fact` is None for a type that history does not use, whose number still counts."""

    envelope: Envelope
    fact: Fact | None
    offset: int
    at: Instant


def read(record: LogRecord, now_at: Instant) -> Reading | None:
    """A record with monotonic time; None when it is not a message of ours."""
    at = Instant(max(now_at, record.at))
    try:
        envelope = codec.envelope(record.headers)
    except codec.Malformed:
        return None
    fact: Fact | None = None
    try:
        if envelope.type in _TYPES:
            decoded = codec.decode(envelope.type, record.value)
            fact = decoded if isinstance(decoded, Fact) else None
            metrics.FACTS.counted[envelope.type, "heard"] += 1
    except codec.Malformed as error:
        # The deciders put it among the dead letters; here it is skipped and logged.
        metrics.FACTS.counted["malformed", "skipped"] += 1
        _log.warning(
            "a record can't be read", partition=record.partition, offset=record.offset, error=str(error)
        )
    return Reading(envelope=envelope, fact=fact, offset=record.offset, at=at)


OnLive = Callable[[OrganizationId], None]
"""Called once a batch is in the tables, for each organization whose present it changed."""


def _nobody(_organization_id: OrganizationId) -> None:
    """Nobody in this process shows the present."""


class Projector:
    """Reads the partitions that this process owns, each in a task of its own."""

    def __init__(
        self,
        engine: AsyncEngine,
        log: Log,
        clock: Clock,
        tokens: Callable[[], str],
        *,
        before: Callable[[AsyncEngine], Awaitable[None]],
        on_live: OnLive,
    ) -> None:
        """`before` is awaited once before anything is read: it migrates the tables."""
        self._engine = engine
        self._log = log
        self._clock = clock
        self._tokens = tokens
        self._before = before
        self._on_live = on_live
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] | None = None
        self.caught_up: dict[int, bool] = {}

    async def run(self) -> None:
        """Own partitions and read them until cancelled. An error that a retry can't mend ends it."""
        self._failed = asyncio.get_running_loop().create_future()
        try:
            await self._before(self._engine)
        except NotConnected as error:
            raise RefusedToStart(str(error)) from error
        try:
            await self._log.own(self._gain, self._lose)
            await self._failed
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Stop reading; a batch that is being written is written whole or not at all."""
        await self._lose(tuple(self._tasks))

    def is_ready(self) -> bool:
        """Whether every partition of this process has been read to its end once."""
        return bool(self.caught_up) and all(self.caught_up.values())

    async def _gain(self, partitions: tuple[int, ...]) -> None:
        for partition in partitions:
            self.caught_up[partition] = False
            task = asyncio.create_task(self._follow(partition))
            task.add_done_callback(self._ended)
            self._tasks[partition] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        failed = self._failed
        if task.cancelled() or task.exception() is None or failed is None or failed.done():
            return
        error = task.exception()
        assert error is not None
        failed.set_exception(error)

    async def _lose(self, partitions: tuple[int, ...]) -> None:
        lost = [self._tasks.pop(each) for each in partitions if each in self._tasks]
        for partition in partitions:
            self.caught_up.pop(partition, None)
        for task in lost:
            task.cancel()
        await asyncio.gather(*lost, return_exceptions=True)

    async def _follow(self, partition: int) -> None:
        while True:
            try:
                await self._follow_on(partition)
            except (LogUnavailable, DBAPIError, OSError, OffsetMoved) as error:
                _log.warning("history pauses", partition=partition, error=str(error))
                await self._clock.sleep(PAUSE_S)

    async def _follow_on(self, partition: int) -> None:
        # After a pause, for example another process's rebuild, the end must be reached again.
        self.caught_up[partition] = False
        writer = PartitionWriter(self._engine, partition, on_live=self._on_live)
        await writer.begin(self._log, self._tokens)
        reader = Reader(self._log, partition, records_max=RECORDS_MAX)
        committed, committed_s = -1, -COMMIT_S
        while True:
            records = await reader.read(writer.next_offset, wait_ms=WAIT_MS)
            self.caught_up[partition] = self.caught_up.get(partition, False) or len(records) < RECORDS_MAX
            if records:
                await writer.write(records)
            is_due = not records or self._clock.elapsed() - committed_s >= COMMIT_S
            if is_due and writer.next_offset != committed:
                await self._log.commit(partition, writer.next_offset)
                committed, committed_s = writer.next_offset, self._clock.elapsed()
            if 0 < len(records) < RECORDS_MAX:
                await self._clock.sleep(GATHER_S)
            else:
                await asyncio.sleep(0)


class PartitionWriter:
    """Writes one partition's batches into the tables."""

    def __init__(self, engine: AsyncEngine, partition: int, *, on_live: OnLive = _nobody) -> None:
        self._engine = engine
        self._partition = partition
        self._on_live = on_live
        self._progress = Progress(log_id="", next_offset=0, now_at=Instant(0))
        self._forget()

    def _forget(self) -> None:
        """Read everything from the tables again."""
        self._caches: dict[OrganizationId, OrganizationCache] = {}
        self._kept = KeptContacts()

    @property
    def next_offset(self) -> int:
        """The first record that is not in the tables yet."""
        return self._progress.next_offset

    async def begin(self, log: Log, tokens: Callable[[], str]) -> None:
        """Find where to read on: in an empty database at the oldest record. Raises RefusedToStart."""
        log_id = await identity.log_id(log, self._partition, tokens) or ""
        async with self._engine.begin() as connection:
            stored = await _stored(connection, self._partition)
            if stored is None:
                oldest = await log.oldest(self._partition)
                stored = Progress(log_id=log_id, next_offset=oldest, now_at=Instant(0))
                await connection.execute(
                    insert(tables.positions).values(
                        partition=self._partition, log_id=log_id, next_offset=oldest, now_at=0
                    )
                )
        if log_id and stored.log_id and stored.log_id != log_id:
            raise RefusedToStart(
                f"history's tables belong to the log {stored.log_id}, this one is {log_id}. Point "
                "RINGBACK_KAFKA to the old log, or RINGBACK_HISTORY_DATABASE to an empty database; if that "
                "log is lost, `ringback operator adopt-log` begins a new one and keeps the rows."
            )
        self._progress = stored
        self._forget()

    async def write(self, records: Sequence[LogRecord]) -> None:
        """Write a batch whole or not at all. Raises OffsetMoved, and what the database raises."""
        try:
            async with self._engine.begin() as connection:
                progress, changed = await self._write(connection, records)
        except BaseException:
            # What is in memory may be ahead of the tables now.
            self._forget()
            raise
        self._progress = progress
        for organization_id in changed:
            self._on_live(organization_id)

    async def _write(
        self, connection: AsyncConnection, records: Sequence[LogRecord]
    ) -> tuple[Progress, list[OrganizationId]]:
        """Write a batch; how far it reaches, and the organizations whose present it changed."""
        progress = msgspec.structs.replace(self._progress, next_offset=records[-1].offset + 1)
        by_organization: dict[OrganizationId, list[Reading]] = {}
        for record in records:
            progress = msgspec.structs.replace(progress, now_at=Instant(max(progress.now_at, record.at)))
            reading = read(record, progress.now_at)
            if reading is not None and reading.envelope.organization_id:
                by_organization.setdefault(reading.envelope.organization_id, []).append(reading)
        await self._move(connection, progress)
        changed = []
        for organization_id, readings in by_organization.items():
            cache = self._caches.get(organization_id) or await load_cache(connection, organization_id)
            self._caches[organization_id] = cache
            facts = [each.fact for each in readings if each.fact is not None]
            batch = await load_batch(connection, organization_id, cache, self._kept, facts)
            for each in readings:
                batch.hear(each.envelope, each.fact, at=each.at, offset=each.offset)
            if await write_batch(connection, batch, cache, self._kept, now_at=readings[-1].at):
                changed.append(organization_id)
            if cache.cards.organization is not None and cache.cards.organization.is_removed:
                # Its rows are removed without a fact, by whichever process sweeps.
                self._caches.pop(organization_id)
                self._kept.forget(organization_id)
        return progress, changed

    async def _move(self, connection: AsyncConnection, to: Progress) -> None:
        """Move the offset first, so that a second process finds it moved."""
        done: CursorResult[tuple[int]] = await connection.execute(
            _MOVE,
            {
                "its_partition": self._partition,
                "from_offset": self._progress.next_offset,
                "to_offset": to.next_offset,
                "to_at": to.now_at,
            },
        )
        if done.rowcount != 1:
            raise OffsetMoved(f"partition {self._partition} is written by another process")


async def _stored(connection: AsyncConnection, partition: int) -> Progress | None:
    table = tables.positions
    found = (await connection.execute(select(table).where(table.c.partition == partition))).first()
    if found is None:
        return None
    return Progress(log_id=found.log_id, next_offset=found.next_offset, now_at=Instant(found.now_at))
