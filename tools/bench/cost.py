"""Processor time of the queue service per queued call, over the whole life of a call, on a real log."""

import asyncio
import time

import uvloop

from contracts.directory import StrategyKind
from tools.bench import office
from tools.bench.bench import Bench
from tools.bench.figures import Figure, at_most
from tools.bench.live import TooSlow, Town
from tools.bench.machine import processor_s

AGENTS = 50
TALK_S = 1.0
WARM_UP = 30
CALLS_A_SECOND = 20
"""Some forty of the fifty agents would be free at any moment: what a call costs, not what a jam costs."""


def measure(bench: Bench) -> list[Figure]:
    """Longest idle, and ring all beside it, on the broker that production has where it can be started."""
    broker = bench.apache or bench.broker
    name = "Apache Kafka" if bench.apache else "the embedded broker"
    plans = (
        (StrategyKind.LONGEST_IDLE, bench.size(400, 60), CALLS_A_SECOND),
        # Fifty phones ring for each call: some three hundred records, which the log is to keep up with.
        (StrategyKind.RING_ALL, bench.size(100, 20), CALLS_A_SECOND // 4),
    )
    figures = []
    for kind, calls, rate in plans:
        bench.say(f"processor time of {calls} calls, {kind}")
        settings = bench.fresh_settings(broker)
        service = bench.service("queue", settings)
        service.wait_ready()
        seconds = uvloop.run(_seconds(settings, service.process.pid, kind, calls=calls, rate=rate))
        service.kill()
        figures.append(
            Figure(
                name=f"processor time per queued call, {kind.replace('_', ' ')}",
                unit="ms",
                measured=1000 * seconds / calls,
                goal=at_most(1) if kind is StrategyKind.LONGEST_IDLE else None,
                how=f"the whole process of the queue service, system calls included, over {calls} calls at "
                f"{rate}/s "
                f"in one department of {AGENTS} agents, each from its arrival until its agent is free "
                "again, on "
                f"{name} and Redis (app_queue's own share: 2 to 3 ms, with nothing durable)",
                bound_by="some twenty records a call are read, seven facts and six commands are stored and "
                "said, in "
                "batches of one or two records: every batch is one write to Redis and up to three sends",
            )
        )
    return figures


async def _seconds(settings: dict[str, str], pid: int, kind: StrategyKind, *, calls: int, rate: int) -> float:
    async with Town(settings) as town:
        await town.save(*office.book(agents=AGENTS, kind=kind))
        await asyncio.sleep(2)
        talking = asyncio.create_task(_talk(town))
        await _run(town, range(WARM_UP), rate)
        before = processor_s(pid)
        await _run(town, range(WARM_UP, WARM_UP + calls), rate)
        used = processor_s(pid) - before
        talking.cancel()
        await asyncio.wait((talking,))
        return used


async def _run(town: Town, numbers: range, rate: int) -> None:
    """Calls arrive evenly; returns when the last one's agent is free."""
    due = time.perf_counter()
    for number in numbers:
        await town.call(number)
        due += 1 / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    deadline = time.monotonic() + 60
    while town.freed < numbers.stop:
        if time.monotonic() > deadline:
            raise TooSlow(f"{numbers.stop - town.freed} of {numbers.stop} calls have not ended")
        await asyncio.sleep(0.01)


async def _talk(town: Town) -> None:
    """Whoever was bridged talks for a while; then the customer hangs up."""
    while True:
        while not town.bridged:
            await asyncio.sleep(0.005)
        customer, _, bridged_at = town.bridged.popleft()
        await asyncio.sleep(max(0.0, bridged_at + TALK_S - time.perf_counter()))
        await town.hang_up(customer)
