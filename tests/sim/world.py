"""The whole company in one event loop: real services, the real host, ports in memory, virtual time."""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from contracts import codec
from contracts.message import Fact
from contracts.topics import DELIVERY
from contracts.voicemail import SendLetter, StoreMessage
from runtime.decision import Decider
from runtime.edge import Subscription
from runtime.edge_runner import said_record
from runtime.host.held import HostPorts, Options
from runtime.host.host import Host
from runtime.memory import MemoryBlobs, MemoryStore, StoredPartition, counting_tokens
from runtime.ports import LogUnavailable, StoreUnavailable
from services.callback.service import SERVICE as CALLBACK
from services.gateway.simulated import SimulatedNetwork
from services.gateway.simulated.audio import SAMPLES_PER_MS
from services.queue.service import SERVICE as QUEUE
from services.routing.service import SERVICE as ROUTING
from services.voicemail.service import SERVICE as VOICEMAIL
from tests.sim import edges
from tests.sim.bent_workloads import Bend
from tests.sim.gateways import Gateways, Plan
from tests.sim.interventions import Doings
from tests.sim.ports import Faults, Outages, Process, ProcessBlobs, ProcessLog, ProcessStore, SharedLog
from tests.sim.prompts import Prompts
from tests.sim.returning_customers import Watchers
from tests.sim.switchboard import Dialled, HungUp
from tests.sim.virtual_time import START_MS, VirtualClock, VirtualLoop, run
from tests.sim.workload import CLOUD, ORGANIZATION, ZERO_S, Workload, workload

DECIDERS: Final[tuple[Decider[Any], ...]] = (ROUTING, QUEUE, CALLBACK, VOICEMAIL)
AFTERMATH_S: Final = 900.0
"""After the last call everything must end within this time: a letter or an attempt waits longest.

A slow PBX's last recording has the time that its sending takes besides (`World._sent_at_s`).
"""
SILENCE_S: Final = 4.0
SILENCES_MAX: Final = 60
RESTARTED: Final = "was restarted on purpose"
STARTS_S: Final = 2.0
"""Within this time a started process has taken up its predecessor's work."""
QUIET_S: Final = 60.0
"""Unprompted or repeated facts come within this time."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One fact on the log, with its place there."""

    offset: int
    at: int
    envelope: codec.Envelope
    fact: Fact


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One command on its way."""

    envelope: codec.Envelope
    command: Any


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """What PBXs and S3 have at the end of a run."""

    legs: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    sounds: dict[str, bytes] = {}
    """What each recording was when a PBX of several gateways was told to free it, A-law."""
    objects: dict[str, bytes] = {}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a run leaves behind for checkers."""

    seed: int
    workload: Workload | None
    """None for a fabricated log."""
    facts: tuple[Said, ...]
    commands: tuple[Sent, ...]
    mailbox: tuple[SendLetter, ...]
    dialled: Counter[str]
    stores: dict[str, MemoryStore]
    crashes: tuple[str, ...]
    outages: tuple[tuple[int, int], ...] = ()
    """Intervals in which a PBX or a process of ours was not up."""
    gateways: int = 1
    dialled_by: tuple[Dialled, ...] = ()
    """Of several gateways: which of them requested each dialling that reached a PBX."""
    hung_up: tuple[HungUp, ...] = ()
    """Of several gateways: talks that one of them ended without knowing the leg, or having the PBX."""
    stolen: tuple[str, ...] = ()
    """Of several gateways: claims of PBXs that their process knew to be another's."""
    remains: Remains = Remains()


