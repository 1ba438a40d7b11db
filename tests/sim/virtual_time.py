"""An event loop whose clock jumps: when nobody can run, time moves to the next timer at once.

The real host and services run on it unchanged. asyncio runs what is ready in the order in which it
became ready, so with one source of randomness a seed repeats a run exactly.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from contracts.ids import Instant

T = TypeVar("T")

START_MS = 1_800_000_000_000
"""Friday 15 January 2027, 08:00 UTC: an ordinary working day."""


class Deadlock(Exception):
    """Nobody can run and no timer is set: somebody waits for what will never come."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: being asked to wait for t seconds moves the loop's clock by t."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nobody can run and no timer is set")
        self.elapsed_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` is virtual."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # Timers within one resolution fire together: a nanosecond keeps them apart, as their order was set.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._jumping.elapsed_s

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """What others do in a thread is done at once: a thread keeps a time of its own, and no seed."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # it is the caller's, as from a thread
            done.set_exception(error)
        return done


class VirtualClock:
    """The host's clock port on a virtual loop; `ahead_ms` is how wrong this machine's clock is."""

    def __init__(self, loop: VirtualLoop, *, ahead_ms: int = 0) -> None:
        self._loop = loop
        self.ahead_ms = ahead_ms

    def now(self) -> Instant:
        """This machine's idea of the time."""
        return Instant(START_MS + round(self._loop.time() * 1000) + self.ahead_ms)

    def elapsed(self) -> float:
        """Seconds since the simulation began."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run to the end on a virtual loop, then close it; tasks that are left are cancelled."""
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
