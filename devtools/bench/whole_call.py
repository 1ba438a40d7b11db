"""Measures the processor time of one whole call in every service that hears it, on a real log, beside what
Asterisk's own queue takes for one; then how far history is behind the log at many calls a second.

The gateway is left out: the phones are played here, and its share is in the figures of real calls.
"""

import asyncio
from typing import Final

import httpx
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
        self.all: dict[str, Service] = {
            name: bench.service(name, self.settings | (history if name == HISTORY else {}))
            for name in (*DECIDERS, HISTORY)
        }
        for each in self.all.values():
            each.wait_ready()

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
        f"a whole call: idle services, then {calls:,} calls at {CALLS_A_SECOND} calls/s, and as many at "
        f"{BUSY_CALLS_A_SECOND}"
    )
    try:
        idle, used, writes, lags = uvloop.run(_measured(ours, calls, bench.size(int(IDLE_S), 5)))
    finally:
        ours.kill()
    ms = {name: 1000 * each / calls for name, each in used.processor_s.items()}
    bench.say(f"store writes a call: {shares(writes, least=0)}")
    how = (
        f"processes with system calls, {calls:,} calls at {CALLS_A_SECOND} calls/s, one department of "
        f"{AGENTS} agents, phones that answer at once, on {ours.where}, Redis and PostgreSQL"
    )
    found = [
        Figure(
            name=f"a whole call at {CALLS_A_SECOND} calls/s, all services but the gateway",
            unit="ms",
            measured=sum(ms.values()),
            baseline=theirs,
            against="Asterisk's app_queue with an Asterisk of its own, the whole process, in the same run",
            goal=ratio_at_most(1.5),
            how=f"{how}: {shares(ms)}; store writes a call: {shares(writes, least=0)}",
            bound_by="every service reads every record of a call, if only its headers",
        ),
        Figure(
            name=f"a whole call at {CALLS_A_SECOND} calls/s: queue", unit="ms", measured=ms[QUEUE], how=how
        ),
    ]
    for name, most in (("routing", 0.35), ("callback", 0.35), ("voicemail", None), (HISTORY, 1)):
        found.append(
            Figure(
                name=f"a whole call at {CALLS_A_SECOND} calls/s: {name}",
                unit="ms",
                measured=ms[name],
                baseline=ms[QUEUE],
                against="the queue in the same run",
                goal=None if most is None else ratio_at_most(most),
                how=how,
            )
        )
    found.append(_lag(ours, calls, lags))
    found += [
        Figure(
            name=f"an idle service: {name}",
            unit="ms/s",
            measured=each,
            how=f"processor time in a second without records, 12 partitions, on {ours.where}",
        )
        for name, each in idle.items()
    ]
    return found


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


async def _measured(
    ours: _Services, calls: int, idle_s: float
) -> tuple[dict[str, float], Reading, dict[str, float], list[float]]:
    """Processor ms a second of each when idle, then of all calls; store writes a call; history's lags."""
    await asyncio.sleep(2)
    before = ours.read()
    await asyncio.sleep(idle_s)
    idle = {name: 1000 * each / idle_s for name, each in ours.read().since(before).processor_s.items()}
    async with Town(ours.settings, has_routing=True) as town, talking(town):
        await town.save(*office.book(agents=AGENTS, kind=StrategyKind.LONGEST_IDLE))
        await asyncio.sleep(2)
        await arrivals(town, range(WARM_UP), CALLS_A_SECOND)
        before, written = ours.read(), ours.writes()
        await arrivals(town, range(WARM_UP, WARM_UP + calls), CALLS_A_SECOND)
        # What is left to gather when the last agent is free.
        await asyncio.sleep(1)
        used = ours.read().since(before)
        writes = {name: (each - written[name]) / calls for name, each in ours.writes().items()}
        lags = await _lags(ours, town, range(WARM_UP + calls, WARM_UP + 2 * calls))
    return idle, used, writes, lags


async def _lags(ours: _Services, town: Town, calls: range) -> list[float]:
    """How long each fact of these calls took until its row could be read."""
    async with watched(ours.database, town.partition) as history:
        first = await town.log.next_offset(town.partition)
        await arrivals(town, calls, BUSY_CALLS_A_SECOND)
        end = await town.log.next_offset(town.partition)
        await history.reach(end)
        return await history.lags(town.log, first, end)
