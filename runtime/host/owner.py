"""Owns one partition: claims it, then takes turns, and claims it again after any unclear outcome."""

import asyncio
from typing import Any

import structlog

from contracts.codec import Malformed
from contracts.ids import Instant, OrganizationId
from contracts.log import OrganizationUnparked, TimerDue
from contracts.message import type_name
from runtime import metrics
from runtime.decision import Decider
from runtime.host import snapshots
from runtime.host.claiming import take
from runtime.host.hearing import Batch, Broken
from runtime.host.held import Held, HostPorts, Options
from runtime.host.organizations import encoded_mark
from runtime.host.parking import ReadingOn, is_hosts, park, unpark
from runtime.host.reader import Reader
from runtime.host.reading import Parsed, parsed
from runtime.host.timers import TIMERS_MAX
from runtime.ports import BlobsUnavailable, LogRecord, LogUnavailable, Outgoing, Position
from runtime.records import Timer

UNPARKED = type_name(OrganizationUnparked)
IDLE_CHECK_S = 60.0
COMMIT_S = 1.0
"""Committed offsets only show lag, which nobody reads more often; a commit costs a round trip."""

_log = structlog.get_logger()


class Owner:
    """Owns one partition for one service. `claim` first, then `turn` again and again."""

    def __init__(self, partition: int, decider: Decider[Any], ports: HostPorts, options: Options) -> None:
        self.partition = partition
        self.polled_at = ports.clock.elapsed()
        self.held: Held | None = None
        self.is_reading = False
        """Whether it waits for the log and may be interrupted: nothing has been heard yet."""
        self._decider = decider
        self._ports = ports
        self._options = options
        self._reader = Reader(ports.log, partition, records_max=options.records_max)
        self._uploading: asyncio.Task[None] | None = None
        self._gathers_until = 0.0
        """Until when what comes may gather, by this machine's clock."""
        self._timers_asked = 0
        self._rung_until = Instant(0)
        """Which timers the last turn looked at: those that were due by then."""
        self._committed: tuple[int, float] = (-1, 0.0)
        """The offset, and the time of its commit by this machine's clock."""

    async def claim(self) -> None:
        """Forget everything and take the partition. Raises what `take` raises."""
        self.drop()
        held = await take(self.partition, self._decider, self._ports, self._options)
        now = self._ports.clock.elapsed()
        self._reading_on = ReadingOn(held)
        self._rung_until = Instant(0)
        self._snapshot_at = now + self._options.snapshot_first_s
        self._idle_check_at = now + IDLE_CHECK_S
        self.held = held

    def drop(self) -> None:
        """Forget everything in memory: only the store and the log count."""
        self.held = None

    async def turn(self) -> bool:
        """Hear a batch, read on for parked organizations, ring timers, do upkeep; whether it heard any."""
        held = self.held
        assert held is not None
        await self._linger()
        self.is_reading = True
        try:
            records = await self._reader.read(held.position.offset, wait_ms=self._wait_ms(held))
        finally:
            self.is_reading = False
        self.polled_at = self._ports.clock.elapsed()
        if records:
            await self._hear(held, records)
            if len(records) < self._options.records_max:
                self._gathers_until = self.polled_at + held.linger_s
        elif held.has_said:
            # Only in a quiet moment: while batches follow each other, the next write replaces the outbox.
            await held.store_then_say()
        await self._commit(held.position.offset, is_quiet=not records)
        if held.is_caught_up:
            has_more = await self._reading_on.turn()
            await self._ring(held)
            await self._keep_up(held)
            return bool(records) or has_more
        return bool(records)

    async def leave(self) -> None:
        """Write what was heard in silence, so that the next owner need not hear it again."""
        if self.held is not None and self.held.batch.records:
            await self.held.store_then_say()

    async def _linger(self) -> None:
        """Let records gather after a batch that was not full; after a pause it is over already."""
        seconds = self._gathers_until - self._ports.clock.elapsed()
        if seconds > 0:
            await self._ports.clock.sleep(seconds)

    async def _hear(self, held: Held, records: list[LogRecord]) -> None:
        """Hear records in order; what they say is stored in one write with all unwritten ones, then sent."""
        batch = held.batch
        batch.records += len(records)
        now_at = held.position.now_at
        found: list[Parsed] = []
        for record in records:
            now_at = max(now_at, record.at)
            try:
                heard = parsed(record, now_at)
            except Malformed as error:
                held.hearing.put_aside(record, str(error), now_at, batch)
                continue
            if heard.type == UNPARKED or not is_hosts(heard, self._decider.name):
                found.append(heard)
        await held.load(each.organization_id for each in found if each.organization_id not in held.marks)
        for heard in found:
            await self._hear_one(held, heard, batch)
        await held.go_on(
            Position(held.position.log_id, held.position.partitions, records[-1].offset + 1, now_at)
        )

    async def _hear_one(self, held: Held, heard: Parsed, batch: Batch) -> None:
        if heard.type == UNPARKED:
            unpark(held, heard, batch)
            return
        if batch.marks.get(heard.organization_id, held.marks.get(heard.organization_id)) is not None:
            metrics.FACTS.counted[heard.type, "parked"] += 1
            return
        organization = await held.organization(heard.organization_id)
        try:
            held.hearing.hear(heard, organization, batch)
        except Broken as error:
            await park(held, heard, error, batch)

    async def _commit(self, offset: int, *, is_quiet: bool) -> None:
        """Commit the offset, which only lag and autoscaling read; a failure does no harm."""
        committed, at = self._committed
        now = self._ports.clock.elapsed()
        if offset == committed or (not is_quiet and now - at < COMMIT_S):
            return
        self._committed = (offset, now)
        try:
            await self._ports.log.commit(self.partition, offset)
        except LogUnavailable as error:
            _log.info("an offset was not committed", partition=self.partition, error=str(error))

    def _now(self, held: Held) -> Instant:
        """This machine's time, or the log's if that is ahead."""
        return Instant(max(self._ports.clock.now(), held.position.now_at))

    def _wait_ms(self, held: Held) -> int:
        """How long a read may wait: not past the next timer, nor past the next repeated request for one.

        A timer that fell due since they were last rung, as while records gathered, is the next one.
        """
        if not held.is_caught_up or any(mark.is_reading_on for mark in held.marks.values()):
            return 0
        wait = float(self._options.wait_ms_max)
        now = self._now(held)
        due_at = held.due.next_after(min(now, self._rung_until))
        if due_at is not None:
            wait = min(wait, due_at - now)
        again_at = held.asked.next_at()
        if again_at is not None:
            wait = min(wait, 1000 * (again_at - self._ports.clock.elapsed()))
        return max(0, int(wait))

    async def _ring(self, held: Held) -> None:
        """Append `timer_due` for each due timer, repeatedly until the state has dropped the timer."""
        now, elapsed = self._now(held), self._ports.clock.elapsed()
        due = list(held.due.due(now))
        self._rung_until = now
        if not due:
            return
        await held.load(due)
        records: list[Outgoing] = []
        asked: list[tuple[OrganizationId, Timer]] = []
        for organization_id in due:
            organization = await held.organization(organization_id)
            for timer in held.asked.wanted(organization_id, organization.state, now, elapsed):
                if len(records) >= TIMERS_MAX:
                    break
                records.append(self._timer_due(held, organization_id, timer_id=timer.timer_id))
                asked.append((organization_id, timer))
        if not records:
            return
        try:
            await self._ports.log.append(self.partition, records)
        except LogUnavailable as error:
            _log.warning("timers were not appended and go again", partition=self.partition, error=str(error))
            for organization_id, timer in asked:
                held.asked.put_off(organization_id, timer, self._ports.clock.elapsed())
            return
        for organization_id, timer in asked:
            if held.asked.note(organization_id, timer, elapsed):
                metrics.TIMERS_AGAIN.inc()

    def _timer_due(self, held: Held, organization_id: OrganizationId, *, timer_id: str) -> Outgoing:
        organization = held.organizations.get(organization_id)
        assert organization is not None
        timer = organization.state.timers[timer_id]
        fact = TimerDue(
            service=self._decider.name,
            timer_id=timer.timer_id,
            due_at=timer.due_at,
            kind=timer.kind,
            subject=timer.subject,
        )
        self._timers_asked += 1
        unique = f"{held.epoch}/{self._timers_asked}"
        return held.saying.timer_due(fact, organization_id, unique, held.position.now_at)

    async def _keep_up(self, held: Held) -> None:
        """Write what waits, forget idle organizations and take the snapshot, each when it is time."""
        now = self._ports.clock.elapsed()
        is_check = now >= self._idle_check_at
        # Only what is written may be forgotten.
        if is_check or now - held.written_at >= self._options.write_s:
            await held.store_then_say()
        if is_check:
            self._idle_check_at = now + IDLE_CHECK_S
            held.organizations.forget_idle(now - self._options.idle_s)
        if now >= self._snapshot_at:
            self._snapshot_at = now + self._options.snapshot_s
            await self.snapshot()

    async def snapshot(self) -> None:
        """Take a copy between two batches; its upload to S3 runs while the partition goes on."""
        held = self.held
        assert held is not None
        await held.store_then_say()
        taken = await snapshots.taken(
            self._ports.store,
            self.partition,
            epoch=held.epoch,
            version=held.version,
            position=held.position,
            due=held.due.all(),
            parked={each: encoded_mark(mark) for each, mark in held.marks.items()},
        )
        if self._uploading is not None and not self._uploading.done():
            return
        self._uploading = asyncio.create_task(self._upload(snapshots.encoded(taken)))

    async def _upload(self, data: bytes) -> None:
        key = snapshots.key_of(self._options.prefix, self._decider.name, self.partition)
        try:
            await self._ports.blobs.put(key, data)
        except BlobsUnavailable as error:
            metrics.SNAPSHOTS.labels("failed").inc()
            _log.warning("a snapshot was not kept", key=key, error=str(error))
            return
        metrics.SNAPSHOTS.labels("kept").inc()
        metrics.SNAPSHOT_AT.labels(self.partition).set(self._ports.clock.now() / 1000)

    async def settle(self) -> None:
        """Wait for a running upload before the process ends."""
        if self._uploading is not None:
            await self._uploading

    def show_gauges(self) -> list[Any]:
        """Set the partition's gauges; the share of each organization in memory in the business's."""
        held, gauges = self.held, self._decider.gauges
        if held is None:
            return []
        metrics.LOADED.labels(self.partition).set(len(held.organizations))
        metrics.PARKED.labels(self.partition).set(len(held.marks))
        return [] if gauges is None else [gauges(each.state) for each in held.organizations]
