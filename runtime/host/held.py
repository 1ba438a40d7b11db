"""A claimed partition in memory, and the one way in which it changes: store, then say."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import structlog

from contracts.ids import OrganizationId
from contracts.message import type_name
from runtime import metrics
from runtime.decision import Decider
from runtime.host import outbox
from runtime.host.hearing import Batch, Hearing
from runtime.host.organizations import (
    Mark,
    NewerSchema,
    Organization,
    Organizations,
    decoded_mark,
    encoded_mark,
)
from runtime.host.outgoing import Saying
from runtime.host.said_already import SaidAlready
from runtime.host.timers import Asked, DueIndex
from runtime.ports import Blobs, Clock, Loaded, Log, LogUnavailable, Outgoing, Position, Store, Write

SENDS_MAX = 8
"""With pauses from 0.1 s doubling to 5 s this takes 15 s; then the partition is claimed anew."""
SEND_PAUSE_S = 0.1
SEND_PAUSE_S_MAX = 5.0
SNAPSHOT_FIRST_S = 60.0
"""A process that restarts again and again takes no snapshot each time."""

_log = structlog.get_logger()


class HostPorts(msgspec.Struct, frozen=True, kw_only=True):
    """The host's four ports, and its source of random names (epochs, versions, names of logs)."""

    log: Log
    store: Store
    blobs: Blobs
    clock: Clock
    tokens: Callable[[], str]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What may differ between installations."""

    version: str
    """Version of the code: an organization parked by another version reads on when this one claims."""
    prefix: str = ""
    """Prefix of snapshots' keys, so that installations can share a bucket."""
    records_max: int = 500
    """A batch is one store write. Larger ones gain little, and their first command waits longer."""
    wait_ms_max: int = 5_000
    """How long one read may wait; an idle partition is looked after as often."""
    linger_ms: int | None = None
    """How long records gather while they keep coming; None: as the decider declares."""
    idle_s: float = 900.0
    """After how long an organization without facts or timers leaves memory."""
    write_s: float = 10.0
    """How long what says nothing may wait for its write, and how often an idle partition is written, which
    shows that the store answers and we still own it."""
    snapshot_s: float = 3600.0
    snapshot_first_s: float = SNAPSHOT_FIRST_S


class Closed(Exception):
    """The partition stays closed until a person intervenes; the message says why and what is lost."""


