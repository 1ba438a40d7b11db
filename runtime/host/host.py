"""Owns partitions as they come and go, and says whether the service is ready."""

import asyncio
import contextlib
from typing import Any

import structlog

from contracts.topics import FACTS
from runtime import metrics
from runtime.decision import Decider
from runtime.host import identity
from runtime.host.held import Closed, HostPorts, Options
from runtime.host.identity import RefusedToStart
from runtime.host.owner import Owner
from runtime.ports import LogUnavailable, Refused, StoreUnavailable

CLOSED_PAUSE_S = 30.0
"""How often a closed partition, which waits for a person, is tried again."""
CLAIM_PAUSE_S = 0.2
CLAIM_PAUSE_S_MAX = 10.0
POLL_S_MAX = 30.0
"""Reads wait five seconds, so a partition without a read for half a minute stands still."""
WRITE_S_MAX = 60.0
"""Idle partitions write every 10 s, so after a minute without a write the store does not answer."""

_log = structlog.get_logger()


class Host:
    """Runs one decider on the partitions that the log gives it."""

    def __init__(self, decider: Decider[Any], ports: HostPorts, options: Options) -> None:
        self._decider = decider
        self._ports = ports
        self._options = options
        self._owners: dict[int, Owner] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leaving: dict[int, asyncio.Event] = {}
        self._closed: dict[int, str] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._has_joined = False
        self._refused: RefusedToStart | None = None
        self._nothing = [] if decider.gauges is None else [decider.gauges(decider.new_state())]
        """The share of an organization without records: so gauges go to 0 when the last one leaves memory."""
        self._stopped = asyncio.Event()

    async def run(self, *, broker_without_time_is_fine: bool) -> None:
        """Own partitions until `stop`. Raises RefusedToStart."""
        await self._check_time(is_fine=broker_without_time_is_fine)
        metrics.PARTITIONS.set(self._ports.log.partitions)
        await self._ports.log.own(self.gained, self.lost)
        await self._stopped.wait()
        await self._ports.log.disown()
        await self.lost(tuple(self._tasks))
        if self._refused is not None:
            raise self._refused

    def stop(self) -> None:
        """Finish the current batch on every partition, then end."""
        self._stopped.set()
        for partition in self._leaving:
            self._leave(partition)

    async def _check_time(self, *, is_fine: bool) -> None:
        """Refuse a broker that sets no time, except on loopback: timers and deadlines follow its time."""
        name = self._decider.name
        await identity.log_id(self._ports.log, 0, self._ports.tokens)
        if await identity.has_time(self._ports.log, 0, name):
            return
        if not is_fine:
            raise RefusedToStart(
                "this broker does not set the time of records: message.timestamp.type is not LogAppendTime, "
                "or it is embedded. For a demo on loopback set RINGBACK_ALLOW_BROKER_WITHOUT_TIME=1."
            )
        _log.warning("the broker keeps no time of its own: good for a demo on loopback only")

    async def gained(self, partitions: tuple[int, ...]) -> None:
        """Start to own these partitions; with none, this replica stands by."""
        self._has_joined = True
        for partition in partitions:
            async with self._lock(partition):
                if self._stopped.is_set() or partition in self._tasks:
                    continue
                owner = Owner(partition, self._decider, self._ports, self._options)
                self._owners[partition] = owner
                leaving = self._leaving[partition] = asyncio.Event()
                self._tasks[partition] = asyncio.create_task(self._live(owner, leaving))

    async def lost(self, partitions: tuple[int, ...]) -> None:
        """Stop owning these partitions: finish the current batch, then drop them from memory."""
        for partition in partitions:
            self._leave(partition)
        for partition in partitions:
            async with self._lock(partition):
                task = self._tasks.pop(partition, None)
                if task is not None:
                    await asyncio.wait((task,))
                self._owners.pop(partition, None)
                self._closed.pop(partition, None)
                metrics.OWNED.labels(partition).set(0)
                metrics.forget_partition(partition)
                # Another replica tells now how far it is; our last figure would stand for ever.
                with contextlib.suppress(KeyError):
                    metrics.LAG.remove(*self._lag_labels(partition))

    def _leave(self, partition: int) -> None:
        """Let a partition's owner end after its batch; one that waits for the log need not wait on."""
        if partition not in self._leaving:
            return
        self._leaving[partition].set()
        task, owner = self._tasks.get(partition), self._owners.get(partition)
        if task is not None and owner is not None and owner.is_reading:
            task.cancel()

    def _lock(self, partition: int) -> asyncio.Lock:
        """The partition's lock, so that gaining and losing it never overlap."""
        return self._locks.setdefault(partition, asyncio.Lock())

    async def _live(self, owner: Owner, leaving: asyncio.Event) -> None:
        """Claim and take turns until told to leave. Only here are a turn's exceptions caught."""
        pause = CLAIM_PAUSE_S
        partition = owner.partition
        while not leaving.is_set():
            try:
                await owner.claim()
                metrics.CLAIMS.labels("claimed").inc()
                self._open(partition)
                while not leaving.is_set():
                    await _turn(owner, leaving)
                    pause = CLAIM_PAUSE_S
                    await asyncio.sleep(0)
                await owner.leave()
            except RefusedToStart as refusal:
                _log.error("refused to start", partition=partition, reason=str(refusal))
                self._refused = refusal
                self.stop()
            except Closed as closed:
                self._close(partition, str(closed))
                await _pause(leaving, CLOSED_PAUSE_S)
            except (Refused, StoreUnavailable, LogUnavailable) as error:
                metrics.CLAIMS.labels(type(error).__name__).inc()
                _log.warning("claiming again", partition=partition, why=str(error), kind=type(error).__name__)
                await _pause(leaving, pause)
                pause = min(2 * pause, CLAIM_PAUSE_S_MAX)
            except Exception:
                metrics.CLAIMS.labels("error").inc()
                _log.exception("claiming again after an error that nobody foresaw", partition=partition)
                await _pause(leaving, pause)
                pause = min(2 * pause, CLAIM_PAUSE_S_MAX)
            finally:
                owner.drop()
        await owner.settle()

    def _close(self, partition: int, reason: str) -> None:
        self._closed[partition] = reason
        metrics.CLOSED.labels(partition).set(1)
        _log.error("partition closed", partition=partition, reason=reason)

    def _open(self, partition: int) -> None:
        self._closed.pop(partition, None)
        metrics.CLOSED.labels(partition).set(0)
        metrics.OWNED.labels(partition).set(1)

    def reasons_not_ready(self) -> list[str]:
        """Why this process must get no traffic now; empty when it is ready."""
        if not self._has_joined:
            return ["waiting to be given partitions"]
        now = self._ports.clock.elapsed()
        reasons = [f"partition {each}: {reason}" for each, reason in sorted(self._closed.items())]
        for partition, owner in sorted(self._owners.items()):
            if partition in self._closed:
                continue
            if owner.held is None or not owner.held.is_caught_up:
                reasons.append(f"partition {partition}: claiming, or reading what the log already says")
            elif now - owner.polled_at > POLL_S_MAX:
                reasons.append(f"partition {partition}: last read {now - owner.polled_at:.0f} s ago")
            elif now - owner.held.written_at > WRITE_S_MAX:
                reasons.append(
                    f"partition {partition}: last store write {now - owner.held.written_at:.0f} s ago"
                )
        return reasons

    async def show_lag(self) -> None:
        """Ask the log how many records each partition is behind; without an answer the figures stay."""
        with contextlib.suppress(LogUnavailable):
            for partition in tuple(self._owners):
                end = await self._ports.log.next_offset(partition)
                owner = self._owners.get(partition)
                if owner is not None and owner.held is not None:
                    behind = max(0, end - owner.held.position.offset)
                    metrics.LAG.labels(*self._lag_labels(partition)).set(behind)

    def _lag_labels(self, partition: int) -> tuple[str, str, str]:
        return self._decider.name, FACTS.name, str(partition)

    def show_gauges(self) -> None:
        """Set the partitions' and the business's gauges; called when metrics are asked for."""
        shares = [share for owner in self._owners.values() for share in owner.show_gauges()]
        metrics.show([*self._nothing, *shares])


async def _turn(owner: Owner, leaving: asyncio.Event) -> None:
    """One turn; when told to leave, its wait for the log may be cut short."""
    try:
        await owner.turn()
    except asyncio.CancelledError:
        if not leaving.is_set():
            raise


async def _pause(leaving: asyncio.Event, seconds: float) -> None:
    """Wait, or return early when told to leave."""
    try:
        await asyncio.wait_for(leaving.wait(), seconds)
    except TimeoutError:
        return
