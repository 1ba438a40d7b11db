"""Turns between organizations in a table of waiting rows: nobody waits for another's whole backlog."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection


class Turns:
    """Whose turn it is; where there are more organizations than turns, the next round goes on after them."""

    def __init__(self, organization_id: ColumnElement[Any]) -> None:
        """`organization_id` is the table's column, which begins an index of the rows that wait."""
        self._column = organization_id
        self._last = ""

    async def next(
        self, connection: AsyncConnection, waits: ColumnElement[bool], count_max: int
    ) -> tuple[list[str], bool]:
        """Organizations with rows that wait, and whether these are all of them."""
        found = await self._after(connection, waits, self._last, count_max)
        if len(found) < count_max and self._last:
            first = await self._after(connection, waits, "", count_max)
            found += [each for each in first if each <= self._last]
        is_all = len(found) < count_max
        chosen = found[:count_max]
        self._last = "" if is_all or not chosen else chosen[-1]
        return chosen, is_all

    async def _after(
        self, connection: AsyncConnection, waits: ColumnElement[bool], organization_id: str, count_max: int
    ) -> list[str]:
        """Organizations by id; each costs one look into the index, whatever its backlog."""
        least = func.min(self._column)
        first = select(least.label("id")).where(waits, self._column > organization_id)
        found = first.cte("found", recursive=True)
        following = select(least).where(waits, self._column > found.c.id).scalar_subquery()
        every = found.union_all(select(following).where(found.c.id.is_not(None)))
        query = select(every.c.id).where(every.c.id.is_not(None)).limit(count_max)
        return list((await connection.execute(query)).scalars())
