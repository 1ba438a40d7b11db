"""A rebuild: empty the tables, so that the next start reads the log from its oldest record."""

from collections.abc import Awaitable, Callable

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.host.identity import RefusedToStart
from runtime.ports import Log
from services.history.activities import tables
from services.history.activities.database import migrate


async def empty(engine: AsyncEngine) -> None:
    """Empty all tables: the next start reads the log from its oldest record."""
    async with engine.begin() as connection:
        for table in reversed(tables.METADATA.sorted_tables):
            await connection.execute(delete(table))


def prepared_rebuild(log: Log, *, may_lose: bool) -> Callable[[AsyncEngine], Awaitable[None]]:
    """A rebuild's preparation: check that the log is whole, unless rows may be lost; empty the tables."""

    async def before(engine: AsyncEngine) -> None:
        await migrate(engine)
        if not may_lose:
            await require_whole_log(log)
        await empty(engine)

    return before


async def require_whole_log(log: Log) -> None:
    """Check that the log still has its beginning: older rows can't be rebuilt. Raises RefusedToStart."""
    for partition in range(log.partitions):
        oldest = await log.oldest(partition)
        if oldest > 0:
            raise RefusedToStart(
                f"partition {partition} of the log begins at offset {oldest}: rows that are older would be "
                "lost for good. Take a copy of the database, then `rebuild --from-oldest`."
            )
