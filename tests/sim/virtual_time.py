"""An event loop whose clock jumps: if no task can run, time moves to the next timer at once.

The real host and services run on it unchanged. Ready callbacks run in the order in which they became ready,
and timers in the order of their instants, then of their creation: with one source of randomness a seed
repeats a run exactly. The loop has no selector, no threads and no signals: it takes most of a morning's time,
so it does only what is necessary.
"""

import asyncio
import contextvars
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from typing import Any, TypeVar

from contracts.ids import Instant

T = TypeVar("T")

START_MS = 1_800_000_000_000
"""Friday 15 January 2027, 08:00 UTC: an ordinary working day."""


class Deadlock(Exception):
    """No task can run and no timer is set: a task waits for something that never comes."""


class _Call(list[Any]):
    """A callback to run now or at an instant: the callback, its arguments and its context.

    Nothing is made so often, and a list is made in half of the time of a handle of the library's.
    """

    __slots__ = ()

    def cancel(self) -> None:
        """Cancel the call, and drop its references."""
        self[:] = (None, (), None)

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self[0] is None


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` is virtual. A callback's exception ends the run; production would only log it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        """Seconds since the simulation began."""
        self._calls: deque[_Call] = deque()
        self._timers: list[tuple[float, int, _Call]] = []
        self._number = 0

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self.now_s

    def call_soon(  # type: ignore[override]  # the library types arguments one by one
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run after all callbacks that are ready already."""
        call = _Call((callback, args, contextvars.copy_context() if context is None else context))
        self._calls.append(call)
        return call  # type: ignore[return-value]  # it can be cancelled, and nobody wants more

    def call_at(  # type: ignore[override]  # as above
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run at an instant."""
        call = _Call((callback, args, contextvars.copy_context() if context is None else context))
        self._number += 1
        heappush(self._timers, (when, self._number, call))
        return call  # type: ignore[return-value]  # as above

    def call_later(  # type: ignore[override]  # as above
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run after some seconds."""
        call = _Call((callback, args, contextvars.copy_context() if context is None else context))
        self._number += 1
        heappush(self._timers, (self.now_s + delay, self._number, call))
        return call  # type: ignore[return-value]  # as above

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Run the function at once: a thread would not be repeatable."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # it is the caller's, as from a thread
            done.set_exception(error)
        return done

    def run_until_complete(self, future: Any) -> Any:
        """Run until a coroutine or future is done, and return its result. Raises Deadlock."""
        awaited = asyncio.ensure_future(future, loop=self)
        events._set_running_loop(self)
        try:
            self._run_until(awaited)
        finally:
            events._set_running_loop(None)
        return awaited.result()

    def _run_until(self, awaited: asyncio.Future[Any]) -> None:
        """Run ready callbacks round by round; when none is ready, jump to the next timer."""
        calls, timers = self._calls, self._timers
        while not awaited.done():
            while timers and (timers[0][0] <= self.now_s or timers[0][2][0] is None):
                call = heappop(timers)[2]
                if call[0] is not None:
                    calls.append(call)
            if not calls:
                if not timers:
                    raise Deadlock("nobody can run and no timer is set")
                self.now_s = timers[0][0]
                continue
            for _ in range(len(calls)):
                work, given, context = calls.popleft()
                if work is not None:
                    context.run(work, *given)


class VirtualClock:
    """The host's clock port on a virtual loop; `ahead_ms` is this machine's clock error."""

    def __init__(self, loop: VirtualLoop, *, ahead_ms: int = 0) -> None:
        self._loop = loop
        self.ahead_ms = ahead_ms
        self._seen_s = -1.0
        self._now = Instant(0)

    def now(self) -> Instant:
        """This machine's time; called far more often than time moves."""
        if self._seen_s != self._loop.now_s:
            self._seen_s = self._loop.now_s
            self._now = Instant(START_MS + round(self._seen_s * 1000) + self.ahead_ms)
        return self._now

    def elapsed(self) -> float:
        """Seconds since the simulation began."""
        return self._loop.now_s

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run to the end on a virtual loop, then cancel remaining tasks and close the loop."""
    try:
        found: T = loop.run_until_complete(main)
        return found
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
