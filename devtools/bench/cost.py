"""Measures the queue service's processor time for one whole call on a real log."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import msgspec
import uvloop

from contracts.directory import StrategyKind
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, Goal, at_most
from devtools.bench.live import TooSlow, Town
from devtools.bench.machine import processor_s

AGENTS = 50
TALK_S = 0.5
WARM_UP = 30
AT_ONCE = 40
"""As many calls at a time as the log and the phones keep up with, so that the machine is busy."""
RUN_S_MAX = 120.0
CALLS_A_SECOND = 20
"""Less traffic: most batches have one or two records, and each has its own write and send."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One series of calls; `a_second` None: as many as the machine can handle."""

    kind: StrategyKind
    calls: int
    a_second: int | None
    goal: Goal | None = None

    @property
    def name(self) -> str:
        """The name in the report."""
        pace = "busy" if self.a_second is None else f"{self.a_second} calls/s"
        return f"{self.kind.replace('_', ' ')}, {pace}"


def measure(bench: Bench) -> list[Figure]:
    """Measure longest idle and ring all, on production's broker if it can be started."""
    broker = bench.apache or bench.broker
    where = "Apache Kafka" if bench.apache else "the embedded broker"
    plans = (
        Plan(kind=StrategyKind.LONGEST_IDLE, calls=bench.size(1_000, 80), a_second=None, goal=at_most(1)),
        # Fifty phones ring for each call: the log must keep up with some three hundred records a call.
        Plan(kind=StrategyKind.RING_ALL, calls=bench.size(80, 20), a_second=CALLS_A_SECOND // 5),
    )
    return [_measured(bench, plan, broker, where) for plan in plans]


def _measured(bench: Bench, plan: Plan, broker: str, where: str) -> Figure:
    bench.say(f"processor time of {plan.calls:,} calls, {plan.name}")
    settings = bench.fresh_settings(broker)
    service = bench.service("queue", settings)
    service.wait_ready()
    seconds = uvloop.run(_seconds(settings, service.process.pid, plan))
    service.kill()
    return Figure(
        name=f"processor time per queued call, {plan.name}",
        unit="ms",
        measured=1000 * seconds / plan.calls,
        goal=plan.goal,
        how=f"the whole process of the queue service, system calls included, over {plan.calls:,} calls in "
        "one "
        f"department of {AGENTS} agents, each from its arrival until its agent is free again, on {where} and "
        "Redis (app_queue's own share: 2 to 3 ms, with nothing durable)",
        bound_by="some twenty records a call are read, seven facts and six commands are stored and said; "
        "beside the "
        "decider, the clients of broker and store are paid once per batch",
    )


async def _seconds(settings: dict[str, str], pid: int, plan: Plan) -> float:
    async with Town(settings) as town:
        await town.save(*office.book(agents=AGENTS, kind=plan.kind))
        await asyncio.sleep(2)
        async with talking(town):
            await arrivals(town, range(WARM_UP), plan.a_second)
            before = processor_s(pid)
            await arrivals(town, range(WARM_UP, WARM_UP + plan.calls), plan.a_second)
            return processor_s(pid) - before


async def _arrive(town: Town, numbers: range, a_second: int | None) -> None:
    due = time.perf_counter()
    for number in numbers:
        await town.call(number)
        if a_second is None:
            while number - town.freed >= AT_ONCE:
                await asyncio.sleep(0.001)
        else:
            due += 1 / a_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def arrivals(town: Town, numbers: range, a_second: int | None) -> None:
    """Run the calls until the last one's agent is free."""
    try:
        async with asyncio.timeout(RUN_S_MAX):
            await _arrive(town, numbers, a_second)
            while town.freed < numbers.stop:
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        raise TooSlow(f"{numbers.stop - town.freed} of {numbers.stop} calls have not ended") from error


@contextlib.asynccontextmanager
async def talking(*towns: Town) -> AsyncIterator[None]:
    """Let bridged legs talk, and hang up, while the block runs."""
    running = asyncio.create_task(_talk(towns))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait((running,))


async def _talk(towns: Sequence[Town]) -> None:
    """Let bridged legs talk for a while; then the customer hangs up."""
    while True:
        now = time.perf_counter()
        for town in towns:
            while town.bridged and town.bridged[0][2] + TALK_S <= now:
                customer, _, _ = town.bridged.popleft()
                await town.hang_up(customer)
        await asyncio.sleep(0.005)
