"""Kills the owner of very many waiting places with `kill -9`, and measures the time to its next decision."""

import asyncio
import time
import urllib.request

import uvloop

from devtools.bench import dialling, prepared
from devtools.bench.bench import Bench
from devtools.bench.core import LONG, QUICK_LONG
from devtools.bench.figures import Figure, at_most
from devtools.bench.live import Town
from devtools.bench.machine import rss_bytes
from ringback.stack.services import Service
from runtime.kafka_log import SESSION_MS

BOUND_BY = (
    "claiming and reading the log is a few round trips; the rest is one HGETALL of four records per place, "
    "decoding them, and building the sorted lists, all on one core"
)
BEYOND_S_MAX = 3
FEW = 20_000
ANEW = "restart: a process with {} places is started anew"
BY_A_STANDBY = "restart: a standby takes {} places over, beyond the session timeout"


def measure(bench: Bench) -> list[Figure]:
    """Measure a standby's takeover (Apache Kafka, a group of two) and a restart of the same process."""
    few, many = bench.size(FEW, QUICK_LONG // 5), bench.size(LONG, QUICK_LONG)
    (with_few, _), (with_many, how) = _started_anew(bench, few), _started_anew(bench, many)
    figures = [_figure(ANEW, few, many, with_few, with_many, how)]
    if (broker := bench.apache) is not None:
        with_few, with_many = _taken_over(bench, broker, few), _taken_over(bench, broker, many)
        how = (
            "kill -9 of the owner until the standby's first dial command is read, on Apache Kafka, less the "
            f"session timeout of {SESSION_MS // 1000} s"
        )
        figures.insert(0, _figure(BY_A_STANDBY, few, many, with_few, with_many, how))
    return figures


def _figure(name: str, few: int, many: int, with_few: float, with_many: float, how: str) -> Figure:
    return Figure(
        name=name.format(f"{many:,}"),
        unit="s",
        measured=with_many,
        baseline=with_few,
        against=f"{few:,} places",
        goal=at_most(BEYOND_S_MAX),
        how=how,
        bound_by=BOUND_BY,
    )


def _taken_over(bench: Bench, broker: str, waiting: int) -> float:
    """Seconds beyond the session timeout."""
    bench.say(f"restart: a standby takes {waiting:,} places over, on Apache Kafka")
    found = bench.prepared(waiting)
    settings = bench.fresh_settings(broker)
    asyncio.run(prepared.put(found, settings))
    replicas = [bench.service("queue", settings, replica=number) for number in (1, 2)]
    for each in replicas:
        each.wait_ready(dialling.READY_S_MAX)
    # Both have joined. The owner is the one with the places in memory, which load with the first fact.
    seconds = uvloop.run(_killed(settings, found, replicas))
    for each in replicas:
        each.kill()
    return seconds - SESSION_MS / 1000


async def _killed(settings: dict[str, str], found: prepared.Prepared, replicas: list[Service]) -> float:
    async with Town(settings) as town:
        agent_leg = found.talking[0][1]
        for _ in range(3):
            _, agent_leg = await dialling.handed_over(town, agent_leg)
        owner = max(replicas, key=_places)
        began = time.perf_counter()
        await asyncio.to_thread(owner.kill)
        killed_after = time.perf_counter() - began
        dialled_after, _ = await dialling.handed_over(town, agent_leg)
        return killed_after + dialled_after


def _places(service: Service) -> float:
    """How many waiting places a replica has in memory, from its metrics."""
    with urllib.request.urlopen(f"{service.internal_address}/metrics", timeout=30) as answer:  # noqa: S310  # our own, on loopback
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("ringback_places_waiting "))


def _started_anew(bench: Bench, waiting: int) -> tuple[float, str]:
    """Seconds, and how they were measured."""
    bench.say(f"restart: a process with {waiting:,} places is killed and started anew")
    settings, service, found = dialling.started(bench, bench.broker, waiting)
    began, seconds = uvloop.run(_restarted(settings, found, service))
    resident = rss_bytes(service.process.pid)
    service.kill()
    return seconds, (
        f"kill -9, start, until the first dial command is read; {began:.1f} s of it pass before the process "
        f"is up, imports included; {resident / waiting / 1024:.1f} KiB resident per place afterwards, "
        "everything included"
    )


async def _restarted(
    settings: dict[str, str], found: prepared.Prepared, service: Service
) -> tuple[float, float]:
    async with Town(settings) as town:
        agent_leg = found.talking[0][1]
        for _ in range(3):
            _, agent_leg = await dialling.handed_over(town, agent_leg)
        await asyncio.to_thread(service.kill)
        began = time.perf_counter()
        service.start()
        waiting = asyncio.create_task(_up(service, began))
        seconds, _ = await dialling.handed_over(town, agent_leg)
        return await waiting, seconds


async def _up(service: Service, began: float) -> float:
    """Wait until its HTTP answers: imports are done and the log is connected."""
    while True:
        try:
            await asyncio.to_thread(_places, service)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            return time.perf_counter() - began
