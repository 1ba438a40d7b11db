"""The four ports as a simulated process sees them: slow, with unclear answers, and cut off at any moment.

A process is killed by making all its ports hang for ever, so that it stops at any port call. A frozen process
hangs for a while and then continues, which makes it a zombie if another one took its work over meanwhile. One
that stands still hangs for a while, too, but nobody takes its work over: it is behind when it goes on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec

from contracts.ids import Instant, OrganizationId
from contracts.topics import FACTS
from runtime.memory import MemoryBlobs, MemoryLog, MemoryStore, StoredPartition
from runtime.ports import (
    BlobInfo,
    BlobsUnavailable,
    Gained,
    Loaded,
    LogRecord,
    LogUnavailable,
    Lost,
    Outgoing,
    StoreUnavailable,
    Write,
)
from tests.sim.virtual_time import START_MS, VirtualClock

T = TypeVar("T")

KEPT_COPIES: Final = 4
WRITES_PER_COPY: Final = 5
"""A failover loses the last writes: the store goes back by up to this many."""
FROZEN_S_MAX: Final = 20.0
ZOMBIE_S_MAX: Final = 4.0
"""How long a thawed process runs beside its successor until it is ended."""
LATE_SHARE: Final = 0.25
"""Most port calls take no time, which keeps a run short; enough are late for every order to occur."""


LATER_S_MAX: Final = 3.0
OF_THE_BROKER: Final = frozenset({"say", "commit", "poll", "handle", "heartbeat", "join", "joined", "leave"})
"""Port calls of a gateway that reach a broker, by their names."""
READS: Final = "handle"
"""The port call of who reads facts."""
AGAIN_S: Final = 2.0
"""Every process has retried a failed call within this time."""


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """The probability of each fault at one port call; all 0: a calm morning."""

    crash: float = 0.0
    misread: float = 0.0
    freeze: float = 0.0
    fail_before: float = 0.0
    fail_after: float = 0.0
    latency_ms_max: int = 5
    stores_forget: bool = False
    """Stores fail over and lose their last moments, or are emptied."""
    forgets_with_crash: float = 0.0
    """The probability that a store loses its last writes when its owner dies."""
    only: str = ""
    """The processes with these faults, by name; empty: all."""


class Outages:
    """When something was not up: processes that died or stood still, and port calls that failed.

    A promise of two seconds assumes services that are up; the part of a delay within an outage does not
    count.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.spans: list[tuple[int, int]] = []

    def note(self, *, since_s: float | None = None, until_in_s: float) -> None:
        """Note an outage from then, or now, until so many seconds from now."""
        now_s = self._loop.time()
        begin_s = now_s if since_s is None else since_s
        self.spans.append((START_MS + round(begin_s * 1000), START_MS + round((now_s + until_in_s) * 1000)))


