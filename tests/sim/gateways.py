"""Several gateways of one group: they share the PBXs, come and go, die, and sleep.

Each has a lasting name and a volume of its own, and is started again under that name. What happens to them
follows from the seed; it begins after the first calls and ends before the morning does.
"""

import asyncio
import math
import random
from collections.abc import Callable
from enum import StrEnum, auto
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.gateway import (
    Bridged,
    LegAnswered,
    LegRequested,
    LegRinging,
    PbxClaimed,
    RecordingRequested,
    RecordingSpooled,
)
from contracts.ids import Instant, OrganizationId, PbxId
from contracts.message import Fact
from contracts.topics import FACTS
from runtime.edge import NONE, Share, Subscription
from runtime.edge_runner import SubscriptionRunner, commit_now_and_then
from runtime.memory import MemoryBlobs
from runtime.ports import BlobsUnavailable
from services.gateway.activities.pbx_runner import Adapter
from services.gateway.simulated import SimulatedNetwork
from tests.sim import edges
from tests.sim.group import SESSION_S, Group, GroupClients, GroupLog
from tests.sim.ports import Outages, Process, SharedLog
from tests.sim.switchboard import Dialled, HungUp, SharedAdapter, Switchboard
from tests.sim.virtual_time import VirtualClock, VirtualLoop

NAMES: Final = ("gateway-0", "gateway-1", "gateway-2")
MOMENTS: Final = (LegRequested, LegRinging, LegAnswered, Bridged, RecordingRequested, RecordingSpooled)
"""After these a hand-over has most to take along."""
AT_A_MOMENT: Final = 0.04
CHANGES_S: Final = 240.0
"""All changes come within this time after the first call."""
ZOMBIE_S_MIN: Final = 4.0
"""Whoever starts a second process under a name has counted the first one as dead for longer than this."""
ASLEEP_S_MIN: Final = SESSION_S + 2.0
"""Who sleeps for longer than this has lost its PBXs to others."""
AWAY_S: Final = (0.2, 3.0, 12.0, 30.0)
"""How long a gateway is away, or asleep: shorter and longer than a session."""

UNPLUGGED_S_MIN: Final = 10.0
"""Within this time most of those who leave a voice message have hung up."""
ASKED_S_MAX: Final = 0.04
"""Within this time a request that a fact announces is with the PBX, and mostly answered."""
KNOWN_S: Final = 3.0
"""A claim that was under way when its process lost the PBX has arrived, or failed, by then."""


class ChangeKind(StrEnum):
    """What happens to a gateway."""

    DRAIN = auto()
    """SIGTERM: it lets go of its PBXs and leaves the group."""
    KILL = auto()
    """kill -9."""
    SLEEP = auto()
    """It stands still, and goes on as if nothing had been."""
    CUT_OFF = auto()
    """It reaches no broker, and still has its PBXs."""
    ISOLATE = auto()
    """It reaches neither broker nor PBX, and connects to both when it does."""
    READ_LATE = auto()
    """It stands still until others have its PBXs, and is given commands before it reads that."""
    UNPLUG = auto()
    """It reaches no PBX for a while, from the middle of a request on, and keeps its PBXs."""
    ZOMBIE = auto()
    """It stands still, another process is started under its name, and then it goes on for a while."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one gateway, some seconds after the first call."""

    at_s: float
    kind: ChangeKind
    name: str
    for_s: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The gateways of a morning; `begins_s` says when each is started.

    While S3 is away (`stores_nothing`, from and until) a closed recording lies on one volume, and in its PBX.
    """

    begins_s: dict[str, float]
    changes: tuple[Change, ...]
    stores_nothing: tuple[float, float] | None = None
    kinds: tuple[ChangeKind, ...] = ()
    """What may happen besides, right after one of the moments, to the gateway that said it."""
    moments: tuple[type[Fact], ...] = MOMENTS
    at_a_moment: float = AT_A_MOMENT
    """How likely that is."""


def plan(
    seed: int,
    *kinds: ChangeKind,
    moments: tuple[type[Fact], ...] = MOMENTS,
    at_a_moment: float = AT_A_MOMENT,
) -> Plan:
    """Two or three gateways, one of which may come later, and some changes of these kinds."""
    chance = random.Random(f"gateways {seed}")
    names = NAMES[: chance.choice((2, 2, 3))]
    begins_s = dict.fromkeys(names, 0.0)
    if chance.random() < 0.4:
        begins_s[names[-1]] = chance.uniform(10.0, 120.0)
    changes = [
        Change(
            at_s=chance.uniform(5.0, CHANGES_S),
            kind=chance.choice(kinds),
            name=chance.choice(names),
            for_s=chance.choice(AWAY_S) * chance.uniform(0.5, 1.5),
        )
        for _ in range(chance.randint(2, 7))
    ]
    away_s = chance.uniform(20.0, CHANGES_S)
    return Plan(
        begins_s=begins_s,
        changes=tuple(sorted(changes, key=lambda each: each.at_s)),
        kinds=kinds,
        moments=moments,
        at_a_moment=at_a_moment,
        stores_nothing=(away_s, away_s + chance.uniform(20.0, 120.0)) if chance.random() < 0.7 else None,
    )


class AbsentBlobs(MemoryBlobs):
    """S3, which gateways can't reach for a while; everybody else has what it holds."""

    def __init__(self, held: MemoryBlobs) -> None:
        super().__init__()
        self.objects = held.objects
        self.is_away = False

    async def put(
        self, key: str, data: bytes, *, content_type: str = "application/octet-stream", once: bool = False
    ) -> None:
        """Put an object. Raises BlobsUnavailable."""
        if self.is_away:
            raise BlobsUnavailable("S3 is away, by the simulation")
        await super().put(key, data, content_type=content_type, once=once)


