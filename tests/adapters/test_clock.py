"""What the host requires of a clock."""

import pytest

from runtime.memory import MemoryClock
from runtime.ports import Clock
from runtime.system_clock import SystemClock


@pytest.fixture(params=[MemoryClock, SystemClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    """Either clock."""
    made: Clock = request.param()
    return made


async def test_sleeping_takes_the_time_it_says(clock: Clock) -> None:
    """Pauses and ages are in seconds, instants in milliseconds."""
    before, elapsed = clock.now(), clock.elapsed()
    await clock.sleep(0.02)
    assert clock.elapsed() - elapsed >= 0.019
    assert clock.now() - before >= 15