class SharedClock:
    """The broker's time for the memory log."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    @property
    def at(self) -> float:
        """Milliseconds since 1970, by the broker."""
        return START_MS + self._loop.time() * 1000

    def now(self) -> Instant:
        """The same."""
        return Instant(int(self.at))


class SharedLog(MemoryLog):
    """One log for all processes; readers can wait for its next record."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(SharedClock(loop), 1)  # type: ignore[arg-type]  # only its `at` is used
        self._loop = loop
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self.watched: Callable[[Sequence[Outgoing]], None] = lambda _: None
        """Called with what was appended."""
        self.sent_at: dict[str, list[int]] = {}
        """When each record of the other topics was appended."""

    def _changed(self, topic: str) -> None:
        for each in self._waiting.pop(topic, ()):
            _wake(each)

    async def append(self, partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        """Append, and wake readers."""
        offset = await super().append(partition, records, at=at)
        self._changed(FACTS.name)
        self.watched(records)
        return offset

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send, and wake readers."""
        await super().send(records)
        for record in records:
            self.sent_at.setdefault(record.topic, []).append(int(self.clock.now()))
        for topic in {record.topic: None for record in records}:
            self._changed(topic)

    async def wait(self, topic: str, seconds: float) -> None:
        """Wait until something is appended to a topic, or the timeout passes."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.setdefault(topic, []).append(future)
        over = self._loop.call_later(seconds, _wake, future)
        await future
        over.cancel()


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Process:
    """One simulated process: alive, frozen or dead; every port call of it passes `gate`."""

    def __init__(
        self, name: str, chance: random.Random, faults: Faults, clock: VirtualClock, outages: Outages
    ) -> None:
        """`faults` may change at any moment; after the morning there are none."""
        self.name = name
        self.clock = clock
        self.faults = faults
        self.is_dead = False
        self.is_newer = False
        self._loop = asyncio.get_running_loop()
        self.died: asyncio.Future[str] = self._loop.create_future()
        self.ended: list[Callable[[], object]] = []
        """Called at its death: to release what an operating system would."""
        self._chance = chance
        self._outages = outages
        self._still_until_s = 0.0
        self.awake_at_s = 0.0
        """When it goes on, if it stands still or is frozen: until then it does nothing at all."""
        self._reached_at_s = 0.0
        self.ended_wires: list[Callable[[], object]] = []
        """Called when its network goes: connections of its own are broken then."""
        self.wires_at_s = 0.0
        """When it reaches anybody but its own machine again."""
        self._facts_at_s = 0.0
        """When the connection that reads facts is made again, if that takes longer than the others."""

    def stand_still(self, for_s: float) -> None:
        """Do nothing for so long, as on a machine that is too busy, and be behind after that."""
        self._still_until_s = self.awake_at_s = self._loop.time() + for_s
        self._outages.note(until_in_s=for_s + AGAIN_S)

    def be_cut_off(self, for_s: float) -> None:
        """Reach no broker for so long, and everything else as usual."""
        self._reached_at_s = self._loop.time() + for_s
        self._outages.note(until_in_s=for_s + AGAIN_S)

    def be_isolated(self, for_s: float) -> None:
        """Reach neither broker nor PBX for so long: the network of its machine is gone.

        Each client tries again at its own pace, so the broker may be reached later than the PBX.
        """
        self.be_cut_off(for_s + self._chance.uniform(0.0, LATER_S_MAX))
        self.be_unplugged(for_s)

    def be_unplugged(self, for_s: float) -> None:
        """Reach no PBX for so long, and the broker as usual."""
        self.wires_at_s = self._loop.time() + for_s
        self._outages.note(until_in_s=for_s + AGAIN_S)
        for each in self.ended_wires:
            each()

    def read_late(self, for_s: float) -> None:
        """Stand still for so long, and take commands before reading which facts came meanwhile.

        Facts and commands have a connection each, and each of them is made again at its own pace.
        """
        self.stand_still(for_s)
        self._facts_at_s = self.awake_at_s + self._chance.uniform(0.0, LATER_S_MAX)
        self._outages.note(until_in_s=self._facts_at_s - self._loop.time() + AGAIN_S)

    def _cut_off_s(self, what: str) -> float:
        if what not in OF_THE_BROKER:
            return 0.0
        reached_at_s = max(self._reached_at_s, self._facts_at_s) if what == READS else self._reached_at_s
        return reached_at_s - self._loop.time()

    def be_succeeded(self, for_s: float) -> None:
        """Stand still while another process takes the name; then run beside it for a moment."""
        self.stand_still(for_s)
        self._replaced("stood still")
        beside_s = self._chance.uniform(0.5, ZOMBIE_S_MAX)
        self._loop.call_later(for_s + beside_s, self.kill, "a zombie was ended")

    def kill(self, why: str) -> None:
        """End the process: all its port calls hang from now on."""
        if not self.is_dead:
            self.is_dead = True
            self._replaced(why)
            for each in self.ended:
                each()

    def _replaced(self, why: str) -> None:
        if not self.died.done():
            self.died.set_result(why)

    async def _freeze(self, what: str) -> None:
        """Stand still until a successor takes over; then run beside it for a moment."""
        self._replaced(f"frozen {what}")
        frozen_s = self._chance.uniform(2.0, FROZEN_S_MAX)
        self.awake_at_s = self._loop.time() + frozen_s
        await asyncio.sleep(frozen_s)
        self._loop.call_later(self._chance.uniform(0.5, ZOMBIE_S_MAX), self.kill, "a zombie was ended")

    async def gate(self, what: str) -> None:
        """Pass at once, pass late, hang for a while, or hang for ever."""
        held_up = self._held_up(what, "")
        if held_up is not None:
            await self._wait(held_up)
        if (self._reached_at_s or self._facts_at_s) and self._cut_off_s(what) > 0:
            await self._wait(_late(self._cut_off_s(what)))

    def _held_up(self, when: str, what: str) -> Awaitable[None] | None:
        """What a port call must wait for now; None: it passes at once, like most calls."""
        if self.is_dead:
            return _never()
        if self._still_until_s and (still_s := self._still_until_s - self._loop.time()) > 0:
            return _late(still_s)
        faults, drawn = self.faults, self._chance.random()
        if drawn < faults.crash:
            self.kill(when + what)
            return _never()
        if drawn < faults.crash + faults.freeze:
            return self._freeze(when + what)
        if drawn > 1 - LATE_SHARE:
            return _late(faults.latency_ms_max * self._chance.random() / 1000)
        return None

    async def _wait(self, held_up: Awaitable[None]) -> None:
        await held_up
        # It may have fallen asleep meanwhile: what it does next it does when it wakes, and sees the clock.
        while not self.is_dead and (still_s := self._still_until_s - self._loop.time()) > 0:
            await _late(still_s)
        if self.is_dead:
            await _never()

    def misreads(self) -> bool:
        """Whether the broker returns other records than requested."""
        return self._chance.random() < self.faults.misread

    async def call(self, what: str, do: Callable[[], Awaitable[T]], unclear: type[Exception]) -> T:
        """Make one port call: it may fail before or after taking effect, and the caller can't tell which."""
        held_up = self._held_up("before ", what)
        if held_up is not None:
            await self._wait(held_up)
        if self._reached_at_s and self._cut_off_s(what) > 0:
            await self._wait(_late(min(AGAIN_S, self._cut_off_s(what))))
            raise unclear(f"{what}: the broker can't be reached, by the simulation")
        if self._chance.random() < self.faults.fail_before:
            self._outages.note(until_in_s=AGAIN_S)
            raise unclear(f"{what}: failed, by the simulation")
        found = await do()
        held_up = self._held_up("after ", what)
        if held_up is not None:
            await self._wait(held_up)
        if self._chance.random() < self.faults.fail_after:
            self._outages.note(until_in_s=AGAIN_S)
            raise unclear(f"{what}: the answer was lost, by the simulation")
        return found


def _late(seconds: float) -> asyncio.Future[None]:
    """Wait a little."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, _wake, future)
    return future


def _never() -> asyncio.Future[None]:
    """Wait for ever."""
    return asyncio.get_running_loop().create_future()


class ProcessLog:
    """The log as one process sees it."""

    def __init__(self, process: Process, shared: SharedLog) -> None:
        self._process = process
        self._shared = shared
        self.partitions = shared.partitions

    async def own(self, gained: Gained, lost: Lost) -> None:
        """Own everything at once."""
        await self._process.gate("own")
        await gained(tuple(range(self.partitions)))

    async def disown(self) -> None:
        """Do nothing: no other process waits for the partitions."""

    async def read(self, partition: int, offset: int, *, records_max: int, wait_ms: int) -> list[LogRecord]:
        """Read, and wait as a broker does."""

        async def read() -> list[LogRecord]:
            return await self._shared.read(partition, offset, records_max=records_max, wait_ms=0)

        found = await self._process.call("read", read, LogUnavailable)
        if found and self._process.misreads():
            # Records of an old fetch position, or a hole that heals on reading again.
            return await self._shared.read(partition, max(0, offset - 3), records_max=2, wait_ms=0)
        if not found:
            # Read again: records that came while this process was late did not wake it.
            if self._shared.end(partition) <= offset:
                await self._shared.wait(FACTS.name, wait_ms / 1000)
            found = await read()
            await self._process.gate("after read")
        return found

    async def oldest(self, partition: int) -> int:
        """The oldest offset."""
        return await self._process.call("oldest", lambda: self._shared.oldest(partition), LogUnavailable)

    async def next_offset(self, partition: int) -> int:
        """The offset that the next record will have."""
        return self._shared.end(partition)

    async def append(self, partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        """Append a batch."""
        return await self._process.call(
            "append", lambda: self._shared.append(partition, records, at=None), LogUnavailable
        )

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send commands one by one: after a failure some of them are sent."""
        for record in records:
            await self._process.call("send", lambda each=record: self._shared.send([each]), LogUnavailable)  # type: ignore[misc]

    async def commit(self, partition: int, offset: int) -> None:
        """Do nothing: committed offsets only show lag."""


class ProcessStore:
    """The store as one process sees it; it keeps copies of the past for rollbacks."""

    def __init__(
        self, process: Process, shared: MemoryStore, copies: list[dict[int, StoredPartition]]
    ) -> None:
        self._process = process
        self._shared = shared
        self._copies = copies

    async def claim(self, partition: int, epoch: str, *, new_version: str) -> Loaded:
        """Claim."""
        return await self._process.call(
            "claim", lambda: self._shared.claim(partition, epoch, new_version=new_version), StoreUnavailable
        )

    async def load(
        self, partition: int, organizations: Sequence[OrganizationId], *, epoch: str, version: str
    ) -> list[dict[str, bytes]]:
        """Load records."""
        return await self._process.call(
            "load",
            lambda: self._shared.load(partition, organizations, epoch=epoch, version=version),
            StoreUnavailable,
        )

    async def write(self, write: Write) -> None:
        """Write a batch."""
        if self._shared.writes % WRITES_PER_COPY == 0:
            self._copies.append(self._shared.copy())
            del self._copies[:-KEPT_COPIES]
        await self._process.call("write", lambda: self._shared.write(write), StoreUnavailable)

    async def organizations(self, partition: int, *, epoch: str, version: str) -> list[OrganizationId]:
        """All organizations."""
        return await self._process.call(
            "organizations",
            lambda: self._shared.organizations(partition, epoch=epoch, version=version),
            StoreUnavailable,
        )

    async def clear(self, partition: int, *, epoch: str, version: str) -> None:
        """Forget all."""
        await self._process.call(
            "clear", lambda: self._shared.clear(partition, epoch=epoch, version=version), StoreUnavailable
        )


class ProcessBlobs:
    """S3 as one process sees it."""

    def __init__(self, process: Process, shared: MemoryBlobs) -> None:
        self._process = process
        self._shared = shared

    async def put(
        self, key: str, data: bytes, *, content_type: str = "application/octet-stream", once: bool = False
    ) -> None:
        """Put an object."""
        await self._process.call(
            "put", lambda: self._shared.put(key, data, content_type=content_type, once=once), BlobsUnavailable
        )

    async def get(self, key: str) -> bytes | None:
        """Get an object."""
        return await self._process.call("get", lambda: self._shared.get(key), BlobsUnavailable)

    async def info(self, key: str) -> BlobInfo | None:
        """Ask for an object."""
        return await self._process.call("info", lambda: self._shared.info(key), BlobsUnavailable)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        await self._process.call("delete", lambda: self._shared.delete(key), BlobsUnavailable)

    async def link(self, key: str, *, seconds: int, content_type: str, name: str) -> str:
        """An address of an object."""
        return f"memory://{key}"
