"""Measures the processor time of one whole call in every service that hears it, on a real log, beside what
Asterisk's own queue takes for one; then how far history is behind the log at many calls a second.

The gateway is left out: the phones are played here, and its share is in the figures of real calls.
"""

import asyncio
from typing import Final

import httpx
import msgspec
import uvloop

from contracts.directory import StrategyKind
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.calls import measures
from devtools.bench.calls.floor import Floor
from devtools.bench.calls.pbx import QUEUE_LINE, BenchPbx
from devtools.bench.calls.processes import PBX_PART, Reading, read, shares
from devtools.bench.cost import AGENTS, CALLS_A_SECOND, WARM_UP, arrivals, talking
from devtools.bench.figures import Figure, at_most, median, percentile, ratio_at_most
from devtools.bench.lag import watched
from devtools.bench.live import TooSlow, Town
from ringback.stack import postgres
from ringback.stack.services import Service
from runtime.token_keys import SigningKeys
from services.queue.service import SERVICE as QUEUE_DECIDER

QUEUE: Final = "queue"
DECIDERS: Final = (QUEUE, "routing", "callback", "voicemail")
HISTORY: Final = "history"
IDLE_S: Final = 20.0
"""Two of the host's idle writes a partition, and more."""
FLOOR_AGENTS: Final = 10
BUSY_CALLS_A_SECOND: Final = 50
LAG_S_MAX: Final = 1
WRITES: Final = 'ringback_store_writes_total{outcome="written"}'


def measure(bench: Bench) -> list[Figure]:
    """Measure Asterisk's queue, then ours. Raises TooSlow without PostgreSQL."""
    reason = postgres.reason_missing()
    if reason is not None:
        raise TooSlow(reason)
    bench.say("a whole call: app_queue on an Asterisk of its own")
    theirs = _theirs(bench)
    server = postgres.start(bench.run, dies_with_parent=True)
    try:
        return _figures(bench, _Services(bench, server.database("whole_call")), theirs)
    finally:
        server.stop()


def mail_of(bench: Bench) -> dict[str, str]:
    """What voicemail must have at its start, though no letter is written here."""
    return {"RINGBACK_SMTP": bench.smtp.address, "RINGBACK_MAIL_FROM": "ringback@bench.example"}


class _Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What calls at one pace have used: ms of processor a call, and store writes a call, by service."""

    ms: dict[str, float]
    writes: dict[str, float]

    @property
    def words(self) -> str:
        """The services' shares, for people."""
        return f"{shares(self.ms)}; store writes a call: {shares(self.writes, least=0)}"


class _Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Idle services (ms a second), calls, while nobody waits for an agent, and while a customer does."""

    idle: dict[str, float]
    calm: _Pace
    hurried: _Pace
    lags: list[float]


class _Services:
    """The services of one installation, and what they have used."""

    def __init__(self, bench: Bench, database: str) -> None:
        self.where = "Apache Kafka" if bench.apache else "the embedded broker"
        self.database = database
        self.settings = bench.fresh_settings(bench.apache or bench.broker) | mail_of(bench)
        history = {
            "RINGBACK_HISTORY_DATABASE": database,
            "RINGBACK_TOKEN_PUBLIC_KEYS": SigningKeys.generate().public.as_json(),
        }
        self._bench = bench
        self.all: dict[str, Service] = {
            name: bench.service(name, self.settings | (history if name == HISTORY else {}))
            for name in (*DECIDERS, HISTORY)
        }
        for each in self.all.values():
            each.wait_ready()

    def hurry(self) -> None:
        """Let queue gather no longer than it does while a customer waits for an agent, whom none of the calls
        here has to wait for."""
        self.all[QUEUE].stop()
        linger = {"RINGBACK_LINGER_MS": str(QUEUE_DECIDER.urgent_linger_ms)}
        self.all[QUEUE] = self._bench.service(QUEUE, self.settings | linger)
        self.all[QUEUE].wait_ready()

    def read(self) -> Reading:
        """What each has used until now."""
        return read({name: each.process.pid for name, each in self.all.items()})

    def writes(self) -> dict[str, int]:
        """How often each decider has written its store."""
        return {name: _counted(self.all[name].internal_address) for name in DECIDERS}

    def kill(self) -> None:
        for each in self.all.values():
            each.kill()


def _counted(address: str) -> int:
    for line in httpx.get(f"{address}/metrics").text.splitlines():
        if line.startswith(WRITES):
            return int(float(line.rpartition(" ")[2]))
    return 0


def _theirs(bench: Bench) -> float:
    """Asterisk's processor time for a call of its own queue, in ms."""
    with BenchPbx(bench.run / "whole-call", FLOOR_AGENTS) as pbx:

        async def run() -> float:
            async with Floor(pbx, QUEUE_LINE) as floor:
                await floor.ready()
                calls = bench.size(120, 30)
                busy, _ = await measures.busy(floor, {PBX_PART: pbx.instance.pid}, calls)
                return 1000 * busy.busy_s / calls

        return uvloop.run(run())


