"""A rebuild: empty the tables, so that the next start reads the log from its oldest record."""

from collections.abc import Awaitable, Callable

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.host.identity import RefusedToStart
from runtime.ports import Log
from services.history.activities import tables
from services.history.activities.database import migrate


async def empty(engine: AsyncEngine) -> None:
    """Forget everything that was made from the log; the next start reads it from its oldest record."""
    async with engine.begin() as connection:
        for table in reversed(tables.METADATA.sorted_tables):
            await connection.execute(delete(table))


def prepared_rebuild(log: Log, *, may_lose: bool) -> Callable[[AsyncEngine], Awaitable[None]]:
    """What a rebuild does first: demand the whole log, unless it may lose what is older; then empty all."""

    async def before(engine: AsyncEngine) -> None:
        await migrate(engine)
        if not may_lose:
            await require_whole_log(log)
        await empty(engine)

    return before


async def require_whole_log(log: Log) -> None:
    """Whether the log still has its beginning: what it lost can't be made again. Raises RefusedToStart."""
    for partition in range(log.partitions):
        oldest = await log.oldest(partition)
        if oldest > 0:
            raise RefusedToStart(
                f"partition {partition} of the log begins at offset {oldest}: rows that are older would be "
                "lost for good. Take a copy of the database, then `rebuild --from-oldest`."
            )
