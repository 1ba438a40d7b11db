"""The host's four ports in memory, for tests and the simulation; production never imports this.

They are deterministic and keep no task or thread. Their data is in plain attributes, so that a test can look,
and a simulation can wrap a port (a crash before or after a call), copy a store and restore it (a rollback),
or empty it.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from contracts.ids import Instant, OrganizationId
from contracts.topics import FACTS
from runtime.ports import (
    BlobInfo,
    Gained,
    Loaded,
    LogRecord,
    Lost,
    OffsetOutOfRange,
    Outgoing,
    Position,
    Refused,
    Write,
)

K = TypeVar("K")
V = TypeVar("V")


class MemoryClock:
    """A clock that moves only by `advance` and `sleep`. `skew_ms` makes a host's clock wrong."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.at = float(now)
        self.skew_ms = 0

    def now(self) -> Instant:
        """The time that was set."""
        return Instant(int(self.at) + self.skew_ms)

    def elapsed(self) -> float:
        """The same time in seconds."""
        return self.at / 1000

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += 1000 * seconds

    async def sleep(self, seconds: float) -> None:
        """Advance the clock at once."""
        self.advance(seconds)


class MemoryLog:
    """Topics as lists. Facts are read by offset; records of every other topic are kept per topic, in order.

    Without `append_time` the broker sets no time and takes the time offered, or the writer's clock.
    """

    def __init__(self, clock: MemoryClock, partitions: int = 1, *, append_time: bool = True) -> None:
        self.clock = clock
        self.partitions = partitions
        self.append_time = append_time
        self.facts: list[list[LogRecord]] = [[] for _ in range(partitions)]
        self.oldest_offsets = [0] * partitions
        self.topics: dict[str, list[Outgoing]] = {}
        self.committed: dict[int, int] = {}
        self._lost: Lost | None = None

    async def own(self, gained: Gained, lost: Lost) -> None:
        """Give every partition to the caller."""
        self._lost = lost
        await gained(tuple(range(self.partitions)))

    async def disown(self) -> None:
        """Take every partition back."""
        if self._lost is not None:
            await self._lost(tuple(range(self.partitions)))

    async def read(self, partition: int, offset: int, *, records_max: int, wait_ms: int) -> list[LogRecord]:
        """Records from `offset` on, without waiting: the test decides when time passes."""
        found = self.facts[partition]
        if offset < self.oldest_offsets[partition] or offset > self.end(partition):
            raise OffsetOutOfRange(offset)
        start = 0 if not found else max(0, offset - found[0].offset)
        return [each for each in found[start : start + records_max] if each.offset >= offset]

    async def oldest(self, partition: int) -> int:
        """The oldest retained offset."""
        return self.oldest_offsets[partition]

    async def next_offset(self, partition: int) -> int:
        """The offset that the next record will have."""
        return self.end(partition)

    async def append(self, partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        """Append all of these facts."""
        found = self.facts[partition]
        first = self.end(partition)
        time = self.clock.at if self.append_time or at is None else at
        for index, record in enumerate(records):
            found.append(LogRecord(partition, first + index, int(time), record.headers, record.value))
        return first

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Append to other topics, and to facts by key."""
        for record in records:
            if record.topic == FACTS.name:
                await self.append(partition_of(record.key, self.partitions), [record])
            else:
                self.topics.setdefault(record.topic, []).append(record)

    async def commit(self, partition: int, offset: int) -> None:
        """Note how far a reader is."""
        self.committed[partition] = offset

    def trim_before(self, partition: int, offset: int) -> None:
        """Drop everything before an offset, as retention does."""
        self.facts[partition] = [each for each in self.facts[partition] if each.offset >= offset]
        self.oldest_offsets[partition] = offset

    def end(self, partition: int) -> int:
        """The offset that the next record will have."""
        found = self.facts[partition]
        return found[-1].offset + 1 if found else self.oldest_offsets[partition]


def partition_of(key: str, partitions: int) -> int:
    """A key's partition in memory; any fixed function will do."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) % partitions


class StoredPartition:
    """What a store holds of one partition. Copy it for a rollback."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.version: str | None = None
        self.position: Position | None = None
        self.records: dict[OrganizationId, dict[str, bytes]] = {}
        self.due: dict[OrganizationId, Instant] = {}
        self.parked: dict[OrganizationId, bytes] = {}
        self.outbox: tuple[Outgoing, ...] = ()

    def copy(self) -> "StoredPartition":
        """A copy; records are immutable bytes, so only the dictionaries are copied."""
        copied = StoredPartition()
        vars(copied).update(vars(self))
        copied.records = {each: dict(records) for each, records in self.records.items()}
        copied.due, copied.parked = dict(self.due), dict(self.parked)
        return copied


class MemoryStore:
    """Partitions as dictionaries, each behind its epoch and version."""

    def __init__(self) -> None:
        self.stored: dict[int, StoredPartition] = {}
        self.writes = 0

    def _guarded(self, partition: int, epoch: str, version: str) -> StoredPartition:
        """The partition if epoch and version match; absent ones never match."""
        found = self.stored.get(partition, StoredPartition())
        if found.epoch != epoch:
            raise Refused(f"partition {partition}: the epoch is {found.epoch}, not {epoch}")
        if found.version != version:
            raise Refused(f"partition {partition}: the version is {found.version}, not {version}")
        return found

    async def claim(self, partition: int, epoch: str, *, new_version: str) -> Loaded:
        """Set the epoch."""
        found = self.stored.setdefault(partition, StoredPartition())
        found.epoch = epoch
        found.version = found.version or new_version
        return Loaded(
            version=found.version,
            position=found.position,
            outbox=found.outbox,
            due=dict(found.due),
            parked=dict(found.parked),
        )

    async def load(
        self, partition: int, organizations: Sequence[OrganizationId], *, epoch: str, version: str
    ) -> list[dict[str, bytes]]:
        """Copies of records."""
        found = self._guarded(partition, epoch, version)
        return [dict(found.records.get(each, {})) for each in organizations]

    async def write(self, write: Write) -> None:
        """Apply one batch."""
        found = self._guarded(write.partition, write.epoch, write.version)
        self.writes += 1
        found.version = write.new_version
        found.position = write.position
        found.outbox = write.outbox
        for organization_id, changes in write.records.items():
            records = found.records.setdefault(organization_id, {})
            for name, data in changes.items():
                _set(records, name, data)
        for organization_id, due_at in write.due.items():
            _set(found.due, organization_id, due_at)
        for organization_id, mark in write.parked.items():
            _set(found.parked, organization_id, mark)

    async def organizations(self, partition: int, *, epoch: str, version: str) -> list[OrganizationId]:
        """Every organization with records."""
        return sorted(self._guarded(partition, epoch, version).records)

    async def clear(self, partition: int, *, epoch: str, version: str) -> None:
        """Forget all but epoch and version."""
        found = self._guarded(partition, epoch, version)
        self.stored[partition] = StoredPartition()
        self.stored[partition].epoch, self.stored[partition].version = found.epoch, found.version

    def copy(self) -> dict[int, StoredPartition]:
        """A copy of everything; assign it to `stored` for a rollback."""
        return {partition: found.copy() for partition, found in self.stored.items()}


def _set(target: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        target.pop(key, None)
    else:
        target[key] = value


class MemoryBlobs:
    """Objects in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}

    async def put(
        self, key: str, data: bytes, *, content_type: str = "application/octet-stream", once: bool = False
    ) -> None:
        """Keep an object."""
        if not (once and key in self.objects):
            self.objects[key] = (data, content_type)

    async def get(self, key: str) -> bytes | None:
        """An object, or None."""
        found = self.objects.get(key)
        return None if found is None else found[0]

    async def info(self, key: str) -> BlobInfo | None:
        """An object's size, checksum and type."""
        found = self.objects.get(key)
        if found is None:
            return None
        data, content_type = found
        return BlobInfo(bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), content_type=content_type)

    async def delete(self, key: str) -> None:
        """Forget an object."""
        self.objects.pop(key, None)

    async def link(self, key: str, *, seconds: int, content_type: str, name: str) -> str:
        """A made-up address."""
        return f"memory://{key}?seconds={seconds}&type={content_type}&name={name}"


def counting_tokens(prefix: str = "t") -> Callable[[], str]:
    """Predictable names in place of random ones: t1, t2, … Give each simulated process its own prefix."""
    given = iter(range(1, 1 << 62))
    return lambda: f"{prefix}{next(given)}"
