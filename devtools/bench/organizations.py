"""Measures what organizations cost in which nobody calls: a queue service with ten and with ten thousand."""

import asyncio
import time
from typing import Final

import msgspec
import uvloop

from contracts.directory import StrategyKind
from contracts.ids import OrganizationId
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, ratio_at_most
from devtools.bench.machine import processor_s, rss_bytes
from ringback.stack.services import Service
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog

FEW: Final = 10
AGENTS: Final = 5
IDLE_S: Final = 30.0
APPEND_MAX: Final = 50
"""Offices in one append: some 300 records."""
READY_S_MAX: Final = 600.0


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a service with so many organizations takes."""

    start_s: float
    """Of processor time, from `exec` until it is ready, with everything stored."""
    rss: int
    idle_ms_s: float


def measure(bench: Bench) -> list[Figure]:
    """Measure with few and with many, each in a service of its own."""
    broker = bench.apache or bench.broker
    name = "Apache Kafka" if bench.apache else "the embedded broker"
    many = bench.size(10_000, 200)
    few_cost = _cost(bench, broker, FEW)
    many_cost = _cost(bench, broker, many)
    how = (
        f"a queue service on {name} and Redis, 12 partitions, offices of {AGENTS} agents; stopped once "
        "it had heard them all, and started again"
    )
    return [
        _figure(f"{many:,} idle organizations: {what}", unit, had, has, f"{how}; {means}")
        for what, unit, had, has, means in (
            (
                "a start",
                "s",
                few_cost.start_s,
                many_cost.start_s,
                "processor time until it is ready, imports included",
            ),
            (
                "memory of the service",
                "MiB",
                few_cost.rss / 2**20,
                many_cost.rss / 2**20,
                "resident, once it is ready",
            ),
            (
                "the service at rest",
                "ms/s",
                few_cost.idle_ms_s,
                many_cost.idle_ms_s,
                f"processor time in a second without records, over {IDLE_S:.0f} s",
            ),
        )
    ]


def _figure(name: str, unit: str, had: float, has: float, how: str) -> Figure:
    return Figure(
        name=name,
        unit=unit,
        measured=has,
        baseline=had,
        against=f"{FEW} organizations",
        # Nobody's office is in memory before a call, and timers are indexed: nothing may grow with them.
        goal=ratio_at_most(1.2),
        how=how,
        bound_by="each partition's first fetch, of whose records the claim reads one",
    )


def _cost(bench: Bench, broker: str, count: int) -> Cost:
    bench.say(f"{count:,} idle organizations")
    settings = bench.fresh_settings(broker)
    uvloop.run(_found(settings, count))
    first = bench.service("queue", settings)
    first.wait_ready(READY_S_MAX)
    first.stop()
    again = bench.service("queue", settings)
    again.wait_ready(READY_S_MAX)
    cost = _at_rest(again)
    again.kill()
    return cost


def _at_rest(service: Service) -> Cost:
    pid = service.process.pid
    start_s, rss = processor_s(pid), rss_bytes(pid)
    # What a start leaves to do; its first snapshot, which comes after a minute, is no rest.
    time.sleep(2)
    before = processor_s(pid)
    time.sleep(IDLE_S)
    return Cost(start_s=start_s, rss=rss, idle_ms_s=1000 * (processor_s(pid) - before) / IDLE_S)


async def _found(settings: dict[str, str], count: int) -> None:
    """Append so many offices to the log."""
    log = KafkaLog(
        kafka_clients.from_environment(settings),
        prefix=settings["RINGBACK_TOPIC_PREFIX"],
        client_id="bench-offices",
    )
    await log.start()
    try:
        for first in range(0, count, APPEND_MAX):
            await asyncio.gather(
                *(_append(log, number) for number in range(first, min(count, first + APPEND_MAX)))
            )
    finally:
        await log.stop()


async def _append(log: KafkaLog, number: int) -> None:
    id_ = OrganizationId(f"office-{number}")
    facts = office.book(agents=AGENTS, kind=StrategyKind.LONGEST_IDLE, organization_id=id_)
    await log.append(await log.partition_of("facts", id_), office.book_records(id_, facts))
