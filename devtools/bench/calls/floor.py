"""A floor of agents, and callers who wait for them; every time is read at a phone."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Final, Self

from devtools.bench.calls.pbx import PASSWORD, BenchPbx
from devtools.bench.calls.sip_phones import Leg, SipPhones

AT_ONCE: Final = 40
"""Calls that are made before the first of them is answered."""
ANSWER_S_MAX: Final = 60.0
HAND_OVER_S_MAX: Final = 30.0
BETWEEN_S: Final = (0.4, 1.4)
"""From a customer's call until an agent is free, drawn anew each time: in `app_queue` each caller looks once
a second whether it is their turn, and no measure may go in step with them."""
SETTLE_S: Final = 0.2
TRY_S: Final = 0.5
READY_S_MAX: Final = 120.0
GONE_S: Final = 3.0
"""An agent's phone that has not heard by then that the customer is gone will not: its PBX was killed."""


class NoAnswer(Exception):
    """A call was not answered, or no agent was called, in time."""


class Floor:
    """Agents who answer at once, and callers; leaving the `with` ends the phones."""

    def __init__(self, pbx: BenchPbx, line: str) -> None:
        self.pbx = pbx
        self.line = line
        self.callers = SipPhones(pbx.callers_at, pbx.address)
        self.agents = SipPhones(pbx.agents_at, pbx.address)
        self.talking: list[Leg] = []
        """The agents' legs that are up."""
        self.served: list[Leg] = []
        """The agents' legs since `answering` began, in order of their INVITEs."""
        self.ended = 0
        self.refused = 0
        """Callers whose calls ended before an agent spoke to them."""
        self._number = 0
        self._ends: list[asyncio.TimerHandle] = []

    async def __aenter__(self) -> Self:
        await self.callers.__aenter__()
        await self.agents.__aenter__()
        for extension in self.pbx.agents:
            await self.agents.register(extension, PASSWORD)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.agents.__aexit__(kind, error, trace)
        await self.callers.__aexit__(kind, error, trace)

    def call(self) -> Leg:
        """One more customer calls."""
        self._number += 1
        return self.callers.call(f"+7912{self._number:07d}", self.line)

    async def ready(self) -> None:
        """Wait until every agent has been called: who has just started may not know all of the office yet."""
        until = time.monotonic() + READY_S_MAX
        while self.agents.rung.qsize() < len(self.pbx.agents):
            if time.monotonic() > until:
                called = f"{self.agents.rung.qsize()} of {len(self.pbx.agents)} agents were called"
                raise NoAnswer(f"{called} in {READY_S_MAX:.0f} s")
            self.call()
            await asyncio.sleep(TRY_S)
        await self.clear()

    async def fill(self, count: int) -> list[Leg]:
        """So many more callers, all answered by the PBX."""
        legs: list[Leg] = []
        for _ in range(count):
            legs.append(self.call())
            while sum(1 for each in legs if not each.answered_at) >= AT_ONCE:
                await asyncio.sleep(0.005)
        await self.until(lambda: all(each.answered_at or each.ended_at for each in legs), ANSWER_S_MAX)
        self.refused += sum(1 for each in legs if not each.answered_at)
        return legs

    async def all_busy(self) -> None:
        """Wait until every agent talks."""
        while len(self.talking) < len(self.pbx.agents):
            self.talking.append(await self.next_rung())

    async def next_rung(self) -> Leg:
        """The next agent's phone that is called; it answers at once."""
        try:
            return await asyncio.wait_for(self.agents.rung.get(), HAND_OVER_S_MAX)
        except TimeoutError as error:
            up = sum(leg.is_up for leg in self.callers.legs.values())
            talking = f"{len(self.talking)} agents talk, {up} callers are answered"
            raise NoAnswer(f"no agent was called for {HAND_OVER_S_MAX:.0f} s; {talking}") from error

    async def hand_over(self) -> float:
        """One agent hangs up: the seconds until the next caller's INVITE is read at an agent's phone.

        Another customer takes the place of the one who is served, so that as many wait as before.
        """
        await self.fill(1)
        await asyncio.sleep(random.uniform(*BETWEEN_S))
        leg = self.talking.pop(0)
        began = time.perf_counter()
        self.agents.hang_up(leg)
        rung = await self.next_rung()
        self.talking.append(rung)
        return rung.invited_at - began

    async def hand_overs(self, count: int) -> list[float]:
        """Seconds of so many hand-overs."""
        return [await self.hand_over() for _ in range(count)]

    @contextlib.asynccontextmanager
    async def answering(self, talk_s: float, *, is_refilled: bool = False) -> AsyncIterator[None]:
        """Let agents talk so long with each caller; `served` has their legs, and `ended` counts their talks.

        `is_refilled`: for each caller who was served another one calls.
        """
        loop = asyncio.get_running_loop()
        self.served, self.ended = [], 0

        def end(leg: Leg) -> None:
            self.agents.hang_up(leg)
            self.ended += 1
            if is_refilled:
                self.call()

        async def answer() -> None:
            while True:
                leg = await self.agents.rung.get()
                self.served.append(leg)
                self._ends.append(loop.call_later(talk_s, end, leg))

        # Not all at the same moment: agents do not begin together.
        self._ends += [loop.call_later(talk_s * random.random(), end, leg) for leg in self.talking]
        self.talking = []
        answering = asyncio.create_task(answer())
        try:
            yield
        finally:
            answering.cancel()
            await asyncio.wait((answering,))

    async def talks(self, count: int, talk_s: float, *, is_refilled: bool = False) -> None:
        """Answer as `answering` does until so many more talks have ended."""
        begun = len(self.talking)
        async with self.answering(talk_s, is_refilled=is_refilled):
            while self.ended < begun + count:
                await self.more(lambda: self.ended, talk_s + HAND_OVER_S_MAX)

    async def clear(self) -> None:
        """End every call, and wait until the agents' phones have heard so."""
        for timer in self._ends:
            timer.cancel()
        self._ends = []
        began = time.monotonic()
        while self._hang_up(with_agents=time.monotonic() - began > GONE_S):
            if time.monotonic() - began > ANSWER_S_MAX:
                raise NoAnswer(f"calls did not end for {ANSWER_S_MAX:.0f} s")
            await asyncio.sleep(0.05)
        await asyncio.sleep(SETTLE_S)
        self.agents.forget_rung()
        self.talking = []

    def _hang_up(self, *, with_agents: bool) -> bool:
        """Let everybody hang up who can; whether a call is left."""
        left = False
        for phones, can_end in ((self.callers, True), (self.agents, with_agents)):
            for leg in [each for each in phones.legs.values() if each.ended_at == 0]:
                left = True
                if can_end:
                    phones.hang_up(leg)
        return left

    async def more(self, count: Callable[[], int], seconds: float) -> None:
        """Wait until a count has grown. Raises NoAnswer."""
        known = count()
        await self.until(lambda: count() > known, seconds)

    async def until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Wait until something is so. Raises NoAnswer."""
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until:
                raise NoAnswer(f"nothing happened for {seconds:.0f} s")
            await asyncio.sleep(0.01)
