"""The machine's clock."""

import asyncio
import time

from contracts.ids import Instant


class SystemClock:
    """Wall time for timers, monotonic time for ages and pauses."""

    def now(self) -> Instant:
        """Milliseconds since 1970-01-01 UTC."""
        return Instant(time.time_ns() // 1_000_000)

    def elapsed(self) -> float:
        """Seconds since some moment, never going back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
