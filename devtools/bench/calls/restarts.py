"""What is lost when a part is killed while callers wait: who is served afterwards, and in which order."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from devtools.bench.calls.floor import Floor, NoAnswer

WAITING: Final = 30
TALK_S: Final = 2.0
LOOK_S: Final = 25.0
"""How long to look for anybody who is still served."""


class Kept(Struct, frozen=True, kw_only=True):
    """What a kill left of those who waited."""

    waiting: int
    served: int
    in_order: bool
    """Whether those who were served were so in the order of their calls."""
    back_s: float
    """From the kill until an agent's phone rang again; 0 if none did."""

    @property
    def lost(self) -> int:
        """Places that nobody ever served."""
        return self.waiting - self.served


async def killed(floor: Floor, kill_and_start: Callable[[], None], waiting: int = WAITING) -> Kept:
    """Kill a part while so many wait, start it again without waiting, and let all agents hang up then."""
    await floor.fill(len(floor.pbx.agents))
    await floor.all_busy()
    # One after the other, so that their order is known.
    legs = [(await floor.fill(1))[0] for _ in range(waiting)]
    await asyncio.sleep(1)
    numbers = [leg.caller for leg in legs]
    began = time.perf_counter()
    kill_and_start()
    async with floor.answering(TALK_S):
        with contextlib.suppress(NoAnswer):
            while not set(numbers) <= {leg.caller for leg in floor.served}:
                await floor.more(lambda: len(floor.served), LOOK_S)
    # Each once: a caller whose agent hung up before they were connected is offered again.
    rung = {leg.caller: leg for leg in reversed(floor.served) if leg.caller in numbers}
    in_turn = sorted(rung.values(), key=lambda leg: leg.invited_at)
    back_s = in_turn[0].invited_at - began if in_turn else 0.0
    places = [numbers.index(leg.caller) for leg in in_turn]
    # Those whom several agents were free for are called in the same moment.
    several = len(floor.pbx.agents)
    in_order = all(later > earlier - several for earlier, later in itertools.pairwise(places))
    await floor.clear()
    return Kept(waiting=waiting, served=len(rung), in_order=in_order, back_s=back_s)
