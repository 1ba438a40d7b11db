"""The hourly sweep: what is older than it may be kept goes, and who must be warned before that is told."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from runtime.edge import NotSaid
from runtime.ports import BlobsUnavailable, Clock

Sweep = Callable[[], Awaitable[int]]
"""One pass over all organizations; how much it found to do."""
_log = structlog.get_logger()


class Sweeper:
    """Goes round after round; one that fails is tried again an hour later, and holds no other up."""

    def __init__(self, *, sweeps: Sequence[Sweep], clock: Clock, every_s: float) -> None:
        self._sweeps = sweeps
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(self._every_s)
            await self.sweep()

    async def sweep(self) -> None:
        """Each round once."""
        for each in self._sweeps:
            try:
                await each()
            except (BlobsUnavailable, NotSaid, DBAPIError, OSError) as error:
                _log.warning("the hourly sweep was not finished, and is tried again", error=str(error))