class World:
    """Builds the processes, restarts them when they die, and plays the morning."""

    def __init__(
        self,
        seed: int,
        faults: Faults,
        loop: VirtualLoop,
        deciders: tuple[Decider[Any], ...],
        newer: Mapping[str, Decider[Any]],
        bend: Bend | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.seed = seed
        self._newer = newer
        self.deciders = deciders
        self._loop = loop
        self._chance = random.Random(f"faults {seed}")
        self._faults = faults
        self.log = SharedLog(loop)
        self.blobs = MemoryBlobs()
        self.stores = {decider.name: MemoryStore() for decider in deciders}
        self._copies: dict[str, list[dict[int, StoredPartition]]] = {each.name: [] for each in deciders}
        self.committed: dict[str, int] = {}
        self.mailbox: list[SendLetter] = []
        self.crashes: list[str] = []
        self.is_calm = False
        self._running: dict[str, Process] = {}
        self._processes: list[Process] = []
        # A dead process's tasks hang for ever; without this their collection would print warnings.
        self._works: list[asyncio.Task[None]] = []
        usual = workload(seed, START_MS)
        self.workload = usual if bend is None else bend(usual)
        self.network = SimulatedNetwork(self.workload.script, Prompts(), seed=seed)
        self.bell = edges.Bell()
        self.outages = Outages(loop)
        self.doings = Doings(
            loop, self.log.clock.now, self.network, CLOUD, self.bell, self._say_soon, self._hold_up
        )
        planned = self.workload
        self.log.watched = Watchers(planned.plans, self.doings, planned.office, planned.departments).watch
        self.spool = Path(tempfile.mkdtemp(prefix="ringback-sim-"))
        # The same secret in every run, so that a seed repeats addresses, too.
        (self.spool / "secret").write_bytes(bytes(32))
        self.gateways = None if plan is None else self._several(plan)

    def _several(self, plan: Plan) -> Gateways:
        return Gateways(
            self.seed,
            plan,
            self._loop,
            log=self.log,
            blobs=self.blobs,
            network=self.network,
            bell=self.bell,
            outages=self.outages,
            spool=self.spool,
            organization_id=ORGANIZATION,
            begin=lambda work: self._works.append(asyncio.create_task(work)),
        )

    async def play(self) -> None:
        """Play the morning, then the time in which everything must end."""
        for fact in self.workload.book:
            await self._say_directory(fact)
        lives = [
            *(
                asyncio.create_task(self._lives(decider.name, self._decider(decider)))
                for decider in self.deciders
            ),
            *self._gateways(),
            asyncio.create_task(self._lives("delivery", self._delivery)),
            asyncio.create_task(self._weather()),
        ]
        self._loop.call_later(ZERO_S, self._begin)
        for at_s, fact in self.workload.changes:
            await asyncio.sleep(max(0.0, at_s - self._loop.time()))
            await self._say_directory(fact)
        await asyncio.sleep(max(0.0, self.workload.ends_at_s - self._loop.time()))
        self.is_calm = True
        for process in self._processes:
            process.faults = CALM
        if self._faults.crash > 0:
            # Everything is restarted once, when only timers are left to wake processes.
            for process in self._running.values():
                process.kill(RESTARTED)
            await self._restart_sleepers()
        await self._until_quiet()
        raised = [crash for crash in self.crashes if edges.RAISED in crash]
        assert not raised, raised
        for life in lives:
            if life.done():
                life.result()

    def _gateways(self) -> list[asyncio.Task[None]]:
        """One gateway with all PBXs, or several that share them."""
        several = self.gateways
        if several is None:
            return [asyncio.create_task(self._lives("gateway", self._gateway))]
        lives = [
            asyncio.create_task(self._lives(name, several.live, begin_s=begin_s))
            for name, begin_s in several.plan.begins_s.items()
        ]
        return [*lives, asyncio.create_task(several.group.run())]

    def _begin(self) -> None:
        """Let people begin to call, and wake the tasks that wait for the network's next event."""
        self.network.begin(self._now())
        self.bell.ring()
        if self.gateways is not None:
            self._works.append(asyncio.create_task(self.gateways.change()))

    async def _restart_sleepers(self) -> None:
        """Restart deciders in every silence that only a timer may end: a mere listener would never wake."""
        for _ in range(SILENCES_MAX):
            end = self.log.end(0)
            await asyncio.sleep(SILENCE_S)
            if self.log.end(0) == end and any(self._timers(store) for store in self.stores.values()):
                for decider in self.deciders:
                    self._running[decider.name].kill(RESTARTED)

    @staticmethod
    def _timers(store: MemoryStore) -> list[int]:
        return [int(at) for stored in store.stored.values() for at in stored.due.values()]

    async def _until_quiet(self) -> None:
        """Wait until nothing more can come by itself: no phone and no timer is due, and no fact is recent."""
        usual_s = self._loop.time() + AFTERMATH_S + self.doings.away_s
        ends_at_s = max(usual_s, self._sent_at_s() + AFTERMATH_S)
        while self._loop.time() < ends_at_s:
            end = self.log.end(0)
            await asyncio.sleep(QUIET_S)
            if self.log.end(0) == end and not self._is_anything_due(START_MS + round(ends_at_s * 1000)):
                return
            # What was recorded meanwhile is sent later.
            ends_at_s = max(ends_at_s, self._sent_at_s() + AFTERMATH_S)

    def _sent_at_s(self) -> float:
        """When the slow PBXs can have sent each recording that is closed and still with them.

        A talk of five minutes takes one fifty to send, and its gateway is right to wait. A recording's close
        and length are fixed, so a gateway that asks for it again and again, or never, gains no time: the
        morning ends, and what was not told or is still with its PBX is found (`gateway_invariants.py`).
        """
        sent_at_s = 0.0
        for pbx in self.network.pbxs.values():
            bytes_per_s = pbx.script.network.sound_bytes_per_s
            for tape in pbx.recorder.tapes.values():
                if bytes_per_s is not None and tape.closed_at is not None:
                    sound_bytes = (tape.closed_at - tape.track.started_at) * SAMPLES_PER_MS
                    closed_s = (tape.closed_at - START_MS) / 1000
                    sent_at_s = max(sent_at_s, closed_s + sound_bytes / bytes_per_s)
        return sent_at_s

    def _is_anything_due(self, until_at: int) -> bool:
        phone_at = self.network.next_event_at()
        if phone_at is not None and phone_at <= until_at:
            return True
        if self.gateways is not None and not self.gateways.group.is_done:
            return True
        for store in self.stores.values():
            stored = store.stored.get(0)
            # A store that went back is behind until its owner notices.
            if stored is None or stored.position is None or stored.position.offset < self.log.end(0):
                return True
            if any(at <= until_at for at in self._timers(store)):
                return True
        return False

    def _now(self) -> int:
        return int(self.log.clock.now())

    def _hold_up(self, name: str, for_s: float) -> None:
        self._running[name].stand_still(for_s)

    def _say_soon(self, fact: Fact) -> None:
        self._works.append(asyncio.create_task(self._say_directory(fact)))

    async def _say_directory(self, fact: Fact) -> None:
        record = said_record(
            fact, organization_id=ORGANIZATION, source="directory", cause="", seq=0, incarnation=0, index=0
        )
        await self.log.append(0, [record])

    async def _weather(self) -> None:
        """Now and then let a store fail over and lose its last writes, or empty it."""
        while self._faults.stores_forget and not self.is_calm:
            await asyncio.sleep(self._chance.uniform(20.0, 150.0))
            name = self._chance.choice([decider.name for decider in self.deciders])
            store, copies = self.stores[name], self._copies[name]
            if not copies:
                continue
            if self._chance.random() < 0.3:
                store.stored = {}
                self.crashes.append(f"store of {name} emptied")
            else:
                self._roll_back(name)

    def _roll_back(self, name: str) -> None:
        copies = self._copies.get(name)
        if copies:
            chosen = self._chance.choice(copies)
            self.stores[name].stored = {partition: stored.copy() for partition, stored in chosen.items()}
            self.crashes.append(f"store of {name} rolled back")

    async def _lives(self, name: str, start: Any, *, begin_s: float = 0.0) -> None:
        """Run one process after the other under a name, each until it dies, from `begin_s` on."""
        number = 0
        if begin_s:
            await asyncio.sleep(ZERO_S + begin_s)
        while True:
            number += 1
            clock = VirtualClock(self._loop, ahead_ms=self._chance.choice((0, 0, 0, 90_000)))
            if self._faults.crash == 0:
                clock = VirtualClock(self._loop)
            chance = random.Random(f"{self.seed} {name} {number}")
            process = Process(f"{name}#{number}", chance, self._faults_of(name), clock, self.outages)
            process.is_newer = number % 2 == 0
            self._running[name] = process
            self._processes.append(process)
            work = asyncio.create_task(start(process))
            self._works.append(work)
            await asyncio.wait((work, process.died), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                # A process that misses a part at its start ends and is started again.
                assert isinstance(work.exception(), LogUnavailable | StoreUnavailable), work
                process.kill(str(work.exception()))
            else:
                work.add_done_callback(self._zombie_ended)
            self.crashes.append(f"{process.name} {process.died.result()}")
            died_s = self._loop.time()
            if not self.is_calm and self._chance.random() < self._faults.forgets_with_crash:
                self._roll_back(name)
            await asyncio.sleep(self._pause_s(name))
            self.outages.note(since_s=died_s, until_in_s=STARTS_S)

    def _pause_s(self, name: str) -> float:
        if self.gateways is not None and name in self.gateways.plan.begins_s:
            return self.gateways.pause_s(name)
        return self._chance.uniform(0.1, 8.0)

    def _faults_of(self, name: str) -> Faults:
        # The names of several gateways are numbered.
        is_meant = self._faults.only in ("", name.partition("-")[0])
        return CALM if self.is_calm or not is_meant else self._faults

    def _zombie_ended(self, work: asyncio.Task[None]) -> None:
        """Ignore the errors of a process that runs beside its successor: it would be restarted."""
        if not work.cancelled() and work.exception() is not None:
            self.crashes.append(f"a zombie ended by itself: {work.exception()!r}")

    def _decider(self, decider: Decider[Any]) -> Any:
        async def live(process: Process) -> None:
            runs = self._newer.get(decider.name, decider) if process.is_newer else decider
            store = self.stores[decider.name]
            ports = HostPorts(
                log=ProcessLog(process, self.log),
                store=ProcessStore(process, store, self._copies[decider.name]),
                blobs=ProcessBlobs(process, self.blobs),
                clock=process.clock,
                tokens=counting_tokens(f"{process.name}-"),
            )
            await Host(
                runs,
                ports,
                Options(version="2" if process.is_newer else "1", wait_ms_max=20_000, write_s=60.0),
            ).run(broker_without_time_is_fine=False)

        return live

    async def _gateway(self, process: Process) -> None:
        registry, subscriptions = edges.gateway(
            process, self.log, self.blobs, self.network, self.bell, self.spool, ORGANIZATION
        )
        # The timers of a dead gateway would ring on to the end of the day.
        process.ended.append(lambda: self._works.append(asyncio.create_task(registry.stop())))
        await self._edge(process, subscriptions, [each() for each in registry.background])

    async def _delivery(self, process: Process) -> None:
        chance = random.Random(f"{self.seed} {process.name} delivery")
        delivery = edges.Delivery(
            process, self.log, chance, self.mailbox, lambda: 0.0 if self.is_calm else 0.2
        )
        hears = (StoreMessage, SendLetter)
        await self._edge(process, (Subscription(topic=DELIVERY, hears=hears, handle=delivery.handle),), [])

    async def _edge(
        self,
        process: Process,
        subscriptions: tuple[Subscription, ...],
        background: list[Awaitable[None]],
    ) -> None:
        reader = edges.Reader(process, self.log, self.committed)
        async with asyncio.TaskGroup() as together:
            for subscription in subscriptions:
                together.create_task(reader.run(subscription))
            for work in background:
                together.create_task(_awaited(work))

    def result(self) -> Run:
        """What happened."""
        facts = []
        for record in self.log.facts[0]:
            envelope = codec.envelope(record.headers)
            fact = codec.decode(envelope.type, record.value)
            assert isinstance(fact, Fact)
            facts.append(Said(offset=record.offset, at=record.at, envelope=envelope, fact=fact))
        commands = []
        for records in self.log.topics.values():
            for sent in records:
                envelope = codec.envelope(sent.headers)
                commands.append(Sent(envelope=envelope, command=codec.decode(envelope.type, sent.value)))
        return Run(
            seed=self.seed,
            workload=self.workload,
            facts=tuple(facts),
            commands=tuple(commands),
            mailbox=tuple(self.mailbox),
            dialled=Counter(self.network.counts),
            stores=self.stores,
            crashes=tuple(self.crashes),
            outages=tuple(self.outages.spans),
            gateways=1 if self.gateways is None else len(self.gateways.plan.begins_s),
            dialled_by=() if self.gateways is None else self.gateways.dialled,
            hung_up=() if self.gateways is None else self.gateways.hung_up,
            stolen=() if self.gateways is None else tuple(self.gateways.stolen),
            remains=self._remains(),
        )

    def _remains(self) -> Remains:
        pbxs = self.network.pbxs.values()
        return Remains(
            legs=tuple(each.leg_id for pbx in pbxs for each in pbx.legs.values() if not each.is_over),
            recordings=tuple(each for pbx in pbxs for each in pbx.recorder.tapes),
            sounds={} if self.gateways is None else self.gateways.sounds,
            objects={key: data for key, (data, _) in self.blobs.objects.items()},
        )


async def _awaited(work: Awaitable[None]) -> None:
    await work


CALM: Final = Faults()
CALMER: Final = Faults(crash=0.003, freeze=0.001, fail_before=0.003, fail_after=0.003)
"""Many deaths, but no store that forgets: the one case that is not covered (docs/operating.md)."""
STORMY: Final = Faults(
    crash=0.0008, freeze=0.0004, fail_before=0.004, fail_after=0.004, misread=0.002, stores_forget=True
)


def simulate(
    seed: int,
    faults: Faults = STORMY,
    deciders: tuple[Decider[Any], ...] = DECIDERS,
    newer: Mapping[str, Decider[Any]] = MappingProxyType({}),
    bend: Bend | None = None,
    plan: Plan | None = None,
) -> Run:
    """Play the morning of one seed, from the first record to the last.

    `newer` are versions of deciders with other decisions: every second process of a name runs them, so that
    old and new take over from each other, back and forth. `bend` changes the workload (`bent_workloads.py`).
    With a `plan` several gateways share the PBXs (`gateways.py`).
    """
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    spools: list[Path] = []

    async def main() -> Run:
        world = World(seed, faults, loop, deciders, newer, bend, plan)
        spools.append(world.spool)
        await world.play()
        return world.result()

    try:
        return run(main(), loop)
    finally:
        asyncio.set_event_loop(None)
        for spool in spools:
            shutil.rmtree(spool, ignore_errors=True)