class StillClock(VirtualClock):
    """The clock of a process, on which no time passes while that sleeps: its timers wait, too."""

    def __init__(self, process: Process, loop: VirtualLoop) -> None:
        super().__init__(loop, ahead_ms=process.clock.ahead_ms)
        self._process = process
        self._last = super().now()

    def now(self) -> Instant:
        """The time, or that of falling asleep."""
        if self.elapsed() >= self._process.awake_at_s:
            self._last = super().now()
        return self._last


class Told:
    """Which share one process was told, and whether it claims a PBX in spite of that."""

    def __init__(self, process: Process, organization_id: OrganizationId, stolen: list[str]) -> None:
        self._process = process
        self._organization_id = organization_id
        self._stolen = stolen
        self._share = NONE
        self._at_s = 0.0

    def noted(self, subscription: Subscription) -> Subscription:
        """The subscription, whose shares are noted."""
        on_share = subscription.on_share
        assert on_share is not None

        async def told(share: Share) -> None:
            self._share, self._at_s = share, asyncio.get_running_loop().time()
            await on_share(share)

        return msgspec.structs.replace(subscription, on_share=told)

    def said(self, fact: Fact) -> None:
        """The process has said this."""
        known_s = asyncio.get_running_loop().time() - self._at_s
        if not isinstance(fact, PbxClaimed) or self._share.is_ours(f"{self._organization_id}/{fact.pbx_id}"):
            return
        if known_s > KNOWN_S:
            self._stolen.append(f"{self._process.name} claims {fact.pbx_id}, {known_s:.0f} s after its loss")


