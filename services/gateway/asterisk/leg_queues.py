"""The order of work: jobs of one leg one after the other, jobs of different legs at once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from contracts.ids import LegId
from services.gateway.asterisk.client import AriError

Job = Callable[[], Awaitable[None]]

NO_LEG: Final = LegId("")
"""The queue of what concerns no leg."""

log = structlog.get_logger(__name__)


class LegQueues:
    """One queue for each leg that has work; a queue is a task while there is something to do."""

    def __init__(self, on_failure: Callable[[BaseException], None]) -> None:
        """`on_failure` is called with what no job should raise."""
        self._on_failure = on_failure
        self._queues: dict[LegId, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, leg_id: LegId, job: Job) -> None:
        """Do this after everything that was put for the leg before."""
        queue = self._queues.get(leg_id)
        if queue is not None:
            queue.append(job)
            return
        self._queues[leg_id] = deque([job])
        self.at_once(lambda: self._work(leg_id))

    def put_for_all(self, leg_ids: Sequence[LegId], job: Job) -> None:
        """Do this after everything that was put for any of these legs; all of them wait until it is done.

        All places are taken at once, so two such jobs never wait for each other.
        """
        first, *others = dict.fromkeys(leg_ids)
        reached = [asyncio.Event() for _ in others]
        done = asyncio.Event()

        async def wait(is_reached: asyncio.Event) -> None:
            is_reached.set()
            await done.wait()

        async def work() -> None:
            try:
                for each in reached:
                    await each.wait()
                await job()
            finally:
                done.set()

        self.put(first, work)
        for leg_id, is_reached in zip(others, reached, strict=True):
            self.put(leg_id, lambda is_reached=is_reached: wait(is_reached))  # type: ignore[misc]

    def at_once(self, job: Job) -> None:
        """Do this beside everything else."""
        task = asyncio.get_running_loop().create_task(_done(job))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _work(self, leg_id: LegId) -> None:
        queue = self._queues[leg_id]
        try:
            while queue:
                await _done(queue[0])
                queue.popleft()
        finally:
            if self._queues.get(leg_id) is queue:
                del self._queues[leg_id]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failure(error)

    def clear(self) -> None:
        """Give up all work: the connection is gone, and whoever asked will ask again."""
        self._queues.clear()
        for task in list(self._tasks):
            task.cancel()


async def _done(job: Job) -> None:
    """Do a job; one that Asterisk did not answer is given up."""
    try:
        await job()
    except AriError as error:
        log.info("gateway.ari_unanswered", reason=type(error).__name__)