class Held:
    """One claimed partition in memory. After any unclear outcome it is thrown away and claimed again."""

    def __init__(
        self,
        partition: int,
        decider: Decider[Any],
        ports: HostPorts,
        options: Options,
        epoch: str,
        loaded: Loaded,
    ) -> None:
        assert loaded.position is not None
        self.partition = partition
        self.decider = decider
        self.ports = ports
        self.options = options
        self.epoch = epoch
        self.version = loaded.version
        self.position: Position = loaded.position
        self.marks: dict[OrganizationId, Mark] = {
            organization_id: decoded_mark(data) for organization_id, data in loaded.parked.items()
        }
        self.organizations = Organizations(decider)
        self.due = DueIndex(loaded.due)
        self.asked = Asked()
        self._urgent: set[OrganizationId] = set()
        self.already = SaidAlready()
        self.saying = Saying(decider.name)
        self.hearing = Hearing(decider, self.saying, self.already)
        self.mark_offset = -1
        self._outbox_since = metrics.OUTBOX_SINCE.labels(partition)
        self.written_at = ports.clock.elapsed()
        self.batch = Batch()
        """What was heard and is not written yet."""
        self.has_written = False
        """Whether it was written since the claim and up to its mark."""
        self.has_said = False
        """Whether the stored outbox was acknowledged but is still in the store."""

    @property
    def is_caught_up(self) -> bool:
        """Whether the log was read up to our claim's mark; only then timers ring and parked ones read on."""
        return self.position.offset > self.mark_offset

    @property
    def linger_s(self) -> float:
        """How long records may gather now, while they keep coming."""
        if self.options.linger_ms is not None:
            return self.options.linger_ms / 1000
        return (self.decider.urgent_linger_ms if self._urgent else self.decider.linger_ms) / 1000

    async def load(self, wanted: Iterable[OrganizationId]) -> None:
        """Bring organizations into memory. Raises Refused, StoreUnavailable, Closed."""
        missing = self.organizations.missing(wanted)
        if not missing:
            return
        found = await self.ports.store.load(self.partition, missing, epoch=self.epoch, version=self.version)
        for organization_id, records in zip(missing, found, strict=True):
            try:
                self.organizations.load(organization_id, records).used_at = self.ports.clock.elapsed()
            except NewerSchema as error:
                raise Closed(f"a newer version wrote the records of {organization_id}: {error}") from error

    async def organization(self, organization_id: OrganizationId) -> Organization:
        """One organization, loaded if necessary."""
        found = self.organizations.get(organization_id)
        if found is None:
            await self.load((organization_id,))
            found = self.organizations.get(organization_id)
        assert found is not None
        return found

    async def go_on(self, position: Position) -> None:
        """Read on from `position`. What was heard is stored, then said, if it says anything.

        What says nothing is written with the next batch that does, or when it is as large as one read, or
        after `write_s`: a next owner who hears it once more comes to the same state, and says nothing either.
        What was missing at the claim is written at once, or each of many restarts would say the same outbox.
        """
        self.position = position
        self._look_at_touched()
        is_late = self.is_caught_up and not self.has_written
        if is_late or not self.batch.is_silent or self.batch.records >= self.options.records_max:
            await self.store_then_say()
            self.has_written = self.is_caught_up

    def _look_at_touched(self) -> None:
        """See what the organizations that were touched wait for: index their timers, so that they ring before
        any write, and note those in a hurry."""
        batch, now, is_urgent = self.batch, self.ports.clock.elapsed(), self.decider.is_urgent
        for organization_id, organization in batch.touched_now.items():
            organization.used_at = now
            mark = batch.marks.get(organization_id, self.marks.get(organization_id))
            # A parked organization's timers are not asked for: its facts are not applied.
            earliest = organization.state.earliest_due_at() if mark is None else None
            if self.due.set(organization_id, earliest):
                batch.due[organization_id] = earliest
            self.asked.forget_dropped(organization_id, organization.state)
            if mark is None and is_urgent is not None and is_urgent(organization.state):
                self._urgent.add(organization_id)
            else:
                self._urgent.discard(organization_id)
        batch.touched_now = {}

    async def store_then_say(self) -> None:
        """Store what was heard in one write, then send its outputs until all are acknowledged."""
        self._look_at_touched()
        batch, position = self.batch, self.position
        write = self._write(batch, position)
        await self._store(write)
        self.batch = Batch()
        for organization_id, mark in batch.marks.items():
            self.marks.pop(organization_id, None)
            if mark is not None:
                self.marks[organization_id] = mark
        for organization_id in batch.touched:
            standing = self.marks.get(organization_id)
            self.already.forget(organization_id, position.offset if standing is None else standing.offset)
        for labels, count in batch.outcomes.items():
            metrics.FACTS.counted[labels] += count
        for message in batch.said:
            type_ = type_name(message)
            metrics.count(self.decider.counts, type_, message)
            metrics.measure(self.decider.measures, type_, message)
        await self.say(write.outbox)

    def _write(self, batch: Batch, position: Position) -> Write:
        return Write(
            partition=self.partition,
            epoch=self.epoch,
            version=self.version,
            new_version=self.ports.tokens(),
            position=position,
            records={each.id: each.take_changes() for each in batch.touched.values()},
            due=batch.due,
            parked={
                organization_id: None if mark is None else encoded_mark(mark)
                for organization_id, mark in batch.marks.items()
            },
            outbox=batch.outbox(),
        )

    async def _store(self, write: Write) -> None:
        """Write once. After an unclear outcome the write is not repeated: the partition is claimed again."""
        began = self.ports.clock.elapsed()
        try:
            await self.ports.store.write(write)
        except Exception as error:
            metrics.STORE_WRITES.counted[(type(error).__name__,)] += 1
            raise
        self.version = write.new_version
        self.written_at = self.ports.clock.elapsed()
        metrics.STORE_WRITES.counted[("written",)] += 1
        metrics.STORE_SECONDS.observe(self.written_at - began)
        metrics.STORE_BYTES.counted[()] += _bytes(write)

    async def say(self, stored: tuple[Outgoing, ...]) -> None:
        """Send a stored outbox until all of it is acknowledged. Raises LogUnavailable.

        It stays stored until the next write. The next owner says it again; readers drop the repeat.
        """
        self.has_said = bool(stored)
        if not stored:
            return
        self._outbox_since.set(self.ports.clock.now() / 1000)
        pause = SEND_PAUSE_S
        for tries in range(1, SENDS_MAX + 1):
            try:
                await outbox.send(self.ports.log, self.partition, stored)
                break
            except LogUnavailable as error:
                metrics.SENDS_FAILED.inc()
                _log.warning("a send failed, the whole outbox goes again", error=str(error), tries=tries)
                if tries == SENDS_MAX:
                    raise
                await self.ports.clock.sleep(pause)
                pause = min(2 * pause, SEND_PAUSE_S_MAX)
        self._outbox_since.set(0)


def _bytes(write: Write) -> int:
    size = sum(len(each.value) for each in write.outbox)
    for found in write.records.values():
        size += sum(map(len, found)) + sum(map(len, filter(None, found.values())))
    return size