class Gateways:
    """The group, the PBXs' connections, and the processes, which the world starts by `live`."""

    def __init__(
        self,
        seed: int,
        planned: Plan,
        loop: VirtualLoop,
        *,
        log: SharedLog,
        blobs: MemoryBlobs,
        network: SimulatedNetwork,
        bell: edges.Bell,
        outages: Outages,
        spool: Path,
        organization_id: OrganizationId,
        begin: Callable[[Any], object],
    ) -> None:
        """`begin` runs a coroutine beside all others; `spool` has a volume for each gateway."""
        self.plan = planned
        self.group = Group(log, random.Random(f"shares {seed}"), outages)
        self._loop = loop
        self._seed = seed
        self._log = log
        self._blobs = AbsentBlobs(blobs)
        self._network = network
        self._bell = bell
        self._spool = spool
        self._organization_id = organization_id
        self._begin = begin
        self._switchboards = {pbx_id: Switchboard(pbx) for pbx_id, pbx in network.pbxs.items()}
        self._running: dict[str, Process] = {}
        self._drains: dict[str, asyncio.Event] = {}
        self._pauses_s = {name: random.Random(f"pauses {seed} {name}") for name in planned.begins_s}
        self._away_s: dict[str, float] = {}
        self._moments = random.Random(f"moments {seed}")
        self._ends_s = math.inf
        self.stolen: list[str] = []
        """Claims of PBXs whose commands the claiming process knew to be another's."""
        for name in planned.begins_s:
            (spool / name).mkdir()
            # The same secret in every run, so that a seed repeats addresses, too.
            (spool / name / "secret").write_bytes(bytes(32))

    @property
    def dialled(self) -> tuple[Dialled, ...]:
        """All requests to dial that reached a PBX."""
        return tuple(each for found in self._switchboards.values() for each in found.dialled)

    @property
    def hung_up(self) -> tuple[HungUp, ...]:
        """All talks that a gateway ended without knowing the leg, or having the PBX."""
        return tuple(each for found in self._switchboards.values() for each in found.hung_up)

    @property
    def sounds(self) -> dict[str, bytes]:
        """What each freed recording of a PBX was."""
        return {key: sound for found in self._switchboards.values() for key, sound in found.sounds.items()}

    def pause_s(self, name: str) -> float:
        """How long a gateway that has ended is away."""
        usual = self._pauses_s[name].choice(AWAY_S) * self._pauses_s[name].uniform(0.5, 1.5)
        return self._away_s.pop(name, usual)

    async def change(self) -> None:
        """Let everything happen that was planned, from the first call on."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        self._ends_s = begun_s + CHANGES_S
        for at_s, is_away in zip(self.plan.stores_nothing or (), (True, False), strict=False):
            loop.call_later(at_s, setattr, self._blobs, "is_away", is_away)
        for each in self.plan.changes:
            await asyncio.sleep(max(0.0, begun_s + each.at_s - loop.time()))
            process = self._running.get(each.name)
            if process is not None and not process.died.done():
                self._change(process, each)

    def _at_a_moment(self, process: Process, fact: Fact) -> None:
        """Perhaps let something happen to who has just said this."""
        if not isinstance(fact, self.plan.moments) or self._moments.random() >= self.plan.at_a_moment:
            return
        if self._loop.time() < self._ends_s and not process.died.done():
            for_s = self._moments.choice(AWAY_S) * self._moments.uniform(0.5, 1.5)
            kind = self._moments.choice(self.plan.kinds)
            name = process.name.partition("#")[0]
            self._change(process, Change(at_s=0.0, kind=kind, name=name, for_s=for_s))

    def _change(self, process: Process, change: Change) -> None:
        match change.kind:
            case ChangeKind.DRAIN:
                self._away_s[change.name] = change.for_s
                self._drains[process.name].set()
            case ChangeKind.KILL:
                self._away_s[change.name] = change.for_s
                process.kill("was killed")
            case ChangeKind.SLEEP:
                process.stand_still(change.for_s)
            case ChangeKind.CUT_OFF:
                process.be_cut_off(change.for_s)
            case ChangeKind.ISOLATE:
                process.be_isolated(change.for_s)
            case ChangeKind.READ_LATE:
                process.read_late(max(ASLEEP_S_MIN, change.for_s))
            case ChangeKind.UNPLUG:
                # By then it has read its own words, and the PBX has what it asked for.
                for_s = max(UNPLUGGED_S_MIN, change.for_s)
                self._loop.call_later(self._moments.uniform(0.0, ASKED_S_MAX), process.be_unplugged, for_s)
            case ChangeKind.ZOMBIE:
                self._away_s[change.name] = 0.1
                process.be_succeeded(max(ZOMBIE_S_MIN, change.for_s))

    async def live(self, process: Process) -> None:
        """One process, until it has been drained or dies."""
        name = process.name.partition("#")[0]
        self._running[name] = process
        process.clock = StillClock(process, self._loop)
        drained = self._drains[process.name] = asyncio.Event()
        told = Told(process, self._organization_id, self.stolen)
        chance = random.Random(f"{self._seed} {process.name} connections")

        def adapter(pbx_id: PbxId, pump: Callable[[], None]) -> Adapter:
            switchboard = self._switchboards[pbx_id]
            return SharedAdapter(switchboard, self._network, self._bell, process, self._now, pump, chance)

        def said(fact: Fact) -> None:
            told.said(fact)
            self._at_a_moment(process, fact)

        registry, (facts, commands) = edges.gateway(
            process,
            self._log,
            self._blobs,
            self._network,
            self._bell,
            self._spool / name,
            self._organization_id,
            adapter,
            said,
        )
        assert facts.topic is FACTS
        process.ended.append(lambda: self._begin(registry.stop()))
        reader = edges.Reader(process, self._log, {})
        broker: Any = GroupLog(process, commands.topic)
        clients: Any = GroupClients(process, self._log, self.group)
        runner = SubscriptionRunner("gateway", told.noted(commands), broker)
        async with asyncio.TaskGroup() as together:
            together.create_task(reader.run(facts))
            for work in registry.background:
                together.create_task(_awaited(work))
            # It joins when it has read the log, as `runtime.app` does.
            await reader.is_at_end.wait()
            await runner.start(clients, prefix="", group="gateway", replica=name)
            together.create_task(runner.run())
            together.create_task(commit_now_and_then([runner]))
            await drained.wait()
            await runner.finish()
            process.kill("was drained")

    def _now(self) -> Instant:
        return self._log.clock.now()


async def _awaited(work: Callable[[], Any]) -> None:
    await work()
