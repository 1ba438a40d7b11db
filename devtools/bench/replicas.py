"""Measures what three replicas of each decider cost beside one, and how soon they replace a killed one.

The calls are spread over sixty organizations, on Apache Kafka.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

import uvloop

from contracts.directory import StrategyKind
from contracts.ids import OrganizationId
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.cost import CALLS_A_SECOND, talking
from devtools.bench.figures import Figure, at_most, ratio_at_most
from devtools.bench.live import TooSlow, Town
from devtools.bench.machine import processor_s
from devtools.bench.whole_call import DECIDERS, QUEUE, mail_of
from ringback.stack.services import Service

ORGANIZATIONS: Final = 60
AGENTS: Final = 5
REPLICAS: Final = 3
SESSION_MS: Final = 6_000
"""The shortest that Kafka takes by default; what is measured comes on top of it."""
WARM_UP: Final = 2 * ORGANIZATIONS
RUN_S_MAX: Final = 120.0
SHARED_S: Final = 20.0
"""Until every replica has its share: two rounds of the group's members."""


def measure(bench: Bench) -> list[Figure]:
    """Measure one replica of each, then three, then the kill of one of the queue's."""
    broker = bench.apache
    if broker is None:
        raise TooSlow("replicas share partitions on Apache Kafka alone")
    calls = bench.size(600, 120)
    one, _ = _measured(bench, broker, 1, calls)
    three, back_s = _measured(bench, broker, REPLICAS, calls)
    how = (
        f"queue, routing, callback and voicemail, all of their processes, {calls} calls at {CALLS_A_SECOND} "
        f"calls/s spread over {ORGANIZATIONS} organizations, 12 partitions, on Apache Kafka and Redis"
    )
    return [
        Figure(
            name=f"{REPLICAS} replicas of each decider: processor time per call",
            unit="ms",
            measured=three,
            baseline=one,
            against="one replica of each",
            goal=ratio_at_most(1.15),
            how=how,
            bound_by="each process has its own heartbeats, polls and metrics",
        ),
        Figure(
            name=f"{REPLICAS} replicas: a queue is killed, beyond the session timeout",
            unit="s",
            measured=back_s,
            goal=at_most(2),
            how=f"kill -9 of one; a customer calls each of the {ORGANIZATIONS} organizations in that moment; "
            "until an agent's phone is dialled for the last of them, less the session timeout of "
            f"{SESSION_MS // 1000} s",
            bound_by="the members are asked to join anew, and claim their partitions one after the other",
        ),
    ]


def _measured(bench: Bench, broker: str, replicas: int, calls: int) -> tuple[float, float]:
    """Processor ms a call, and with several replicas seconds until the others have taken over."""
    bench.say(f"{replicas} replicas of each decider, {calls} calls in {ORGANIZATIONS} organizations")
    settings = bench.fresh_settings(broker) | mail_of(bench) | {"RINGBACK_SESSION_MS": str(SESSION_MS)}
    services = [
        bench.service(name, settings | {"RINGBACK_REPLICA": f"{name}-{number}"}, replica=number)
        for number in range(1, replicas + 1)
        for name in DECIDERS
    ]
    for each in services:
        each.wait_ready()
    try:
        return uvloop.run(_run(settings, services, replicas, calls))
    finally:
        for each in services:
            each.kill()


async def _run(
    settings: dict[str, str], services: Sequence[Service], replicas: int, calls: int
) -> tuple[float, float]:
    async with _towns(settings) as towns, talking(*towns):
        await asyncio.sleep(SHARED_S if replicas > 1 else 2)
        await _arrive(towns, range(WARM_UP))
        pids = [each.process.pid for each in services]
        before = sum(map(processor_s, pids))
        await _arrive(towns, range(WARM_UP, WARM_UP + calls))
        ms = 1000 * (sum(map(processor_s, pids)) - before) / calls
        if replicas == 1:
            return ms, 0.0
        queue = next(each for each in services if each.name == QUEUE)
        return ms, await _taken_over(towns, queue, WARM_UP + calls)


@contextlib.asynccontextmanager
async def _towns(settings: dict[str, str]) -> AsyncIterator[list[Town]]:
    """The phones of every organization, whose offices are on the log."""
    async with contextlib.AsyncExitStack() as stack:
        towns = []
        for number in range(ORGANIZATIONS):
            id_ = OrganizationId(f"office-{number}")
            town = await stack.enter_async_context(Town(settings, id_, has_routing=True))
            await town.save(*office.book(agents=AGENTS, kind=StrategyKind.LONGEST_IDLE, organization_id=id_))
            towns.append(town)
        yield towns


async def _arrive(towns: Sequence[Town], numbers: range) -> None:
    """Let so many customers call, one organization after the other, and wait until all have been served."""
    due = time.perf_counter()
    for number in numbers:
        await towns[number % len(towns)].call(number)
        due += 1 / CALLS_A_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    until = time.perf_counter() + RUN_S_MAX
    while sum(town.freed for town in towns) < numbers.stop:
        if time.perf_counter() > until:
            raise TooSlow(f"not every call has ended after {RUN_S_MAX:.0f} s")
        await asyncio.sleep(0.01)


async def _taken_over(towns: Sequence[Town], queue: Service, first: int) -> float:
    for town in towns:
        town.forget_dials()
    queue.kill()
    began = time.perf_counter()
    for number, town in enumerate(towns, first):
        await town.call(number)
    last = max([(await town.next_dial())[1] for town in towns])
    return last - began - SESSION_MS / 1000
