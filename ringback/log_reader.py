"""Follows the log of facts, in the caller's loop (`follow`, `follow_all`) or in a thread (`LogReader`)."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Final

from ringback import connect
from ringback import log as facts_log
from ringback.log import Reading
from runtime.ports import Log, LogUnavailable, OffsetOutOfRange

AGAIN_S: Final = 1.0
"""How long to wait before asking an unavailable broker again."""
STOP_S: Final = 20.0


async def follow(log: Log, partition: int, hear: Callable[[Reading], None]) -> None:
    """Read one partition forever, from its oldest record; never asks the broker for the log's end."""
    offset = await log.oldest(partition)
    while True:
        try:
            records = await log.read(
                partition, offset, records_max=facts_log.RECORDS_MAX, wait_ms=facts_log.WAIT_MS
            )
        except LogUnavailable:
            await asyncio.sleep(AGAIN_S)
            continue
        except OffsetOutOfRange:
            offset = await log.oldest(partition)
            continue
        for record in records:
            offset = record.offset + 1
            found = facts_log.reading(record)
            if found is not None:
                hear(found)


async def follow_all(settings: Mapping[str, str], hear: Callable[[Reading], None]) -> None:
    """Read every partition forever. Raises NotConfigured and LogUnavailable."""
    async with connect.log(settings) as log, asyncio.TaskGroup() as readers:
        for partition in range(log.partitions):
            readers.create_task(follow(log, partition, hear))


class LogReader(threading.Thread):
    """Reads every partition until `stop`; `hear` gets each message, in this thread.

    An error of the log or of `hear` ends the thread and stays in `error`, for the main thread to raise.
    """

    def __init__(self, settings: Mapping[str, str], hear: Callable[[Reading], None]) -> None:
        super().__init__(name="log reader", daemon=True)
        self.error: BaseException | None = None
        self._settings = settings
        self._hear = hear
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        """The thread's own loop."""
        self._task = self._loop.create_task(follow_all(self._settings, self._hear))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001  # the main thread raises it
            self.error = error
        finally:
            self._loop.close()

    def stop(self) -> None:
        """End the thread."""
        if self._task is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join(STOP_S)
