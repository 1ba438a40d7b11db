"""The host's four ports: `Log`, `Store`, `Blobs`, `Clock`. A fifth needs a page in docs/decisions.

`runtime.memory` has all four for tests and the simulation; `runtime.kafka_log`, `runtime.redis_store`,
`runtime.s3_blobs` and `runtime.system_clock` are the real ones. One behavioural suite per port runs on both.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from contracts.ids import Instant, OrganizationId

Headers = tuple[tuple[str, bytes], ...]


class LogRecord(msgspec.Struct, frozen=True, array_like=True):
    """One record as the log gives it; `at` is its timestamp in ms, not yet monotonic."""

    partition: int
    offset: int
    at: int
    headers: Headers
    value: bytes | None


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """One record to send: `topic` has no prefix, `key` decides on the partition.

    `step` groups the facts of one step, which must travel in one record batch; commands have -1.
    """

    topic: str
    key: str
    headers: Headers
    value: bytes
    step: int = -1


class LogUnavailable(Exception):
    """A read or an append failed, or its outcome is unclear: repeat it before anything later."""


class OffsetOutOfRange(Exception):
    """The log no longer has, or never had, the offset asked for."""


class LogTooLong(Exception):
    """The log refuses this batch for its size; a retry does not help."""


Gained = Callable[[tuple[int, ...]], Awaitable[None]]
Lost = Callable[[tuple[int, ...]], Awaitable[None]]


class Log(Protocol):
    """The topic of facts, which is read by offset, and the topics of commands."""

    partitions: int
    """How many partitions the topic of facts has."""

    async def own(self, gained: Gained, lost: Lost) -> None:
        """Start to own partitions: `gained` and `lost` are awaited at every change, never concurrently."""
        ...

    async def disown(self) -> None:
        """Give every partition back, and await `lost`."""
        ...

    async def read(self, partition: int, offset: int, *, records_max: int, wait_ms: int) -> list[LogRecord]:
        """Records from `offset` on, in order; empty when none came in time.

        The first one may have a higher offset than asked for: the caller checks contiguity.
        Raises LogUnavailable or OffsetOutOfRange.
        """
        ...

    async def oldest(self, partition: int) -> int:
        """The oldest retained offset of a partition, or the next offset of an empty one."""
        ...

    async def next_offset(self, partition: int) -> int:
        """The offset that a partition's next record will have, from the broker. Raises LogUnavailable."""
        ...

    async def append(self, partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        """Append facts in one record batch, whole or not at all, and await the acknowledgement.

        Returns the first one's offset. `at` is the timestamp offered; a broker that sets the time ignores
        it. Raises LogUnavailable (outcome unclear) or LogTooLong.
        """
        ...

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send commands to their topics by key, in order per partition, all acknowledged.

        Stops at the first failure, per partition. Raises LogUnavailable (outcome unclear).
        """
        ...

    async def commit(self, partition: int, offset: int) -> None:
        """Commit an offset on the broker, only for lag and autoscaling: correctness never depends on it."""
        ...


class Position(msgspec.Struct, frozen=True, array_like=True):
    """What stored records stand for: the log, the next offset to read, and the monotonic time so far."""

    log_id: str
    partitions: int
    offset: int
    now_at: int


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A partition as a claim finds it; `position` None: nothing was ever stored, or it is lost."""

    version: str
    position: Position | None
    outbox: tuple[Outgoing, ...]
    due: Mapping[OrganizationId, Instant]
    parked: Mapping[OrganizationId, bytes]


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One batch, written whole or not at all.

    `records`: per organization, name → bytes, or None to drop. `due`: earliest timer, or None for none.
    `outbox` replaces the stored one. `position` None leaves the position unset (a recovery in chunks).
    """

    partition: int
    epoch: str
    version: str
    new_version: str
    position: Position | None
    records: Mapping[OrganizationId, Mapping[str, bytes | None]]
    due: Mapping[OrganizationId, Instant | None]
    parked: Mapping[OrganizationId, bytes | None]
    outbox: tuple[Outgoing, ...]


class Refused(Exception):
    """The epoch or the version differs: another process owns the partition, or the store lost data."""


class StoreUnavailable(Exception):
    """The store gave no clear answer: the request may have succeeded or not."""


class Store(Protocol):
    """Records, outbox, timer index and park marks of every partition, each guarded by epoch and version."""

    async def claim(self, partition: int, epoch: str, *, new_version: str) -> Loaded:
        """Become the owner: from now on every other epoch is refused.

        `new_version` becomes the version if none is stored, so that an absent one never matches.
        """
        ...

    async def load(
        self, partition: int, organizations: Sequence[OrganizationId], *, epoch: str, version: str
    ) -> list[dict[str, bytes]]:
        """Each organization's records by name; empty for one without records. Raises Refused."""
        ...

    async def write(self, write: Write) -> None:
        """Write a batch if epoch and version match. Raises Refused or StoreUnavailable."""
        ...

    async def organizations(self, partition: int, *, epoch: str, version: str) -> list[OrganizationId]:
        """Every organization that has records here, in order. Raises Refused."""
        ...

    async def clear(self, partition: int, *, epoch: str, version: str) -> None:
        """Forget all but epoch and version, before a recovery. Raises Refused."""
        ...


class BlobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the object store says about an object: its size, and the SHA-256 given when it was put (hex)."""

    bytes: int
    sha256: str
    content_type: str


class BlobsUnavailable(Exception):
    """The object store failed, or the outcome is unclear; putting the same object again is safe."""


class Blobs(Protocol):
    """Objects by key."""

    async def put(
        self, key: str, data: bytes, *, content_type: str = "application/octet-stream", once: bool = False
    ) -> None:
        """Put an object, with a checksum and a request for encryption; with `once` an existing one stays.

        Raises BlobsUnavailable.
        """
        ...

    async def get(self, key: str) -> bytes | None:
        """An object, or None. Raises BlobsUnavailable."""
        ...

    async def info(self, key: str) -> BlobInfo | None:
        """What is known of an object, or None. Raises BlobsUnavailable."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object if it exists. Raises BlobsUnavailable."""
        ...

    async def link(self, key: str, *, seconds: int, content_type: str, name: str) -> str:
        """A temporary address from which anybody may fetch the object, as this type and under this name,
        whatever is stored beside it. The name goes into files on strangers' machines: nothing personal."""
        ...


class Clock(Protocol):
    """Time for the host's own waiting; no decision reads it."""

    def now(self) -> Instant:
        """Milliseconds since 1970-01-01 UTC, by this machine's clock."""
        ...

    def elapsed(self) -> float:
        """Seconds that never go back, for ages and pauses."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
