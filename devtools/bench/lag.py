"""How far history is behind the log: from the append of a fact until its row can be read."""

import asyncio
import bisect
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

import asyncpg

from devtools.bench.live import TooSlow
from runtime.kafka_log import KafkaLog
from runtime.ports import LogRecord

LOOK_S: Final = 0.02
WAIT_S_MAX: Final = 600.0
RECORDS_MAX: Final = 500
# The offset is written in the transaction that writes the rows: whoever reads it can read them.
NEXT: Final = "SELECT next_offset FROM positions WHERE partition = $1"


class Watched:
    """A partition's offset in the tables, as somebody reads it who looks all the time."""

    def __init__(self, connection: asyncpg.Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition
        self._offsets: list[int] = []
        self._seen_at: list[float] = []

    @property
    def next_offset(self) -> int:
        """The first record whose rows could not be read when we looked last."""
        return self._offsets[-1] if self._offsets else 0

    async def look(self) -> None:
        """Look until cancelled."""
        while True:
            found = await self._connection.fetchval(NEXT, self._partition)
            if found is not None and found > self.next_offset:
                self._offsets.append(found)
                self._seen_at.append(time.time())
            await asyncio.sleep(LOOK_S)

    async def reach(self, offset: int) -> None:
        """Wait until all records before this one are in the tables."""
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                while self.next_offset < offset:
                    await asyncio.sleep(LOOK_S)
        except TimeoutError as error:
            raise TooSlow(f"history is at {self.next_offset} of {offset}") from error

    def pace(self) -> float:
        """Records a second, from the first change that was seen to the last."""
        return (self._offsets[-1] - self._offsets[0]) / (self._seen_at[-1] - self._seen_at[0])

    async def lags(self, log: KafkaLog, first: int, end: int) -> list[float]:
        """Seconds from the append of each of these records until its rows were seen."""
        return [
            self._seen_at[bisect.bisect_right(self._offsets, each.offset)] - each.at / 1000
            async for each in records(log, self._partition, first, end)
        ]


async def records(log: KafkaLog, partition: int, first: int, end: int) -> AsyncIterator[LogRecord]:
    """A partition's records from one offset to before another."""
    while first < end:
        for each in await log.read(partition, first, records_max=RECORDS_MAX, wait_ms=1000):
            if each.offset < end:
                yield each
            first = each.offset + 1


@contextlib.asynccontextmanager
async def watched(database: str, partition: int) -> AsyncIterator[Watched]:
    """Look at a partition's offset in history's tables on PostgreSQL while the block runs."""
    connection = await asyncpg.connect(database)
    made = Watched(connection, partition)
    looking = asyncio.create_task(made.look())
    try:
        yield made
    finally:
        looking.cancel()
        await asyncio.wait((looking,))
        await connection.close()
