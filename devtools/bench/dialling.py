"""Measures the time from a free agent to the next dial command on the log, with a real queue service."""

import asyncio
import time

import uvloop

from contracts.ids import LegId
from devtools.bench import prepared
from devtools.bench.background import Background, RoundTrip
from devtools.bench.bench import Bench
from devtools.bench.core import LONG, MIDDLE, QUICK_LONG
from devtools.bench.figures import Figure, at_most, mean, percentile, ratio_at_most
from devtools.bench.live import Town
from ringback.stack.services import Service

WARM_UP = 20
READY_S_MAX = 120.0
APP_QUEUE = "Asterisk app_queue on such a machine: 480 ms at 1,000, 380 ms at 4,700"


async def handed_over(town: Town, agent_leg: LegId) -> tuple[float, LegId]:
    """Seconds from an agent's hanging up to the next dial command, and the agent's next leg."""
    town.forget_dials()
    town.bridged.clear()
    began = time.perf_counter()
    await town.hang_up(agent_leg)
    _, read_at = await town.next_dial()
    while not town.bridged:
        await asyncio.sleep(0.001)
    return read_at - began, town.bridged[0][1]


def started(
    bench: Bench, broker: str, waiting: int, *, linger_ms: int | None = None
) -> tuple[dict[str, str], Service, prepared.Prepared]:
    """Start a queue service that owns so many waiting places; `linger_ms` None: its own."""
    found = bench.prepared(waiting)
    settings = bench.fresh_settings(broker)
    if linger_ms is not None:
        settings["RINGBACK_LINGER_MS"] = str(linger_ms)
    asyncio.run(prepared.put(found, settings))
    service = bench.service("queue", settings)
    service.wait_ready(READY_S_MAX)
    return settings, service, found


def hand_over(bench: Bench) -> list[Figure]:
    """Measure agent free → dial command with a thousand and with very many waiting, without other load."""
    figures = []
    broker = bench.apache or bench.broker
    name = "Apache Kafka" if bench.apache else "the embedded broker"
    for waiting in (MIDDLE, bench.size(LONG, QUICK_LONG)):
        bench.say(f"hand-over with {waiting:,} waiting, on {name}")
        settings, service, found = started(bench, broker, waiting)
        samples = uvloop.run(_samples(settings, found, bench.size(150, 30)))
        service.kill()
        figures.append(
            Figure(
                name=f"hand-over with {waiting:,} waiting",
                unit="ms",
                measured=1000 * mean(samples),
                goal=at_most(20),
                how=f"mean of {len(samples)}, a real queue service on {name} and Redis: from before the "
                "agent's "
                f"hang-up is appended until the dial command is read. {APP_QUEUE}",
                bound_by="two ways through the broker, one write to Redis, one step",
            )
        )
    return figures


async def _samples(settings: dict[str, str], found: prepared.Prepared, count: int) -> list[float]:
    samples = []
    async with Town(settings) as town:
        agent_leg = found.talking[0][1]
        for _ in range(WARM_UP + count):
            seconds, agent_leg = await handed_over(town, agent_leg)
            samples.append(seconds)
    return samples[WARM_UP:]


def latency(bench: Bench) -> list[Figure]:
    """Measure the same beside 500 facts a second, in turns with a bare round trip on the same broker."""
    broker = bench.apache or bench.broker
    name = "Apache Kafka" if bench.apache else "the embedded broker"
    # The embedded broker takes a quarter of a second for a round trip beside this traffic.
    count = 600 if bench.apache else bench.size(200, 60)
    figures = []
    for linger_ms, lingers in ((0, "without a linger"), (None, "with the queue's linger")):
        bench.say(f"agent free → dial {lingers}, beside 500 facts/s, on {name}")
        settings, service, found = started(bench, broker, MIDDLE, linger_ms=linger_ms)
        dials, trips, rate = uvloop.run(_beside_traffic(settings, found, count))
        service.kill()
        how = (
            f"{len(dials)} dials in turn with as many bare round trips, on {name}, beside {rate:.0f} facts/s "
            "of other organizations, a thousand waiting"
        )
        figures += [
            Figure(
                name=f"agent free → dial {lingers}, {word}",
                unit="ms",
                measured=1000 * percentile(dials, share),
                baseline=1000 * percentile(trips, share),
                against=f"{word} of produce → consume of one record",
                # The linger is waited out on purpose: what it adds is printed, and no fault.
                goal=ratio_at_most(limit) if linger_ms == 0 else None,
                how=how,
                bound_by="it is two ways through the broker, with a write to Redis between them: under 2 "
                "only if that and the batch before it cost nothing",
            )
            for word, share, limit in (("p50", 0.5, 3), ("p99", 0.99, 5))
        ]
    return figures


async def _beside_traffic(
    settings: dict[str, str], found: prepared.Prepared, count: int
) -> tuple[list[float], list[float], float]:
    dials, trips = [], []
    async with Town(settings) as town, RoundTrip(settings) as trip, Background(settings) as background:
        agent_leg = found.talking[0][1]
        began = said = 0.0
        for number in range(WARM_UP + count):
            if number == WARM_UP:
                began, said = time.perf_counter(), background.said
            seconds, agent_leg = await handed_over(town, agent_leg)
            dials.append(seconds)
            trips.append(await trip.once())
        rate = (background.said - said) / (time.perf_counter() - began)
    return dials[WARM_UP:], trips[WARM_UP:], rate
