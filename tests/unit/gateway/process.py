"""A gateway process without its broker: registry, spool and the adapter over TCP, on a log that is a list."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from contracts.codec import Envelope
from contracts.gateway import PbxClaimed
from contracts.ids import Instant, OrganizationId, PbxId
from contracts.message import Fact, type_name
from contracts.telephony import TelephonyCommand
from ringback.phones import PhonesServer
from runtime.edge import ALL, EdgePorts, Heard, NotSaid, Said, Share
from runtime.memory import MemoryBlobs
from runtime.ports import BlobsUnavailable
from runtime.system_clock import SystemClock
from services.gateway.activities.pbx_registry import PbxRegistry
from services.gateway.activities.spool import Spool
from services.gateway.service import adapter_at
from tests import offices
from tests.contract.gateway.benches import LINE, PBX, SPEED, a_network

ORGANIZATION = OrganizationId("acme")
F = TypeVar("F", bound=Fact)


class FlakyBlobs(MemoryBlobs):
    """An S3 that can be down, or lose what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.is_up = True
        self.loses = 0
        self.puts = 0
        self.on_refusal: Callable[[], None] = lambda: None
        """Called when it is down and asked, in the very moment."""

    async def put(self, key: str, data: bytes, **options: Any) -> None:
        if not self.is_up:
            self.on_refusal()
            raise BlobsUnavailable("503")
        self.puts += 1
        if self.loses:
            self.loses -= 1
            data = data[:-1]
        await super().put(key, data, **options)


class JumpingClock(SystemClock):
    """The machine's clock, for a process that sleeps without knowing it."""

    ahead_ms = 0

    def now(self) -> Instant:
        return Instant(super().now() + self.ahead_ms)


class GatewayProcess:
    """One gateway process; `crash` ends it, and another one finds log, spool and phones as they are."""

    def __init__(self, folder: Path, server: PhonesServer, port: int) -> None:
        self.folder = folder
        self.server = server
        self.port = port
        self.log: list[Heard] = []
        self.blobs = FlakyBlobs()
        self.says_fail = 0
        self.seqs = 0
        self.reads = True
        self.clock = JumpingClock()
        self._told: list[asyncio.Task[None]] = []

    # A process

    async def start(self, share: Share = ALL) -> None:
        ports = EdgePorts(say=self._say, blobs=self.blobs, clock=self.clock, log_time=lambda: self.log[-1].at)
        self.spool = Spool(self.folder)
        self.registry = PbxRegistry(
            {f"{ORGANIZATION}/{PBX}": f"tcp://127.0.0.1:{self.port}"},
            adapter_at=adapter_at,
            ports=ports,
            spool=self.spool,
            spool_url="http://127.0.0.1/spool?recording=",
        )
        await self.registry.own(share)
        self._running = [asyncio.create_task(self._read())]
        self._running += [asyncio.ensure_future(work()) for work in self.registry.background]

    def beside(self, folder: Path) -> "GatewayProcess":
        """Another process of the same group, with a volume of its own; not started yet."""
        other = GatewayProcess(folder, self.server, self.port)
        other.log, other.blobs = self.log, self.blobs
        return other

    async def crash(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.registry.stop()

    async def _read(self) -> None:
        heard = 0
        while True:
            while self.reads and heard < len(self.log):
                heard += 1
                await self.registry.hear(self.log[heard - 1])
            await asyncio.sleep(0.002)

    async def _say(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        await asyncio.sleep(0)
        if self.says_fail:
            self.says_fail -= 1
            raise NotSaid("the broker is away")
        return tuple(
            self.append(fact, source=source, seq=seq + i if seq else 0, incarnation=incarnation)
            for i, fact in enumerate(facts)
        )

    def append(self, fact: Fact, *, source: str = "directory", seq: int = 0, incarnation: int = 0) -> Said:
        envelope = Envelope(
            id=f"{source}/{len(self.log)}",
            type=type_name(fact),
            source=source,
            organization_id=ORGANIZATION,
            seq=seq,
            incarnation=incarnation,
        )
        at = Instant(time.time_ns() // 1_000_000)
        self.log.append(Heard(message=fact, envelope=envelope, partition=0, offset=len(self.log), at=at))
        return Said(partition=0, offset=len(self.log) - 1)

    # What tests do

    def know(self) -> None:
        """The directory says whose the PBX is."""
        self.append(offices.pbx(PBX, LINE, name="Volga"))

    def claim(self, name: str) -> None:
        """Somebody else's claim."""
        self.append(PbxClaimed(pbx_id=PBX, claim=name), source=f"gateway/{PBX}")

    def tell(self, command: TelephonyCommand) -> asyncio.Task[None]:
        """A command, in the order of its topic."""
        self.seqs += 1
        envelope = Envelope(
            id=f"queue/{self.seqs}",
            type=type_name(command),
            source="queue",
            organization_id=ORGANIZATION,
            seq=self.seqs,
        )
        at = Instant(time.time_ns() // 1_000_000)
        heard = Heard(message=command, envelope=envelope, partition=0, offset=self.seqs, at=at)
        task = asyncio.create_task(self.registry.command(heard))
        self._told.append(task)
        return task

    def facts(self, kind: type[F]) -> list[F]:
        return [each.message for each in self.log if isinstance(each.message, kind)]

    async def until(self, kind: type[F], count: int = 1, seconds: float = 30.0) -> F:
        """Wait until so many of these stand on the log."""
        await self.wait(lambda: len(self.facts(kind)) >= count, f"{count} {kind.__name__}", seconds)
        return self.facts(kind)[count - 1]

    async def wait(self, is_so: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, f"never: {what}; {[type_name(h.message) for h in self.log]}"
            await asyncio.sleep(0.01)

    async def finish(self) -> None:
        await self.crash()
        for task in self._told:
            task.cancel()
        await asyncio.gather(*self._told, return_exceptions=True)
        await self.server.stop()


@asynccontextmanager
async def gateway_process(
    folder: Path, *, is_known: bool = True, **network: Any
) -> AsyncIterator[GatewayProcess]:
    """A gateway with its phones, which live SPEED times as fast as we."""
    server = PhonesServer(a_network(**network), speed=SPEED)
    port = await server.start(0)
    server.begin()
    made = GatewayProcess(folder, server, port)
    if is_known:
        made.know()
    await made.start()
    try:
        yield made
    finally:
        await made.finish()


__all__ = ["ORGANIZATION", "PBX", "GatewayProcess", "PbxId", "gateway_process"]
