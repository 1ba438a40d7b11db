"""A thread with an event loop of its own, for what must go on while the run looks at something else."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

BEGUN_S_MAX: Final = 10
"""Sockets on loopback are open, and closed, long before that."""


class LoopThread(threading.Thread, ABC):
    """`_live` is what it does, from `begin` until `stop`."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._begun = threading.Event()

    def begin(self) -> None:
        """Start, and wait until it listens."""
        self.start()
        self._begun.wait(BEGUN_S_MAX)

    def stop(self) -> None:
        """Close everything and end the thread."""
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self.join(BEGUN_S_MAX)

    def run(self) -> None:
        """The thread's own loop, until `stop`."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())
        self._loop.close()

    def _soon(self, act: Callable[..., None], *given: Any) -> None:
        """Do something in this thread."""
        self._loop.call_soon_threadsafe(act, *given)

    @abstractmethod
    async def _live(self) -> None:
        """Listen, set `_begun`, and clean up once `_stopped` is set."""
