"""What is measured on each side, in the same words: the code does not know whose queue it is."""

import time
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from devtools.bench.calls import processes
from devtools.bench.calls.floor import Floor
from devtools.bench.calls.processes import Reading

TALK_S: Final = 2.0
QUEUED: Final = 20
"""Callers who wait at any moment while processor time is measured, so that each call is a queued one."""
BURST_TALK_S: Final = 1.0
WARM_UP: Final = 5


class Sizes(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    hand_overs: int
    waiting: int
    calls: int
    burst: int


class Measured(Struct, frozen=True, kw_only=True):
    """One side's figures, in seconds and bytes."""

    hand_overs_one: list[float]
    hand_overs_many: list[float]
    busy: Reading
    """Processor time of `calls` calls."""
    busy_s: float
    calls: int
    memory: Reading
    """What `waiting` more callers added."""
    waiting: int
    burst_answers: list[float]
    """From a caller's INVITE to its answer, when all call in the same moment."""
    burst_s: float
    """Until the last of them was served."""
    refused: int
    """Calls that were not answered, of all."""

    @property
    def ms_per_call(self) -> dict[str, float]:
        """Processor time of each part for one call, idle time included."""
        return {name: 1000 * each / self.calls for name, each in self.busy.processor_s.items()}

    @property
    def bytes_per_caller(self) -> dict[str, float]:
        """Resident memory of each part for one caller who waits."""
        return {name: each / self.waiting for name, each in self.memory.rss_bytes.items()}


async def measured(floor: Floor, pids: Mapping[str, int], sizes: Sizes) -> Measured:
    """Measure one side."""
    agents = len(floor.pbx.agents)
    await floor.ready()
    used, busy_s = await busy(floor, pids, sizes.calls)
    await floor.clear()

    await floor.fill(agents)
    await floor.all_busy()
    await floor.hand_overs(WARM_UP)
    one = await floor.hand_overs(sizes.hand_overs)
    await floor.clear()

    burst_answers, burst_s = await _burst(floor, sizes.burst)
    await floor.clear()

    await floor.fill(agents)
    await floor.all_busy()
    before = processes.read(pids)
    await floor.fill(sizes.waiting)
    memory = processes.read(pids).since(before)
    await floor.hand_overs(WARM_UP)
    many = await floor.hand_overs(sizes.hand_overs)
    await floor.clear()
    return Measured(
        hand_overs_one=one,
        hand_overs_many=many,
        busy=used,
        busy_s=busy_s,
        calls=sizes.calls,
        memory=memory,
        waiting=sizes.waiting,
        burst_answers=burst_answers,
        burst_s=burst_s,
        refused=floor.refused,
    )


async def busy(floor: Floor, pids: Mapping[str, int], calls: int) -> tuple[Reading, float]:
    """What so many calls use, each of which waits; and the seconds that they take."""
    agents = len(floor.pbx.agents)
    await floor.fill(agents + QUEUED)
    await floor.all_busy()
    await floor.talks(2 * agents, TALK_S, is_refilled=True)
    before, began = processes.read(pids), time.monotonic()
    await floor.talks(calls, TALK_S, is_refilled=True)
    return processes.read(pids).since(before), time.monotonic() - began


async def _burst(floor: Floor, count: int) -> tuple[list[float], float]:
    """So many callers in the same moment: seconds to each answer, and until all were served."""
    began = time.monotonic()
    legs = [floor.call() for _ in range(count)]
    await floor.talks(count, BURST_TALK_S)
    seconds = time.monotonic() - began
    floor.refused += sum(1 for leg in legs if not leg.answered_at)
    return [leg.answered_at - leg.invited_at for leg in legs if leg.answered_at], seconds