def _figures(bench: Bench, ours: _Services, theirs: float) -> list[Figure]:
    calls = bench.size(400, 60)
    bench.say(
        f"a whole call: idle services, then twice {calls:,} calls at {CALLS_A_SECOND} calls/s, and as many "
        f"at {BUSY_CALLS_A_SECOND}"
    )
    try:
        found = uvloop.run(_measured(ours, calls, bench.size(int(IDLE_S), 5)))
    finally:
        ours.kill()
    how = (
        f"processes with system calls, {calls:,} calls at {CALLS_A_SECOND} calls/s, one department of "
        f"{AGENTS} agents, phones that answer at once, on {ours.where}, Redis and PostgreSQL"
    )
    linger = f"records gather {QUEUE_DECIDER.urgent_linger_ms} ms in queue, and not {QUEUE_DECIDER.linger_ms}"
    return [
        *_of_all(found.calm, theirs, how),
        *_of_all(found.hurried, theirs, f"{how}: {linger}", during=", while a customer waits"),
        *_of_each(found, how),
        _lag(ours, calls, found.lags),
        *(
            Figure(
                name=f"an idle service: {name}",
                unit="ms/s",
                measured=each,
                how=f"processor time in a second without records, 12 partitions, on {ours.where}",
            )
            for name, each in found.idle.items()
        ),
    ]


def _of_all(pace: _Pace, theirs: float, how: str, *, during: str = "") -> list[Figure]:
    """All services together against Asterisk's queue, and queue's share."""
    name = f"a whole call at {CALLS_A_SECOND} calls/s{during}"
    return [
        Figure(
            name=f"{name}, all services but the gateway",
            unit="ms",
            measured=sum(pace.ms.values()),
            baseline=theirs,
            against="Asterisk's app_queue with an Asterisk of its own, the whole process, in the same run",
            goal=None if during else ratio_at_most(1.5),
            how=f"{how}: {pace.words}",
            bound_by="every service reads every record of a call, if only its headers",
        ),
        Figure(name=f"{name}: {QUEUE}", unit="ms", measured=pace.ms[QUEUE], how=how),
    ]


def _of_each(found: _Measured, how: str) -> list[Figure]:
    """Every other service against queue, which does not wait for its own sake while a customer waits."""
    return [
        Figure(
            name=f"a whole call at {CALLS_A_SECOND} calls/s: {name}",
            unit="ms",
            measured=found.calm.ms[name],
            baseline=found.hurried.ms[QUEUE],
            against="the queue in the same run, while a customer waits",
            goal=None if most is None else ratio_at_most(most),
            how=how,
        )
        for name, most in (("routing", 0.35), ("callback", 0.35), ("voicemail", None), (HISTORY, 1))
    ]


def _lag(ours: _Services, calls: int, lags: list[float]) -> Figure:
    return Figure(
        name=f"history's lag at {BUSY_CALLS_A_SECOND} calls/s, p95",
        unit="s",
        measured=percentile(lags, 0.95),
        goal=at_most(LAG_S_MAX),
        how=f"from the append of a fact until its row can be read, {len(lags):,} facts of {calls:,} calls, "
        f"on {ours.where} and PostgreSQL, all services at work beside it; median {median(lags):.2f} s",
        bound_by="a batch gathers for a quarter of a second, and a fact may come while one is written",
    )


async def _measured(ours: _Services, calls: int, idle_s: float) -> _Measured:
    await asyncio.sleep(2)
    before = ours.read()
    await asyncio.sleep(idle_s)
    idle = {name: 1000 * each / idle_s for name, each in ours.read().since(before).processor_s.items()}
    async with Town(ours.settings, has_routing=True) as town, talking(town):
        await town.save(*office.book(agents=AGENTS, kind=StrategyKind.LONGEST_IDLE))
        await asyncio.sleep(2)
        first = WARM_UP + calls
        calm = await _paced(ours, town, range(first))
        # The loop stands still meanwhile, and no call is under way: processes start from the main thread.
        ours.hurry()
        hurried = await _paced(ours, town, range(first, 2 * first))
        lags = await _lags(ours, town, range(2 * first, 2 * first + calls))
    return _Measured(idle=idle, calm=calm, hurried=hurried, lags=lags)


async def _paced(ours: _Services, town: Town, numbers: range) -> _Pace:
    """What these calls use; the first of them only warm up."""
    await arrivals(town, numbers[:WARM_UP], CALLS_A_SECOND)
    before, written = ours.read(), ours.writes()
    counted = numbers[WARM_UP:]
    await arrivals(town, counted, CALLS_A_SECOND)
    # What is left to gather when the last agent is free.
    await asyncio.sleep(1)
    used = ours.read().since(before)
    return _Pace(
        ms={name: 1000 * each / len(counted) for name, each in used.processor_s.items()},
        writes={name: (each - written[name]) / len(counted) for name, each in ours.writes().items()},
    )


async def _lags(ours: _Services, town: Town, calls: range) -> list[float]:
    """How long each fact of these calls took until its row could be read."""
    async with watched(ours.database, town.partition) as history:
        first = await town.log.next_offset(town.partition)
        await arrivals(town, calls, BUSY_CALLS_A_SECOND)
        end = await town.log.next_offset(town.partition)
        await history.reach(end)
        return await history.lags(town.log, first, end)
