"""The hourly sweep: removes what is older than the retention time, and warns owners before that."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from runtime.edge import NotSaid
from runtime.ports import BlobsUnavailable, Clock

Sweep = Callable[[], Awaitable[int]]
"""One pass over all organizations; returns how much it did."""
_log = structlog.get_logger()


class Sweeper:
    """Runs the sweeps every hour; one that fails is tried again an hour later and holds up no other."""

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
        """Run each sweep once."""
        for each in self._sweeps:
            try:
                await each()
            except (BlobsUnavailable, NotSaid, DBAPIError, OSError) as error:
                _log.warning("the hourly sweep was not finished, and is tried again", error=str(error))
            except Exception as error:  # noqa: BLE001  # a fault of one sweep ends neither the others nor the process
                _log.error("alarm: the hourly sweep failed, and is tried again", exc_info=error)
